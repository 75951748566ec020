"""Tensors put together, repeated and turned around: new memory, never views."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np

from torchlike.core.op import SLOT, Array, Arrays, Op, Sizes, composite, op
from torchlike.core.value import put
from torchlike.core.variable import Variable, apply, wrap
from torchlike.ops.checks import check, listed
from torchlike.ops.dims import broadcast_shape, wrap_dim, wrap_dims
from torchlike.ops.promotion import promote
from torchlike.ops.views import expand, reshape

# --- joining ----------------------------------------------------------------------------------------------------------


def _cat(tensors, dim: int):
    if not tensors:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for i, x in enumerate(tensors):
        check(x.ndim > 0, f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    tensors = promote(*tensors)
    kept = [(i, x) for i, x in enumerate(tensors) if x.shape != (0,)]  # PyTorch lets empty vectors join anything
    if not kept:
        return tensors[0]
    (_, first), *rest = kept
    dim = wrap_dim(dim, first.ndim)
    for i, x in rest:
        check(x.ndim == first.ndim, f"Tensors must have same number of dimensions: got {first.ndim} and {x.ndim}")
        for d, (a, b) in enumerate(zip(first.shape, x.shape, strict=True)):
            check(
                d == dim or a == b,
                f"Sizes of tensors must match except in dimension {dim}. Expected size {a} but got size {b} for "
                f"tensor number {i} in the list.",
            )
    return jnp.concatenate([x for _, x in kept], dim)


@op("torch.cat", "torch.concat", "torch.concatenate")
def cat(tensors: Arrays, dim: int = 0):
    """The tensors one after the other along a dimension; all other sizes must agree.

    >>> import torchlike as torch
    >>> torch.cat((torch.ones(1, 2), torch.zeros(1, 2)))
    tensor([[1., 1.],
            [0., 0.]])
    """
    return _cat(tensors, dim)


@op("torch.stack")
def stack(tensors: Arrays, dim: int = 0):
    """Tensors of one size as the parts of a new dimension."""
    check(len(tensors) > 0, "stack expects a non-empty TensorList")
    for i, x in enumerate(tensors):
        check(
            x.shape == tensors[0].shape,
            f"stack expects each tensor to be equal size, but got {listed(tensors[0])} at entry 0 and {listed(x)} at "
            f"entry {i}",
        )
    return jnp.stack(promote(*tensors), wrap_dim(dim, tensors[0].ndim + 1))


def _some(tensors, name: str) -> None:
    check(len(tensors) > 0, f"{name} expects a non-empty TensorList")


@op("torch.hstack", grad="CatBackward0")
def hstack(tensors: Arrays):
    """Side by side: along the second dimension, vectors along their only one."""
    _some(tensors, "hstack")
    tensors = [jnp.atleast_1d(x) for x in tensors]
    return _cat(tensors, 0 if tensors[0].ndim == 1 else 1)


@op("torch.vstack", "torch.row_stack", grad="CatBackward0")
def vstack(tensors: Arrays):
    """One below the other: along the first dimension, vectors as rows."""
    _some(tensors, "vstack")
    return _cat([jnp.atleast_2d(x) for x in tensors], 0)


@op("torch.dstack", grad="CatBackward0")
def dstack(tensors: Arrays):
    """One behind the other: along the third dimension."""
    _some(tensors, "dstack")
    return _cat([jnp.atleast_3d(x) for x in tensors], 2)


@op("torch.column_stack", grad="CatBackward0")
def column_stack(tensors: Arrays):
    """Side by side, vectors as columns."""
    _some(tensors, "column_stack")
    return _cat([x.reshape(x.size, 1) if x.ndim < 2 else x for x in tensors], 1)


@op("_.block_diag", grad="BlockDiagBackward0")
def block_diag_(tensors: Arrays):
    for i, x in enumerate(tensors):
        check(
            x.ndim <= 2,
            f"torch.block_diag: Input tensors must have 2 or fewer dimensions. Input {i} has {x.ndim} dimensions",
        )
    blocks = [jnp.atleast_2d(x) for x in promote(*tensors)]
    whole = jnp.zeros((sum(b.shape[0] for b in blocks), sum(b.shape[1] for b in blocks)), blocks[0].dtype)
    row = column = 0
    for b in blocks:
        whole = whole.at[row : row + b.shape[0], column : column + b.shape[1]].set(b)
        row, column = row + b.shape[0], column + b.shape[1]
    return whole


@composite("torch.block_diag")
def block_diag(*tensors):
    """A matrix with the given ones along its diagonal, zeros elsewhere."""
    return apply(block_diag_.op, ((SLOT,) * len(tensors),), list(tensors))


def _together(tensors) -> tuple:
    """Tensors given one by one or as one sequence."""
    return tuple(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], tuple | list) else tensors


@composite("torch.broadcast_tensors")
def broadcast_tensors(*tensors):
    """The tensors expanded to their common shape, as views."""
    tensors = _together(tensors)
    size = broadcast_shape(*(x._aval().shape for x in tensors))
    return tuple(expand.view((SLOT, size), [x]) for x in tensors)


@composite("torch.meshgrid")
def meshgrid(*tensors, indexing: str = "ij"):
    """Every vector expanded along a dimension of its own: the coordinates of a grid, as views.

    With `indexing="xy"` the first two dimensions are exchanged.
    """
    tensors = _together(tensors)
    check(len(tensors) > 0, "meshgrid expects a non-empty TensorList")
    check(indexing in ("ij", "xy"), f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    for x in tensors:
        check(x.ndim <= 1, f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {x!r}")
    if indexing == "xy" and len(tensors) > 1:
        grids = list(meshgrid(tensors[1], tensors[0], *tensors[2:]))
        return (grids[1], grids[0], *grids[2:])
    size = tuple(x.numel() for x in tensors)
    shaped = (
        reshape(x, *(n if i == d else 1 for i, n in enumerate(size))) for d, x in enumerate(tensors)
    )
    return tuple(expand.view((SLOT, size), [x]) for x in shaped)


@composite("torch.cartesian_prod")
def cartesian_prod(*tensors):
    """All combinations of one element of each vector, one per row; of a single vector, itself."""
    tensors = _together(tensors)
    for x in tensors:
        check(x.ndim == 1, f"Expect a 1D vector, but got shape {listed(x)}")
    if len(tensors) == 1:
        return tensors[0]
    grids = [reshape(g, -1) for g in meshgrid(*tensors)]
    return apply(stack.op, ((SLOT,) * len(grids), 1), grids)


def _rows(input: Array, rows, r: int):
    return input[jnp.asarray(rows, jnp.int64).reshape(len(rows), r)] if rows else input[:0].reshape(0, r)


ROWS = Op("index", _rows)


@composite("torch.combinations")
def combinations(input, r: int = 2, with_replacement: bool = False):
    """All combinations of `r` elements of a vector, one per row."""
    check(input.ndim == 1, f"Expect a 1D vector, but got shape {listed(input)}")
    check(r >= 0, f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty((0,))
    pick = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = tuple(pick(range(input.numel()), r))
    return apply(ROWS, (SLOT, rows, r), [input])


def _atleast(n: int):
    def each(x):
        while x.ndim < n:
            x = x.unsqueeze(-1 if n == 3 and x.ndim == 2 else 0)
        return x

    def fn(*tensors):
        given = _together(tensors)
        if len(tensors) == 1 and isinstance(tensors[0], Variable):
            return each(tensors[0])
        return tuple(map(each, given))

    fn.__name__ = f"atleast_{n}d"
    fn.__doc__ = f"The tensor (or each of several) with at least {n} dimensions; a view where some are added."
    return composite(f"torch.atleast_{n}d")(fn)


atleast_1d, atleast_2d, atleast_3d = map(_atleast, (1, 2, 3))

# --- repeating --------------------------------------------------------------------------------------------------------


@op("Tensor.repeat")
def repeat(input: Array, repeats: Sizes):
    """The tensor so many times along each dimension; further numbers in front add dimensions."""
    check(
        len(repeats) >= input.ndim,
        "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor",
    )
    if min(repeats, default=0) < 0:
        shape = (1,) * (len(repeats) - input.ndim) + input.shape
        size = [n * k for n, k in zip(shape, repeats, strict=True)]
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(size)}: {size}")
    return jnp.tile(input, repeats)


@op("*.tile", grad="RepeatBackward0")
def tile(input: Array, dims: Sizes):
    """As `repeat`, but missing numbers in front count as 1."""
    return jnp.tile(input, dims)


def _repeat_each(input: Array, repeats: int, dim: int | None = None):
    if dim is None:
        input, dim = input.reshape(-1), 0
    return jnp.repeat(jnp.atleast_1d(input), repeats, wrap_dim(dim, input.ndim))


REPEAT_EACH = Op("repeat_interleave", _repeat_each, grad="ViewBackward0")


def _repeat_by(input: Array, at: Array, dim: int | None = None):
    return input.reshape(-1)[at] if dim is None else jnp.take(input, at, axis=dim)


REPEAT_BY = Op("repeat_interleave", _repeat_by, grad="IndexSelectBackward0")


def _host_made(array, like):
    return wrap(put(array, like.device, copy=False))


@composite("*.repeat_interleave")
def repeat_interleave(input, repeats=None, dim: int | None = None, *, output_size: int | None = None):
    """Each element so many times in a row, along a dimension or, without one, of the flattened tensor.

    With a tensor of repeats the result's size depends on values: a barrier, as is `repeat_interleave(repeats)`, which
    gives the indices themselves.
    """
    if repeats is None:
        check(input.ndim == 1, "repeat_interleave only accept 1D vector as repeat")
        return _host_made(np.repeat(np.arange(input.numel()), input._host()), input)
    if isinstance(repeats, Variable) and repeats.numel() == 1:  # type: ignore[attr-defined]
        repeats = repeats.item()  # type: ignore[attr-defined]
    if isinstance(repeats, int):
        check(repeats >= 0, "repeats can not be negative")
        return apply(REPEAT_EACH, (SLOT, repeats, dim), [input])
    n = input.numel() if dim is None else input._aval().shape[wrap_dim(dim, input.ndim)]
    counts = repeats._host()
    check(
        counts.shape == (n,),
        f"repeats must have the same size as input along dim, but got repeats.size(0) = {counts.size} and "
        f"input.size(0) = {n}",
    )
    check(counts.size == 0 or counts.min() >= 0, "repeats can not be negative")
    at = np.repeat(np.arange(n), counts)
    check(output_size is None or output_size == at.size, "allocated size does not match required size")
    return apply(REPEAT_BY, (SLOT, SLOT, dim if dim is None else wrap_dim(dim, input.ndim)),
                 [input, _host_made(at, input)])  # fmt: skip


# --- turning ----------------------------------------------------------------------------------------------------------


@op("*.flip")
def flip(input: Array, dims: Sizes):
    """The order along these dimensions reversed."""
    return jnp.flip(input, wrap_dims(dims, input.ndim)) if input.ndim else input


@op("*.fliplr", grad="FlipBackward0")
def fliplr(input: Array):
    """The order of the columns reversed."""
    check(input.ndim >= 2, "Input must be >= 2-d.")
    return jnp.flip(input, 1)


@op("*.flipud", grad="FlipBackward0")
def flipud(input: Array):
    """The order of the rows reversed."""
    check(input.ndim >= 1, "Input must be >= 1-d.")
    return jnp.flip(input, 0)


@op("*.roll")
def roll(input: Array, shifts: int | tuple[int, ...], dims: int | tuple[int, ...] | None = None):
    """Moved along dimensions, what leaves at one end enters at the other; without dims, the flattened tensor."""
    shifts = (shifts,) if isinstance(shifts, int) else shifts
    dims = () if dims is None else (dims,) if isinstance(dims, int) else dims
    check(len(shifts) > 0, "`shifts` required")
    if not dims and len(shifts) == 1:
        return jnp.roll(input, shifts[0])
    check(
        len(shifts) == len(dims), f"shifts and dimensions must align. shifts: {len(shifts)}, dims:{len(dims)}"
    )
    if not input.ndim:
        raise IndexError(f"Dimension specified as {dims[0]} but tensor has no dimensions")
    return jnp.roll(input, shifts, tuple(wrap_dim(d, input.ndim) for d in dims))


@op("*.rot90")
def rot90(input: Array, k: int = 1, dims: tuple[int, ...] = (0, 1)):
    """Turned by k times 90 degrees in the plane of two dimensions, from the first towards the second."""
    check(len(dims) == 2, f"expected total rotation dims == 2, but got dims = {len(dims)}")
    check(input.ndim >= 2, f"expected total dims >= 2, but got total dims = {input.ndim}")
    a, b = dims
    check(a != b and abs(a - b) != input.ndim,
          f"expected rotation dims to be different, but got dim0 = {a} and dim1 = {b}")  # fmt: skip
    for d in dims:
        if not -input.ndim <= d < input.ndim:
            raise RuntimeError(f"Rotation dim{dims.index(d)} out of range, dim{dims.index(d)} = {d}")
    return jnp.rot90(input, k % 4, (a, b))
