"""torch._prims_common: types and small questions that packages import from PyTorch's reference operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torchlike.core.dtype import dtype
from torchlike.core.variable import contiguous_strides
from torchlike.tensor import Tensor

DeviceLikeType = Any
DimsType = int | list[int] | tuple[int, ...]
DimsSequenceType = list[int] | tuple[int, ...]
NumberType = bool | int | float | complex
Number = (bool, int, float, complex)
ShapeType = list[int] | tuple[int, ...]
StrideType = list[int] | tuple[int, ...]
TensorLike = Tensor
TensorSequenceType = list[Tensor] | tuple[Tensor, ...]


def is_float_dtype(d: dtype) -> bool:
    """Whether a dtype is floating."""
    return d.is_floating_point


def is_complex_dtype(d: dtype) -> bool:
    """Whether a dtype is complex."""
    return d.is_complex


def is_integer_dtype(d: dtype) -> bool:
    """Whether a dtype is integral, bool left out."""
    return d.np.kind in "iu"


def is_boolean_dtype(d: dtype) -> bool:
    """Whether a dtype is bool."""
    return d.np.kind == "b"


def make_contiguous_strides_for(shape: Sequence[int], row_major: bool = True) -> tuple[int, ...]:
    """The strides of a tensor whose elements lie in the order of the indices."""
    if row_major:
        return contiguous_strides(tuple(shape))
    if len(shape) < 2:
        return contiguous_strides(tuple(shape))
    strides = list(contiguous_strides((*shape[:-2], shape[-1], shape[-2])))
    return (*strides[:-2], strides[-1], strides[-2])


def canonicalize_dim(rank: int, idx: int, wrap_scalar: bool = True) -> int:
    """A dimension counted from the front; IndexError where there is none such."""
    n = max(rank, 1) if wrap_scalar else rank
    if not -n <= idx < n:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {idx})")
    return idx % n


def canonicalize_dims(rank: int, indices: Any, wrap_scalar: bool = True) -> Any:
    """One dimension or several counted from the front."""
    if isinstance(indices, int):
        return canonicalize_dim(rank, indices, wrap_scalar)
    return tuple(canonicalize_dim(rank, i, wrap_scalar) for i in indices)
