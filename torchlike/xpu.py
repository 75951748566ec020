"""torch.xpu: Intel GPUs, of which JAX has none here. What can be asked is answered, what needs one raises."""

from __future__ import annotations

from typing import Any

from torchlike import absent as _absent


def _error(function: str = "") -> AssertionError:
    return AssertionError("Torch not compiled with XPU enabled")


_zero: Any = {
    name: (lambda *args, **kwargs: 0)
    for name in ("memory_allocated", "max_memory_allocated", "memory_reserved", "max_memory_reserved")
}
_nothing: Any = {
    name: (lambda *args, **kwargs: None)
    for name in ("empty_cache", "reset_peak_memory_stats", "reset_accumulated_memory_stats")
}
for _fn in _zero.values():
    _fn.__doc__ = "0: there is no xpu device here."
for _fn in _nothing.values():
    _fn.__doc__ = "Nothing to do: there is no xpu device here."
_absent.finish(globals(), {**_absent.answers("xpu", _error), **_zero, **_nothing})


def is_current_stream_capturing() -> bool:
    """False: there is no xpu device here."""
    return False


class device(_absent.NoDevice):
    """`with torch.xpu.device(i):`; a negative index does nothing, any other one raises."""

    error = _error()


class Stream:
    """Raises when made: there is no xpu device here."""

    def __init__(self, *args: Any, **kwargs: Any):
        raise RuntimeError("torch.xpu.Stream requires XPU support")


class Event:
    """Raises when made: there is no xpu device here."""

    def __init__(self, *args: Any, **kwargs: Any):
        raise RuntimeError("torch.xpu.Event requires XPU support")
