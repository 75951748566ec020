"""torch.cuda.profiler: switches NVIDIA's profiler, which is not reached from here."""

from __future__ import annotations

import contextlib

_WAY = "use torch.profiler.profile or jax.profiler.trace"


def start() -> None:
    """Raises: use torch.profiler."""
    raise NotImplementedError(f"torch.cuda.profiler.start(): {_WAY}")


def stop() -> None:
    """Raises: use torch.profiler."""
    raise NotImplementedError(f"torch.cuda.profiler.stop(): {_WAY}")


@contextlib.contextmanager
def profile():
    """Raises: use torch.profiler."""
    start()
    yield
    stop()
