"""torch.finfo and torch.iinfo: the limits of floating and integer types."""

from __future__ import annotations

import ml_dtypes
import numpy as np

from torchlike import printing
from torchlike.core import dtype as _dtype


class finfo:
    """The limits of a floating or complex type (the default floating type, unless given).

    >>> import torchlike as torch
    >>> torch.finfo(torch.float16).max
    65504.0
    """

    def __init__(self, type: _dtype.dtype | None = None):
        kind = (type or _dtype.get_default_dtype()).to_real()
        if not kind.is_floating_point:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        limits = ml_dtypes.finfo(kind.np)
        self.bits = kind.itemsize * 8
        self.eps = float(limits.eps)
        self.max = float(limits.max)
        self.min = float(limits.min)
        self.tiny = self.smallest_normal = float(limits.smallest_normal)
        self.resolution = float(f"1e-{limits.precision}")
        self.dtype = kind.name

    def __repr__(self) -> str:
        return printing.finfo_str(
            resolution=self.resolution, min=self.min, max=self.max, eps=self.eps,
            smallest_normal=self.smallest_normal, tiny=self.tiny, dtype=self.dtype,
        )  # fmt: skip


class iinfo:
    """The limits of an integer type.

    >>> import torchlike as torch
    >>> torch.iinfo(torch.int8).max
    127
    """

    def __init__(self, type: _dtype.dtype):
        if type.np.kind not in "iu":
            raise TypeError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'")
        limits = np.iinfo(type.np)
        self.bits = limits.bits
        self.max = int(limits.max)
        self.min = int(limits.min)
        self.dtype = type.name

    def __repr__(self) -> str:
        return printing.iinfo_str(min=self.min, max=self.max, dtype=self.dtype)
