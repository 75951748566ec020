"""torch.backends.xnnpack: whether XNNPACK computes. XLA does, so it does not."""

from __future__ import annotations

enabled = False


def is_available() -> bool:
    """False."""
    return False
