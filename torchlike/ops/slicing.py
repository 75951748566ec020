"""Views of a part of the elements: slices, splits, diagonals, windows, any strides.

Where a part begins is an input of the program, so that a loop over it compiles once; how long it is belongs to the
program's structure.
"""

from __future__ import annotations

import functools
import operator

import jax.numpy as jnp
from jax import lax

from torchlike.core import forward, variable
from torchlike.core.graph import mode
from torchlike.core.layout import without_gaps
from torchlike.core.op import SLOT, Array, Op, Scalar, Sizes, composite
from torchlike.core.variable import Variable, apply, contiguous_strides
from torchlike.core.view import View, view
from torchlike.ops.checks import check
from torchlike.ops.complex_views import bits, view_as_complex, view_as_real
from torchlike.ops.dims import apart, wrap_dim
from torchlike.ops.views import permute, view_

# --- slices -----------------------------------------------------------------------------------------------------------


# places are counted from the front by then: XLA, and the interpreter, need not look for negative ones
_part = functools.partial(lax.dynamic_slice_in_dim, allow_negative_indices=False)
_with_part = functools.partial(lax.dynamic_update_slice_in_dim, allow_negative_indices=False)


def _span(length: int, step: int) -> int:
    return (length - 1) * step + 1 if length else 0


def _slice_geometry(g, dim, start, length, step):
    size, stride, offset = g
    return (
        (*size[:dim], length, *size[dim + 1 :]),
        (*stride[:dim], stride[dim] * step, *stride[dim + 1 :]),
        offset + start * stride[dim],
    )


def _slice_write(base, new, dim, start, length, step):
    if step > 1 and length:
        every = (slice(None),) * dim + (slice(None, None, step),)
        new = _part(base, start, _span(length, step), dim).at[every].set(new, unique_indices=True)
    return _with_part(base, new, start, dim) if length else base


@view("_.slice", geometry=_slice_geometry, write=_slice_write)
def slice_(input: Array, dim: int, start: Scalar, length: int, step: int):
    part = _part(input, start, _span(length, step), dim)
    return part if step == 1 else lax.slice_in_dim(part, 0, None, step, dim)


def _select_geometry(g, dim, index):
    size, stride, offset = g
    return size[:dim] + size[dim + 1 :], stride[:dim] + stride[dim + 1 :], offset + index * stride[dim]


def _select_write(base, new, dim, index):
    return lax.dynamic_update_index_in_dim(base, new, index, dim, allow_negative_indices=False)


@view("_.select", geometry=_select_geometry, write=_select_write)
def select_(input: Array, dim: int, index: Scalar):
    return lax.dynamic_index_in_dim(input, index, dim, keepdims=False, allow_negative_indices=False)


def sliced(x, dim: int, start: int, length: int, step: int = 1) -> Variable:
    """A slice whose bounds have been checked."""
    if start == 0 and length * step >= x._aval().shape[dim] and step == 1:
        return slice_.view((SLOT, dim, 0, length, 1), [x])
    return slice_.view((SLOT, dim, SLOT, length, step), [x, start])


@composite("*.select")
def select(input, dim: int, index: int):
    """The part at `index` of a dimension, which disappears."""
    shape = input._aval().shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim, index = wrap_dim(dim, len(shape)), operator.index(index)
    n = shape[dim]
    if not -n <= index < n:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}")
    return select_.view((SLOT, dim, SLOT), [input, index % n])


@composite("*.narrow")
def narrow(input, dim: int, start, length: int):
    """`length` elements of a dimension, from `start` on (an int or a 0-dim integer tensor)."""
    shape = input._aval().shape
    check(len(shape) > 0, "narrow() cannot be applied to a 0-dim tensor.")
    check(length >= 0, "narrow(): length must be non-negative.")
    if isinstance(start, Variable):
        kind = start._aval()
        check(kind.shape == () and kind.dtype.kind in "iu", "start must be an 0-dim integral Tensor.")
    dim, start = wrap_dim(dim, len(shape)), operator.index(start)
    n = shape[dim]
    if not -n <= start <= n:
        raise IndexError(f"start out of range (expected to be in range of [{-n}, {n}], but got {start})")
    start = start + n if start < 0 else start
    check(start + length <= n, f"start ({start}) + length ({length}) exceeds dimension size ({n}).")
    return slice_.view((SLOT, dim, SLOT, length, 1), [input, start])


# --- several slices at once: a tuple of views -------------------------------------------------------------------------


def _pieces(x, dim: int, lengths, grad: str) -> tuple:
    """Neighbouring slices of these lengths. Their places are static: few, and better for the compiler."""
    made, start = [], 0
    for n in lengths:
        made.append(_PIECES[grad]((SLOT, dim, start, n, 1), [x]))
        start += n
    return tuple(made) if grad == "tensor_split" else _several(made)


def _several(made) -> tuple:
    for i, x in enumerate(made):
        x._output = i
    return tuple(made)


@composite("*.split")
def split(input, split_size_or_sections, dim: int = 0):
    """Slices of this size (the last may be smaller), or of these sizes, as a tuple of views."""
    n = _length(input, dim, "split")
    if not isinstance(split_size_or_sections, int):
        return split_with_sizes(input, split_size_or_sections, dim)
    size = split_size_or_sections
    check(size >= 0, f"split expects split_size be non-negative, but got split_size={size}")
    check(
        size > 0 or n == 0, f"split_size can only be 0 if dimension size is 0, but got dimension size of {n}"
    )
    count = max(-(-n // size), 1) if size else 1
    return _pieces(input, wrap_dim(dim, input.ndim), [min(size, n - i * size) for i in range(count)], "split")


@composite("*.split_with_sizes")
def split_with_sizes(input, split_sizes, dim: int = 0):
    """Slices of these sizes, as a tuple of views."""
    n, lengths = _length(input, dim, "split_with_sizes"), [operator.index(s) for s in split_sizes]
    for s in lengths:
        check(
            s >= 0,
            f"split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes={lengths}",
        )
    check(
        sum(lengths) == n,
        f"split_with_sizes expects split_sizes to sum exactly to {n} (input tensor's size at dimension {dim}), but "
        f"got split_sizes={lengths}",
    )
    return _pieces(input, wrap_dim(dim, input.ndim), lengths, "split_with_sizes")


def _length(x, dim: int, what: str) -> int:
    check(x.ndim > 0, f"{what} expects at least a 1-dimensional tensor")
    return x._aval().shape[wrap_dim(dim, x.ndim)]


@composite("*.chunk")
def chunk(input, chunks: int, dim: int = 0):
    """At most so many slices of equal size (the last may be smaller), as a tuple of views."""
    n = _length(input, dim, "chunk")
    check(chunks > 0, f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = -(-n // chunks)
    return split(input, size, dim) if size else split_with_sizes(input, [0] * chunks, dim)


@composite("*.tensor_split")
def tensor_split(input, indices_or_sections, dim: int = 0):
    """So many slices of nearly equal size, or slices that begin at these indices, as a tuple of views."""
    check(
        input.ndim > 0,
        "tensor_split expected at least a 1-dimensional tensor, but got a tensor with 0 dims",
    )
    dim = wrap_dim(dim, input.ndim)
    n = input._aval().shape[dim]
    if isinstance(indices_or_sections, Variable):
        indices_or_sections = indices_or_sections.tolist()  # type: ignore[attr-defined]  # a barrier: shapes depend on it
    if isinstance(indices_or_sections, int):
        k = indices_or_sections
        check(k > 0, f"number of sections must be larger than 0, got {k}")
        return _pieces(input, dim, [n // k + (i < n % k) for i in range(k)], "tensor_split")
    bounds = [0, *indices_or_sections, n]
    made = []
    for first, last in zip(bounds, bounds[1:], strict=False):
        start, stop, _ = slice(first, last).indices(n)
        made.append(_PIECES["tensor_split"]((SLOT, dim, start, max(stop - start, 0), 1), [input]))
    return tuple(made)


def _evenly(name: str, input, indices_or_sections, dim: int, least: int) -> tuple:
    check(
        input.ndim >= least,
        f"torch.{name} requires a tensor with at least {least} dimension, but got a tensor with {input.ndim} "
        "dimensions!",
    )
    n = input._aval().shape[dim]
    if isinstance(indices_or_sections, int):
        k = indices_or_sections
        check(
            k != 0 and n % k == 0,
            f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension {n} is not "
            f"divisible by the split_size {k}!",
        )
    return tensor_split(input, indices_or_sections, dim)


@composite("*.hsplit")
def hsplit(input, indices_or_sections):
    """`tensor_split` along the second dimension (the first of a vector), into equal parts where a number is given."""
    return _evenly("hsplit", input, indices_or_sections, int(input.ndim > 1), 1)


@composite("*.vsplit")
def vsplit(input, indices_or_sections):
    """`tensor_split` along the first dimension, into equal parts where a number is given."""
    return _evenly("vsplit", input, indices_or_sections, 0, 2)


@composite("*.dsplit")
def dsplit(input, indices_or_sections):
    """`tensor_split` along the third dimension, into equal parts where a number is given."""
    return _evenly("dsplit", input, indices_or_sections, 2, 3)


@composite("*.unbind")
def unbind(input, dim: int = 0):
    """The parts at every index of a dimension, as a tuple of views."""
    if not input.ndim:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    dim = wrap_dim(dim, input.ndim)
    return _several([UNBIND((SLOT, dim, SLOT), [input, i]) for i in range(input._aval().shape[dim])])


_PIECES = {
    name: View(name, slice_, _slice_write, _slice_geometry, grad=grad)
    for name, grad in (
        ("split", "SplitBackward0"),
        ("split_with_sizes", "SplitWithSizesBackward0"),
        ("tensor_split", "SliceBackward0"),
    )
}
UNBIND = View("unbind", select_, _select_write, _select_geometry, grad="UnbindBackward0")

# --- diagonals, windows, any strides ----------------------------------------------------------------------------------


def _diagonal_geometry(g, offset=0, dim1=0, dim2=1):
    size, stride, first = g
    dim1, dim2, n = _diagonal_dims(size, offset, dim1, dim2)
    if n:
        first += offset * stride[dim2] if offset >= 0 else -offset * stride[dim1]
    rest = [d for d in range(len(size)) if d not in (dim1, dim2)]
    return (
        (*(size[d] for d in rest), n),
        (*(stride[d] for d in rest), stride[dim1] + stride[dim2]),
        first,
    )


def _diagonal_dims(size, offset, dim1, dim2):
    a, b = wrap_dim(dim1, len(size)), wrap_dim(dim2, len(size))
    check(a != b, f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    n = min(size[a], size[b] - offset) if offset >= 0 else min(size[a] + offset, size[b])
    return a, b, max(n, 0)


def _diagonal_write(base, new, offset=0, dim1=0, dim2=1):
    dim1, dim2, n = _diagonal_dims(base.shape, offset, dim1, dim2)
    moved = jnp.moveaxis(base, (dim1, dim2), (-2, -1))
    i = jnp.arange(n)
    moved = moved.at[..., i - min(offset, 0), i + max(offset, 0)].set(new, unique_indices=True)
    return jnp.moveaxis(moved, (-2, -1), (dim1, dim2))


@view("*.diagonal", geometry=_diagonal_geometry, write=_diagonal_write)
def diagonal(input: Array, offset: int = 0, dim1: int = 0, dim2: int = 1):
    """The diagonal of two dimensions, as the last dimension; `offset` moves it up."""
    dim1, dim2, n = _diagonal_dims(input.shape, offset, dim1, dim2)
    moved = jnp.moveaxis(input, (dim1, dim2), (-2, -1))
    i = jnp.arange(n)
    return moved[..., i - min(offset, 0), i + max(offset, 0)]


def _windows(size, dimension, length, step):
    d = wrap_dim(dimension, len(size))
    n = size[d] if size else 1
    check(length >= 0, f"size is {length} but must be >= 0")
    check(length <= n, f"maximum size for tensor at dimension {d} is {n} but size is {length}")
    check(step > 0, f"step is {step} but must be > 0")
    return d, (n - length) // step + 1


def _unfold_geometry(g, dimension, size, step):
    shape, stride, offset = g
    d, n = _windows(shape, dimension, size, step)
    if not shape:
        return (size,), (1,), offset
    return (
        (*shape[:d], n, *shape[d + 1 :], size),
        (*stride[:d], stride[d] * step, *stride[d + 1 :], stride[d]),
        offset,
    )


def _unfold_write(base, new, dimension, size, step):
    d, n = _windows(base.shape, dimension, size, step)
    if not base.ndim:
        return new.reshape(()) if size else base
    at = jnp.arange(n)[:, None] * step + jnp.arange(size)
    moved = jnp.moveaxis(base, d, -1).at[..., at].set(jnp.moveaxis(new, d, -2), unique_indices=step >= size)
    return jnp.moveaxis(moved, -1, d)


@view("Tensor.unfold", geometry=_unfold_geometry, write=_unfold_write, repeats=True)
def unfold(input: Array, dimension: int, size: int, step: int):
    """All slices of this size along a dimension, `step` apart; a new last dimension runs inside them."""
    d, n = _windows(input.shape, dimension, size, step)
    if not input.ndim:
        return input.reshape(1)[:size]
    at = jnp.arange(n)[:, None] * step + jnp.arange(size)
    return jnp.moveaxis(jnp.moveaxis(input, d, -1)[..., at], -2, d)


def _places(size, stride, offset):
    """Where in memory the elements of a tensor of this geometry lie."""
    at = jnp.asarray(offset, jnp.int64)
    for d, (n, s) in enumerate(zip(size, stride, strict=True)):
        at = at + (jnp.arange(n) * s).reshape(n, *(1,) * (len(size) - d - 1))
    return jnp.broadcast_to(at, size)


def _strided_write(base, new, size, stride, offset):
    at = _places(size, stride, offset)
    return base.reshape(-1).at[at].set(new, unique_indices=apart(size, stride)).reshape(base.shape)


def _strided_geometry(g, size, stride, offset):
    return size, stride, offset


@view("_.as_strided", geometry=_strided_geometry, write=_strided_write, grad="AsStridedBackward0", repeats=True)
def strided(input: Array, size: Sizes, stride: Sizes, offset: Scalar):
    return input.reshape(-1)[_places(size, stride, offset)]


@composite("*.as_strided")
def as_strided(input, size, stride, storage_offset: int | None = None):
    """The memory under `input` read with any sizes, strides and offset (its own, unless given).

    Differs from PyTorch: gradients also reach elements of that memory which `input` itself does not show, unless
    `input` is a view that asks for a gradient by itself.
    """
    size, stride = tuple(map(operator.index, size)), tuple(map(operator.index, stride))
    offset = input.storage_offset() if storage_offset is None else storage_offset
    check(len(size) == len(stride), "mismatch in length of strides and shape")
    for s in stride:
        check(s >= 0, f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}")
    check(offset >= 0, f"Tensor: invalid storage offset {offset}")
    whole = memory(input)
    width = input.itemsize
    needed = 0 if 0 in size else 1 + offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    check(
        needed <= whole.numel(),
        f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize {width} "
        f"requiring a storage size of {needed * width} are out of bounds for storage of size {whole.numel() * width}",
    )
    made = strided.view((SLOT, size, stride, SLOT), [whole, offset])
    if mode.grad and input.requires_grad and not whole.requires_grad:
        place, step, start = input._geometry()
        shown = apply(_SHOWN, (SLOT, SLOT, place, step, SLOT, size, stride, SLOT), [whole, input, start, offset])
        made._node, made._nr = shown._node, shown._nr
    return made


def _shown(
    whole: Array, input: Array, place: Sizes, step: Sizes, start: Scalar, size: Sizes, stride: Sizes, offset: Scalar
):
    """What `strided` reads, as a function of the `input` that shows a part of the memory."""
    return strided(_strided_write(whole, input, place, step, start), size, stride, offset)


_SHOWN = Op("as_strided", _shown, grad="AsStridedBackward0")


def memory(x):
    """The whole memory under a tensor, its elements in the order in which they lie there, in the tensor's dtype."""
    root = forward.base(x)
    shape, stride, offset = root._geometry()
    if offset or not without_gaps(shape, stride):
        raise NotImplementedError("as_strided on a part of memory shared with NumPy: clone() it first")
    if stride != contiguous_strides(shape):
        order = sorted(range(len(shape)), key=lambda d: (-stride[d], -shape[d]))
        root = permute.view((SLOT, tuple(order)), [root])
    if root.is_complex() and not x.is_complex():
        root = view_as_real.view((SLOT,), [root])
    if root.dtype is x.dtype:
        return root
    if x.is_complex() and x.dtype.to_real() is root.dtype and root.numel() % 2 == 0:
        return view_as_complex.view((SLOT,), [view_(root, -1, 2)])
    plain = not any(t.is_complex() or t.dtype.np.kind == "b" for t in (root, x))
    if plain and root.nbytes % x.itemsize == 0:
        return bits(view_(root, -1), x.dtype)
    raise NotImplementedError(
        f"as_strided on a view of {root.dtype} memory as {x.dtype}: clone() the view first"
    )


variable.write_strided = strided.view
variable.memory = memory
