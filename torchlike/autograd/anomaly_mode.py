"""Finding the operation that failed in the backward pass, by the line that called it."""

from __future__ import annotations

import warnings

from torchlike.core.grad_mode import mode as _mode
from torchlike.core.grad_mode import watching as _watching

__all__ = ["detect_anomaly", "set_detect_anomaly"]

_SLOW = (
    "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging."
)


def _switch(on: bool, check_nan: bool) -> None:
    if on != _mode.anomaly:
        if on:
            _watching.append("anomaly")
        else:
            _watching.remove("anomaly")
    _mode.anomaly, _mode.check_nan = on, on and check_nan


class set_detect_anomaly:
    """Operations note where they were called. An error in the backward pass then shows that place in a warning, and a
    NaN among the gradients is a RuntimeError (unless `check_nan=False`), for which each gradient is read.

    Sets the mode at once; as a context manager it restores the old one at the end.
    """

    def __init__(self, mode: bool, check_nan: bool = True):
        self._was = _mode.anomaly, _mode.check_nan
        _switch(bool(mode), check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _switch(*self._was)


class detect_anomaly(set_detect_anomaly):
    """A block in which errors of the backward pass name the line of the forward pass; see `set_detect_anomaly`."""

    def __init__(self, check_nan: bool = True):
        self._was = _mode.anomaly, _mode.check_nan
        self.check_nan = check_nan
        warnings.warn(_SLOW, stacklevel=2)

    def __enter__(self) -> None:
        self._was = _mode.anomaly, _mode.check_nan
        _switch(True, self.check_nan)


def is_anomaly_enabled() -> bool:
    """Whether the anomaly mode is on."""
    return _mode.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether the anomaly mode would raise at a NaN."""
    return _mode.check_nan
