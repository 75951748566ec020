"""Which elements belong to a set, where flat places lie, places of what is not zero in a fixed number, powers."""

from __future__ import annotations

import math
import operator

import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.op import SLOT, Array, Op, Scalar, composite, op
from torchlike.core.size import Size
from torchlike.core.variable import Variable, apply
from torchlike.ops.checks import check
from torchlike.ops.copies import put_out
from torchlike.ops.promotion import promote
from torchlike.ops.reduction import over
from torchlike.ops.views import reshape


def _isin(elements: Scalar, test_elements: Scalar, invert: bool):
    elements, test_elements = promote(elements, test_elements)
    return jnp.isin(elements, test_elements, invert=invert)


_ISIN = Op("isin", _isin, differentiable=False)


@composite("torch.isin")
def isin(elements, test_elements, *, assume_unique: bool = False, invert: bool = False, out=None):
    """Whether each of `elements` is among `test_elements` (with `invert`: is not); one of the two may be a number."""
    given = [x for x in (elements, test_elements) if isinstance(x, Variable)]
    if not given:
        raise TypeError("isin() expects elements or test_elements to be a Tensor, but got two numbers")
    for x in given:
        check(
            not x.is_complex() and x.dtype.name != "bool",  # type: ignore[attr-defined]
            f"Unsupported input type encountered for isin(): {x.dtype._scalar_name}",  # type: ignore[attr-defined]
        )
    return put_out("isin", apply(_ISIN, (SLOT, SLOT, bool(invert)), [elements, test_elements]), out)


@composite("torch.unravel_index")
def unravel_index(indices, shape):
    """The coordinates, one tensor for each dimension, of places in a flattened tensor of this shape (a barrier)."""
    if not isinstance(indices, Variable):
        raise TypeError(f"unravel_index() expected 'indices' to be a Tensor, but got {type(indices)}")
    if indices.is_floating_point() or indices.is_complex() or indices.dtype.name == "bool":  # type: ignore[attr-defined]
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")  # type: ignore[attr-defined]
    if isinstance(shape, int):
        shape = (shape,)
    elif not isinstance(shape, tuple | list):
        raise TypeError(f"unravel_index() expected 'shape' to be int or sequence of ints, but got {type(shape)}")
    for n in shape:
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"unravel_index() expected 'shape' to be int or sequence of ints, but got {type(n)} in it")
        if n < 0:
            raise ValueError(f"'shape' cannot have negative values, but got {tuple(shape)}")
    made = []
    for d, n in enumerate(shape):
        behind = math.prod(shape[d + 1 :])
        made.append(apply(_COORDINATE, (SLOT, behind, n), [indices]))
    return tuple(made)


def _coordinate(indices: Array, behind: int, n: int):
    if not behind or not n:
        return jnp.zeros(indices.shape, jnp.int64)
    return (indices.astype(jnp.int64) // behind) % n


_COORDINATE = Op("unravel_index", _coordinate, differentiable=False)


@op("*.nonzero_static", differentiable=False)
def nonzero_static(input: Array, *, size: int, fill_value: int = -1):
    """The first `size` places of elements that are not zero, one per row; missing ones hold `fill_value`."""
    check(size >= 0, "nonzero_static: 'size' must be an non-negative integer")
    if not input.size or not input.ndim:
        return jnp.full((size, input.ndim), fill_value, jnp.int64)
    return jnp.stack(jnp.nonzero(input, size=size, fill_value=fill_value), -1).astype(jnp.int64)


@op("torch.vander", grad="FlipBackward0")
def vander(x: Array, N: int | None = None, increasing: bool = False):
    """The matrix whose columns are the powers of a vector: N of them, the highest first unless `increasing`."""
    check(x.ndim == 1, "x must be a one-dimensional tensor.")
    n = x.shape[0] if N is None else N
    check(n >= 0, "N must be non-negative.")
    kind = x.dtype if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.dtype(jnp.int64)
    ones = jnp.ones((x.shape[0], 1), kind)
    powers = jnp.cumprod(jnp.concatenate([ones] + [x.astype(kind)[:, None]] * (n - 1), 1), 1)[:, :n]
    return powers if increasing else powers[:, ::-1]


@composite("torch.broadcast_shapes")
def broadcast_shapes(*shapes):
    """The shape that tensors of these shapes broadcast to.

    >>> import torchlike as torch
    >>> torch.broadcast_shapes((2, 1), (3,))
    torch.Size([2, 3])
    """
    common: list[int] = []
    for i, given in enumerate(shapes):
        shape = [given] if isinstance(given, int) else [operator.index(n) for n in given]
        if any(n < 0 for n in shape):
            raise ValueError("Attempting to broadcast a dimension with negative length!")
        common = [1] * (len(shape) - len(common)) + common
        for d in range(-1, -len(shape) - 1, -1):
            n = shape[d]
            if n == 1 or n == common[d]:
                continue
            check(
                common[d] == 1,
                f"Attempting to broadcast a dimension of length {n} at {d}! Mismatching argument at index {i} had "
                f"{given}; but expected shape should be broadcastable to {common}",
            )
            common[d] = n
    return Size(common)


def _sum_to_size(input: Array, size: tuple[int, ...]):
    lead = input.ndim - len(size)
    for d, n in enumerate(size):
        check(
            lead >= 0 and (n == 1 or n == input.shape[lead + d]),
            f"size {{{list(size)}}} is not expandable to size {{{list(input.shape)}}}.",
        )
    gone = tuple(d for d in range(input.ndim) if d < lead or size[d - lead] == 1 and input.shape[d] != 1)
    kind = input.dtype if jnp.issubdtype(input.dtype, jnp.inexact) else jnp.int64
    return jnp.sum(input, gone, dtype=kind).reshape(size)


_SUM_TO_SIZE = Op("sum_to_size", _sum_to_size, grad="SumBackward1")


@composite("Tensor.sum_to_size")
def sum_to_size(input, *size):
    """Summed over the dimensions in which a tensor of this size would broadcast to the size of `input`."""
    size = tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else size
    shape = tuple(input._aval().shape)
    check(len(size) <= len(shape), f"size {{{list(size)}}} is not expandable to size {{{list(shape)}}}.")
    if size == shape and size:
        return reshape(input, shape)
    return apply(_SUM_TO_SIZE, (SLOT, tuple(map(operator.index, size))), [input])


@op("*.hash_tensor", differentiable=False)
def hash_tensor(input: Array, dim: int | tuple = (), *, keepdim: bool = False, mode: int = 0):
    """The bits of all elements, floats as doubles, combined by exclusive or: a uint64 that changes with any of them."""
    if mode != 0:
        raise NotImplementedError(f"hash_tensor(mode={mode}): the only mode is 0, exclusive or")
    check(not jnp.iscomplexobj(input), "hash_tensor() does not support complex input")
    wide = jnp.float64 if jnp.issubdtype(input.dtype, jnp.floating) else jnp.int64
    bits = lax.bitcast_convert_type(input.astype(wide), jnp.uint64)
    dims = over(dim, input.ndim) if input.ndim else ()
    made = lax.reduce(bits, np.uint64(0), lax.bitwise_xor, dims)
    return jnp.expand_dims(made, dims) if keepdim else made
