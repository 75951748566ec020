"""torch.utils.collect_env: what to put into a report about a problem.

    python -m torchlike.utils.collect_env
"""

from __future__ import annotations

import platform
import sys


def get_pretty_env_info() -> str:
    """Versions of Python, JAX and what stands on it, and the devices that JAX sees."""
    from importlib import metadata

    import jax

    from torchlike.version import __version__, torchlike

    lines = [f"torchlike: {torchlike()} (as PyTorch {__version__})", f"Python: {sys.version}"]
    lines.append(f"OS: {platform.platform()}")
    for name in ("jax", "jaxlib", "flax", "optax", "numpy"):
        lines.append(f"{name}: {metadata.version(name)}")
    return "\n".join([*lines, f"Devices: {', '.join(map(str, jax.devices()))}"])


def main() -> None:
    """Print it."""
    print(get_pretty_env_info())


if __name__ == "__main__":
    main()
