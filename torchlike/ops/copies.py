"""The `*_copy` functions: what a view shows, in memory of its own; and `*_scatter`, a copy with a part replaced."""

from __future__ import annotations

import operator

from torchlike.core.op import SLOT, Array, Op, Scalar, Sizes, composite, enter, op
from torchlike.core.variable import apply
from torchlike.ops import slicing, views
from torchlike.ops.checks import check, listed
from torchlike.ops.complex_views import view_as_complex_, view_as_real
from torchlike.ops.conversion import clone, clone_
from torchlike.ops.dims import wrap_dim
from torchlike.ops.indexing import placed


def put_out(name: str, made, out):
    """What a composite made, written into `out` if one is given."""
    if out is None:
        return made
    from torchlike.facade import write_out

    if isinstance(made, tuple):
        check(len(out) == len(made), f"{name}(): expected out to hold {len(made)} tensors, but got {len(out)}")
        for m, o in zip(made, out, strict=True):
            write_out(name, m, o)
        return None  # as PyTorch
    return write_out(name, made, out)


for _name, _body in (
    ("alias", clone_), ("detach", clone_), ("permute", views.permute), ("transpose", views._transpose),
    ("t", views.t), ("squeeze", views.squeeze), ("unsqueeze", views.unsqueeze), ("expand", views.expand),
    ("diagonal", slicing.diagonal), ("unfold", slicing.unfold), ("view_as_real", view_as_real),
):  # fmt: skip
    _grad = "".join(part.capitalize() for part in _name.split("_")) + "Backward0_copy"
    if _name == "detach":
        _grad = "NotImplemented"
    enter(Op(f"{_name}_copy", _body, grad=_grad), (f"torch.{_name}_copy",))


def _copied(name: str, look, doc: str) -> None:
    def fn(*args, out=None, **kwargs):
        seen = look(*args, **kwargs)
        if isinstance(seen, tuple):
            return put_out(name, tuple(apply(clone_.op, (SLOT,), [x]) for x in seen), out)
        return put_out(name, apply(clone_.op, (SLOT,), [seen]), out)

    fn.__name__ = name
    fn.__doc__ = doc
    composite(f"{'*' if name == 'narrow_copy' else 'torch'}.{name}")(fn)


def _bounds(name: str, input, dim: int, start, end, step: int) -> tuple[int, int, int]:
    """(dim, start, length) of a slice given as Python gives it."""
    shape = input._aval().shape
    check(len(shape) > 0, f"{name}() cannot be applied to a 0-dim tensor.")
    check(step > 0, "slice step must be positive")
    dim = wrap_dim(dim, len(shape))
    first, last, step = slice(start, end, step).indices(shape[dim])
    return dim, first, len(range(first, last, step))


def slice_of(input, dim: int = 0, start=None, end=None, step: int = 1):
    """The elements start:end:step of a dimension, a view."""
    dim, first, length = _bounds("slice", input, dim, start, end, step)
    return slicing.sliced(input, dim, first, length, step)


def _narrow(input, dim, start, length):
    check(
        dim < input.dim(),
        f"Expected dim < static_cast<int64_t>(self_sizes.size()) to be true, but got false: dimension {dim} of "
        f"{input.dim()}",
    )
    return slicing.narrow(input, dim, start, length)


for _name, _look, _what in (
    ("as_strided_copy", slicing.as_strided, "The memory under the tensor read with any sizes and strides"),
    ("narrow_copy", _narrow, "`length` elements of a dimension from `start` on"),
    ("select_copy", slicing.select, "The part at an index of a dimension"),
    ("slice_copy", slice_of, "The elements start:end:step of a dimension"),
    ("split_copy", slicing.split, "Slices of one size, or of these sizes"),
    ("split_with_sizes_copy", slicing.split_with_sizes, "Slices of these sizes"),
    ("unbind_copy", slicing.unbind, "The parts at every index of a dimension"),
    ("view_copy", views.view_, "The elements in another size or as another dtype"),
    ("view_as_complex_copy", view_as_complex_, "Pairs of real numbers as complex ones"),
):
    _copied(_name, _look, f"{_what}, in memory of their own: as the function without `_copy`, but never a view.")

# --- a part replaced --------------------------------------------------------------------------------------------------


def _fits(src, shape, message: str) -> None:
    check(src.shape == shape, message.format(shape=list(shape), src=listed(src)))


@op("*.diagonal_scatter")
def diagonal_scatter(input: Array, src: Array, offset: int = 0, dim1: int = 0, dim2: int = 1):
    """A copy of `input` with `src` on the diagonal of two dimensions."""
    shape = slicing._diagonal_geometry((input.shape, (0,) * input.ndim, 0), offset, dim1, dim2)[0]
    _fits(src, shape, "expected src to have a size equal to the diagonal of self. src size = {src}, diagonal size = "
          "{shape}")  # fmt: skip
    return slicing._diagonal_write(input, src.astype(input.dtype), offset, dim1, dim2)


def _select_scatter(input: Array, src: Array, dim: int, index: Scalar):
    shape = input.shape[:dim] + input.shape[dim + 1 :]
    _fits(src, shape, "expected src to have a size equal to the slice of self. src size = {src}, slice size = {shape}")
    return slicing._select_write(input, src.astype(input.dtype), dim, index)


_SELECT = Op("select_scatter", _select_scatter)


@composite("*.select_scatter")
def select_scatter(input, src, dim: int, index: int, *, out=None):
    """A copy of `input` with `src` as the part at `index` of a dimension."""
    shape = input._aval().shape
    if not shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim, index = wrap_dim(dim, len(shape)), operator.index(index)
    n = shape[dim]
    if not -n <= index < n:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(shape)} at dimension {dim}")
    return put_out("select_scatter", apply(_SELECT, (SLOT, SLOT, dim, SLOT), [input, src, index % n]), out)


def _slice_scatter(input: Array, src: Array, dim: int, start: Scalar, length: int, step: int):
    shape = (*input.shape[:dim], length, *input.shape[dim + 1 :])
    _fits(src, shape, "expected src to have a size equal to the slice of self. src size = {src}, slice size = {shape}")
    return slicing._slice_write(input, src.astype(input.dtype), dim, start, length, step)


_SLICE = Op("slice_scatter", _slice_scatter)


@composite("*.slice_scatter")
def slice_scatter(input, src, dim: int = 0, start=None, end=None, step: int = 1, *, out=None):
    """A copy of `input` with `src` as the elements start:end:step of a dimension."""
    dim, first, length = _bounds("slice", input, dim, start, end, step)
    made = apply(_SLICE, (SLOT, SLOT, dim, SLOT, length, step), [input, src, first])
    return put_out("slice_scatter", made, out)


@composite("*.as_strided_scatter")
def as_strided_scatter(input, src, size, stride, storage_offset: int | None = None, *, out=None):
    """A copy of `input` with `src` at the places in its memory that these sizes and strides show.

    Where they show a place twice one of the values is taken, as in PyTorch, whose gradients for that are not defined.
    """
    whole = clone(input)
    part = slicing.as_strided(whole, size, stride, storage_offset)
    shape = part._aval().shape
    check(
        src._aval().shape == shape,
        "expected src to have a size equal to the slice of self. src size = "
        f"{list(src._aval().shape)}, slice size = {list(shape)}",
    )
    step = part._step
    made = apply(_STRIDED, (SLOT, SLOT, *step[1][1:]), [slicing.memory(whole), src, *step[2]])
    return put_out("as_strided_scatter", views.reshape(made, input.shape) if made.shape != input.shape else made, out)


def _strided_scatter(input: Array, src: Array, size: Sizes, stride: Sizes, offset: Scalar):
    at = slicing._places(size, stride, offset).reshape(-1)
    flat = placed((0,), input.reshape(-1), (at,), src.astype(input.dtype).reshape(-1))
    return flat.reshape(input.shape)


_STRIDED = Op("as_strided_scatter", _strided_scatter, grad="AsStridedScatterBackward0")

# --- several slices that may be written in place ----------------------------------------------------------------------


def _unmarked(name: str, cut) -> None:
    def fn(input, *args, **kwargs):
        made = cut(input, *args, **kwargs)
        for x in made:
            x._output = None
        return made

    fn.__name__ = name
    fn.__doc__ = (
        f"As `{cut.__name__}`, but autograd lets the slices be written in place. They stay views: unlike in PyTorch "
        "such a write is seen by the gradient of the others."
    )
    composite(f"*.{name}")(fn)


_unmarked("unsafe_split", slicing.split)
_unmarked("unsafe_split_with_sizes", slicing.split_with_sizes)
_unmarked("unsafe_chunk", slicing.chunk)
