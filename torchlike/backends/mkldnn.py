"""torch.backends.mkldnn: the flags of oneDNN, which XLA uses as it sees fit. Kept; they change nothing."""

from __future__ import annotations

import contextlib

enabled = True
deterministic = False
allow_tf32 = True
fp32_precision = "none"
VERBOSE_OFF, VERBOSE_ON, VERBOSE_ON_CREATION = 0, 1, 2


def is_available() -> bool:
    """False: tensors in oneDNN's own layout do not exist here."""
    return False


@contextlib.contextmanager
def flags(enabled: bool = False, deterministic: bool = False, allow_tf32: bool = True, fp32_precision: str = "none"):
    """A block with other flags."""
    new = dict(locals())
    before = {name: globals()[name] for name in new}
    globals().update(new)
    try:
        yield
    finally:
        globals().update(before)
