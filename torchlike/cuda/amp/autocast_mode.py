"""torch.autocast for "cuda", under its older name."""

from __future__ import annotations

import functools
from typing import Any

from torchlike.amp import autocast_mode as _mode
from torchlike.core import dtype as _dtype

__all__ = ["autocast", "custom_fwd", "custom_bwd"]


class autocast(_mode.autocast):
    """`torch.autocast("cuda", ...)`."""

    def __init__(
        self, enabled: bool = True, dtype: _dtype.dtype = _dtype.float16, cache_enabled: bool = True
    ) -> None:
        super().__init__("cuda", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


custom_fwd: Any = functools.partial(_mode.custom_fwd, device_type="cuda")
custom_bwd: Any = functools.partial(_mode.custom_bwd, device_type="cuda")
