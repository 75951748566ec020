"""torch.version: which PyTorch this one speaks as, and what it was built for.

`__version__` is the PyTorch release whose names and meaning are followed, with `+torchlike` as the local part, so that
a package which asks for `torch >= 2.4` gets a true answer, and one that wants to know who it talks to can see it.
"""

from __future__ import annotations

from importlib import metadata

__all__ = ["__version__", "debug", "cuda", "git_version", "hip", "rocm", "xpu"]

__version__ = "2.13.0+torchlike"
debug = False
git_version = "torchlike"
cuda: str | None = None  # NVIDIA GPUs are JAX's business: no CUDA toolkit was compiled against
hip: str | None = None
rocm: str | None = None
xpu: str | None = None


def torchlike() -> str:
    """The version of torchlike itself; "unknown" where it runs from a folder that was never installed."""
    try:
        return metadata.version("torchlike")
    except metadata.PackageNotFoundError:
        return "unknown"
