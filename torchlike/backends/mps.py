"""torch.backends.mps: whether there is an Apple GPU to compute on. JAX serves none here."""

from __future__ import annotations


def is_built() -> bool:
    """False."""
    return False


def is_available() -> bool:
    """False."""
    return False


def is_macos_or_newer(major: int, minor: int) -> bool:
    """Raises, as PyTorch does without an Apple GPU."""
    raise RuntimeError("Cannot execute isOnMacOSorNewer() without MPS backend.")


def is_macos13_or_newer(minor: int = 0) -> bool:
    """Raises, as PyTorch does without an Apple GPU."""
    return is_macos_or_newer(13, minor)
