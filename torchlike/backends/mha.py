"""torch.backends.mha: whether MultiheadAttention may take PyTorch's inference kernel. Kept; there is one way here."""

from __future__ import annotations

_fast = [True]


def get_fastpath_enabled() -> bool:
    """What `set_fastpath_enabled` was given."""
    return _fast[0]


def set_fastpath_enabled(value: bool) -> None:
    """Kept: there is one way to compute attention."""
    _fast[0] = bool(value)
