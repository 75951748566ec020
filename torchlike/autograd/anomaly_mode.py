"""Looking for NaN in the backward pass."""

from __future__ import annotations

import warnings

from torchlike.core.graph import mode as _mode

_SLOW = (
    "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for debugging."
)


class set_detect_anomaly:
    """Raise RuntimeError as soon as the backward pass makes a NaN, naming the operation. Each gradient is read for it.

    Sets the mode at once; as a context manager it restores the old one at the end. PyTorch also prints where the
    operation was called; here that is not kept.
    """

    def __init__(self, mode: bool, check_nan: bool = True):
        self._was = _mode.anomaly
        _mode.anomaly = bool(mode) and check_nan

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _mode.anomaly = self._was


class detect_anomaly(set_detect_anomaly):
    """A block in which the backward pass raises when it makes a NaN; see `set_detect_anomaly`."""

    def __init__(self, check_nan: bool = True):
        warnings.warn(_SLOW, stacklevel=2)
        self._was = _mode.anomaly
        self.check_nan = check_nan

    def __enter__(self) -> None:
        _mode.anomaly = self.check_nan
