"""torch.finfo and torch.iinfo: the limits of floating and integer types."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from torchlike import printing
from torchlike.core import dtype as _dtype

_UNSET: Any = object()


class _Limits:
    """What finfo and iinfo share: equal for equal types, and no key of a dict, as in PyTorch."""

    def __init__(self, type):
        if not isinstance(type, _dtype.dtype):
            name, given = self.__class__.__name__, type.__class__.__name__
            raise TypeError(f"{name}(): argument 'type' (position 1) must be torch.dtype, not {given}")

    def __eq__(self, other) -> bool:
        return self.__class__ is other.__class__ and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]


class finfo(_Limits):
    """The limits of a floating or complex type (the default floating type, unless given).

    >>> import torchlike as torch
    >>> torch.finfo(torch.float16).max
    65504.0
    """

    def __init__(self, type: _dtype.dtype = _UNSET):
        type = _dtype.get_default_dtype() if type is _UNSET else type
        super().__init__(type)
        kind = type.to_real()
        if not kind.is_floating_point:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        limits = ml_dtypes.finfo(kind.np)
        self.bits = kind.itemsize * 8
        self.eps = 0.125 if kind is _dtype.float8_e5m2fnuz else float(limits.eps)  # PyTorch says 0.125, half of it
        self.max = float(limits.max)
        self.min = float(limits.min)
        self.tiny = self.smallest_normal = float(limits.smallest_normal)
        # a step of the last decimal digit that is always kept: eight bits keep none
        self.resolution = 1.0 if kind.itemsize == 1 else float(f"1e-{limits.precision}")
        self.dtype = kind.name

    def __repr__(self) -> str:
        return printing.finfo_str(
            resolution=self.resolution, min=self.min, max=self.max, eps=self.eps,
            smallest_normal=self.smallest_normal, tiny=self.tiny, dtype=self.dtype,
        )  # fmt: skip


class iinfo(_Limits):
    """The limits of an integer type.

    >>> import torchlike as torch
    >>> torch.iinfo(torch.int8).max
    127
    """

    def __init__(self, type: _dtype.dtype):
        super().__init__(type)
        if type is _dtype.bool:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        if type.np.kind not in "iu":
            raise TypeError("torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'")
        limits = np.iinfo(type.np)
        self.bits = limits.bits
        self.max = int(limits.max)
        self.min = int(limits.min)
        self.dtype = type.name

    def __repr__(self) -> str:
        return printing.iinfo_str(min=self.min, max=self.max, dtype=self.dtype)
