"""PyTorch's type promotion, for the bodies of operations.

Three ranks take part: tensors with dimensions, zero-dimensional tensors, Python numbers. A lower rank changes the
result only if its category (bool, integer, floating, complex) is higher than what the ranks above it give.
Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core import dtype as _dtype
from torchlike.core.dtype import category
from torchlike.ops.checks import need, word
from torchlike.ops.dims import broadcast_shape


def rounded(x, dtype):
    """The nearest numbers that a floating `dtype` has, in x's own wider type.

    A conversion there and back would not do: XLA leaves such a rounding out.
    """
    info = jnp.finfo(dtype)
    return lax.reduce_precision(x, info.nexp, info.nmant)


def is_weak(x) -> bool:
    """Whether `x` stands for a Python number."""
    return isinstance(x, bool | int | float | complex) or getattr(x, "weak_type", False)


def kind(x) -> np.dtype:
    """The dtype of an array, or the one a tensor made of this Python number would have."""
    if not is_weak(x):
        return np.dtype(x.dtype)
    level = category(np.dtype(x.dtype)) if hasattr(x, "dtype") else category(np.asarray(x).dtype)
    return (_dtype.bool, _dtype.int64, _dtype.get_default_dtype(), _dtype.default_complex())[level].np


def result_type(*xs) -> np.dtype:
    """The common dtype of arrays and Python numbers (weak-typed arrays count as numbers)."""
    ranks: list[np.dtype | None] = [None, None, None]
    for x in xs:
        rank = 2 if is_weak(x) else 1 if x.ndim == 0 else 0
        before = ranks[rank]
        ranks[rank] = kind(x) if before is None else jnp.promote_types(before, kind(x))
    result: np.dtype | None = None
    for r in ranks:
        if r is None:
            continue
        if result is None:
            result = r
        elif category(r) > category(result):
            result = _higher(result, r)
    assert result is not None
    return np.dtype(result)


def _higher(low: np.dtype, high: np.dtype) -> np.dtype:
    """A higher category wins; a complex number beside a double tensor keeps the double's width."""
    if category(high) == 3 and category(low) == 2:
        return np.dtype(np.complex128) if low == np.float64 else np.dtype(np.complex64)
    return high


def promote(*xs) -> tuple[jax.Array, ...]:
    """The arguments as arrays of their common dtype."""
    d = result_type(*xs)
    return tuple(jnp.asarray(x, d) for x in xs)


def promote_float(*xs) -> tuple[jax.Array, ...]:
    """As `promote`, but integers and bools become the default floating type."""
    d = result_type(*xs)
    if category(d) < 2:
        d = _dtype.get_default_dtype().np
    return tuple(jnp.asarray(x, d) for x in xs)


def elementwise(*xs, floating: bool = False) -> tuple[jax.Array, ...]:
    """As `promote` (or `promote_float`), with PyTorch's error where the shapes do not broadcast."""
    broadcast_shape(*[np.shape(x) for x in xs])
    return promote_float(*xs) if floating else promote(*xs)


def real_float(x, kernel: str, half: bool = True) -> jax.Array:
    """`x` as a real floating array, with PyTorch's error where its CPU kernel is not for the type."""
    (x,) = promote_float(x)
    need(x, kernel, 2, 2)
    if not half and x.dtype.itemsize == 2:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{word(x)}'")
    return x


def is_half(d: np.dtype) -> bool:
    """Whether it is float16 or bfloat16, which PyTorch computes with in float32."""
    return category(d) == 2 and d.itemsize == 2


def widely(f):
    """f computed in float32 where the elements are half precision, and rounded once."""

    @functools.wraps(f)
    def wide(x, *others, **named):
        d = x.dtype
        if not is_half(d):
            return f(x, *others, **named)
        rest = [y.astype(jnp.float32) if isinstance(y, jax.Array) else y for y in others]
        return f(x.astype(jnp.float32), *rest, **named).astype(d)

    return wide


def as_np(d, otherwise=None) -> np.dtype | None:
    """The NumPy dtype of an optional torch dtype argument."""
    if d is None:
        return otherwise
    if not isinstance(d, _dtype.dtype):
        raise TypeError(f"argument 'dtype' must be torch.dtype, not {type(d).__name__}")
    return d.np


def can_cast(source: np.dtype, target: np.dtype) -> bool:
    """Whether an in-place result of `source` may go into `target`: never down a category."""
    return category(source) <= category(target) or (category(source) == 1 and category(target) == 1)
