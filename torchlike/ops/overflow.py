"""Python numbers that go into a tensor as they are: refused where its dtype cannot hold them."""

from __future__ import annotations

import math

import ml_dtypes
import numpy as np

from torchlike.core.dtype import FROM_NP

_NAMES = {"uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int", "int64": "int64_t",
          "float32": "float", "float64": "double"}  # fmt: skip


def check_fits(value, kind: np.dtype) -> None:
    """PyTorch's error unless the number can be held; negative ones may wrap into unsigned types, as in C."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise ValueError("Overflow when unpacking long long")
    if not in_range(value, kind):
        name = _NAMES.get(kind.name, FROM_NP[kind].name)
        raise RuntimeError(f"value cannot be converted to type {name} without overflow")


def in_range(value, kind: np.dtype) -> bool:
    """Whether a Python number can be held in this dtype."""
    if kind.kind == "b" or kind.kind != "c" and kind.itemsize == 2 and kind.kind not in "iu":
        return True  # PyTorch converts to half precision by way of single, which gives infinity
    if isinstance(value, complex):
        return kind.kind == "c" or not value.imag and in_range(value.real, kind)
    if kind.kind in "iu":
        if not math.isfinite(value):
            return False
        limits = np.iinfo(kind)
        least = -limits.max if kind.kind == "u" and isinstance(value, int) else limits.min
        return bool(least <= value <= limits.max)
    if not math.isfinite(value):
        return True
    widest = ml_dtypes.finfo(np.float32 if kind == np.complex64 else np.float64 if kind.kind == "c" else kind).max
    return abs(value) <= float(widest)
