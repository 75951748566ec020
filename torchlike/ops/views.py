"""Views of all elements in another shape or order. Each is read, written back and placed in memory.

The geometry of a tensor is (sizes, strides, offset) in elements of its memory.
"""

from __future__ import annotations

import math

import jax.numpy as jnp

from torchlike.core.former import become, twin
from torchlike.core.op import SLOT, Array, Op, Sizes, composite, sizes
from torchlike.core.variable import apply
from torchlike.core.view import view
from torchlike.ops.checks import check, word
from torchlike.ops.complex_views import bits
from torchlike.ops.dims import infer_size, view_strides, wrap_dim, wrap_dims

# --- the same elements in another shape ------------------------------------------------------------------------------


def _view_geometry(g, size):
    strides = view_strides(g[0], g[1], infer_size(size, math.prod(g[0])))
    check(
        strides is not None,
        "view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
        "contiguous subspaces). Use .reshape(...) instead.",
    )
    return infer_size(size, math.prod(g[0])), strides, g[2]


def _restore(base, new, *_):
    return new.reshape(base.shape)


@view("_.view", geometry=_view_geometry, write=_restore, check=True)
def _view(input: Array, size: Sizes):
    return input.reshape(infer_size(size, input.size))


@composite("Tensor.view")
def view_(input, *sizes_, size=None, dtype=None):
    """The same memory in another size; one size may be -1. With a dtype, the same bits read as another type.

    Raises where no strides over this memory give that size: see `reshape`.
    """
    if not sizes_ and size is None and dtype is None:
        raise TypeError("view() received an invalid combination of arguments - got (), but expected a size or a dtype")
    size = sizes_ if size is None else size
    kind = size[0] if dtype is None and len(size) == 1 else dtype
    if hasattr(kind, "np"):
        return bits(input, kind)
    return _view.view((SLOT, sizes(size, "size", "view")), [input])


@composite("Tensor.view_as")
def view_as(input, other):
    """`input.view(other.size())`."""
    return view_(input, other.shape)


def _reshaped(input: Array, size: Sizes):
    return input.reshape(size)


RESHAPED = Op("reshape", _reshaped, grad="UnsafeViewBackward0")


@composite("*.reshape")
def reshape(input, *sizes_, shape=None):
    """The elements in another shape (one size may be -1): a view where strides allow it, otherwise a copy."""
    size = sizes(sizes_ if shape is None else shape, "shape", "reshape")
    if not input.is_contiguous():
        old, strides, _ = input._geometry()
        size = infer_size(size, math.prod(old))
        if view_strides(old, strides, size) is None:
            return apply(RESHAPED, (SLOT, size), [input])
    return _view.view((SLOT, size), [input])


@composite("Tensor.reshape_as")
def reshape_as(input, other):
    """`input.reshape(other.size())`."""
    return reshape(input, other.shape)


@composite("*.flatten")
def flatten(input, start_dim: int = 0, end_dim: int = -1):
    """The dimensions from `start_dim` to `end_dim` (both included) made one; a view where possible."""
    size = input._aval().shape
    first, last = wrap_dim(start_dim, len(size)), wrap_dim(end_dim, len(size))
    check(first <= last, "flatten() has invalid args: start_dim cannot come after end_dim")
    if not size:
        return reshape(input, 1)
    if first == last:
        return input
    return reshape(input, *size[:first], math.prod(size[first : last + 1]), *size[last + 1 :])


@composite("*.ravel")
def ravel(input):
    """All elements in one dimension; the tensor's own memory if it is contiguous, else a copy."""
    return reshape(input if input.is_contiguous() else apply(RESHAPED, (SLOT, input._aval().shape), [input]), -1)


@composite("*.unflatten")
def unflatten(input, dim: int, sizes: tuple[int, ...]):
    """One dimension split into several; a view. One of the sizes may be -1."""
    shape = input._aval().shape
    dim = wrap_dim(dim, len(shape))
    given = (sizes,) if isinstance(sizes, int) else tuple(sizes)
    check(len(given) > 0, "unflatten: sizes must be non-empty")
    known = math.prod(n for n in given if n != -1)
    fits = shape[dim] == known if -1 not in given else known and shape[dim] % known == 0
    check(
        bool(fits),
        f"unflatten: Provided sizes {list(given)} don't multiply up to the size of dim {dim} ({shape[dim]}) in the "
        "input tensor",
    )
    return view_(input, *shape[:dim], *infer_size(given, shape[dim]), *shape[dim + 1 :])


# --- the order of dimensions ------------------------------------------------------------------------------------------


def _permute_geometry(g, dims):
    dims = _order(dims, len(g[0]))
    return tuple(g[0][d] for d in dims), tuple(g[1][d] for d in dims), g[2]


def _permute_write(base, new, dims):
    dims = _order(dims, base.ndim)
    return new.transpose(sorted(range(len(dims)), key=dims.__getitem__))


def _order(dims, n: int) -> tuple[int, ...]:
    check(
        len(dims) == n,
        "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
        f"ordering of dimensions i.e. input.dim() = {n} is not equal to len(dims) = {len(dims)}",
    )
    dims = tuple(wrap_dim(d, n) for d in dims)
    check(len(set(dims)) == n, "permute(): duplicate dims are not allowed.")
    return dims


@view("*.permute", geometry=_permute_geometry, write=_permute_write)
def permute(input: Array, dims: Sizes):
    """The dimensions in another order."""
    return input.transpose(_order(dims, input.ndim))


def _transpose_geometry(g, dim0, dim1):
    return _permute_geometry(g, _swapped(len(g[0]), dim0, dim1))


def _transpose_write(base, new, dim0, dim1):
    return _transpose(new, dim0, dim1)


def _swapped(n, dim0, dim1):
    dim0, dim1 = wrap_dim(dim0, n), wrap_dim(dim1, n)
    order = list(range(n))
    if n:
        order[dim0], order[dim1] = dim1, dim0
    return tuple(order)


@view("*.transpose", "*.swapaxes", "*.swapdims", geometry=_transpose_geometry, write=_transpose_write)
def _transpose(input: Array, dim0: int, dim1: int):
    """Two dimensions exchanged."""
    return input.transpose(_swapped(input.ndim, dim0, dim1))


@view("*.t", geometry=lambda g: _permute_geometry(g, tuple(range(len(g[0])))[::-1]), write=lambda base, new: new.T)
def t(input: Array):
    """The matrix transposed; vectors and scalars stay as they are."""
    check(input.ndim <= 2, f"t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D")
    return input.T


@composite("Tensor.@T")
def T(input):
    """All dimensions in reversed order."""
    return permute.view((SLOT, tuple(range(input.ndim))[::-1]), [input])


@composite("Tensor.@mT")
def mT(input):
    """The last two dimensions exchanged; a 0-dim tensor stays as it is."""
    if not input.ndim:
        return input
    check(
        input.ndim >= 2,
        f"tensor.mT is only supported on matrices or batches of matrices. Got {input.ndim}-D tensor.",
    )
    return _transpose.view((SLOT, -2, -1), [input])


@composite("Tensor.@H")
def H(input):
    """The matrix transposed and conjugated. Differs from PyTorch for complex ones: not a view."""
    check(
        input.ndim in (0, 2),
        f"tensor.H is only supported on matrices (2-D tensors). Got {input.ndim}-D tensor.",
    )
    return adjoint(input)


@composite("*.adjoint", "Tensor.@mH")
def adjoint(input):
    """The last two dimensions exchanged and conjugated. Differs from PyTorch for complex ones: not a view."""
    if not input.ndim:
        return input.conj()
    check(input.ndim != 1, "tensor.adjoint() is only supported on matrices or batches of matrices. Got 1-D tensor.")
    turned = _transpose.view((SLOT, -2, -1), [input])
    return turned.conj() if input.is_complex() else turned


@composite("*.movedim", "*.moveaxis")
def movedim(input, source, destination):
    """The dimensions `source` put at the places `destination`, the others keep their order."""
    n = input.ndim
    one = isinstance(source, int)
    if one is not isinstance(destination, int):
        raise TypeError("movedim(): source and destination must both be ints or both be tuples of ints")
    given = ((source,), (destination,)) if one else (tuple(source), tuple(destination))
    check(
        len(given[0]) == len(given[1]),
        f"movedim: Invalid source or destination dims: source ({list(given[0])} dims) should contain the same number "
        f"of dims as destination ({list(given[1])} dims)",
    )
    places = []
    for what, dims in zip(("source", "destination"), given, strict=True):
        wrapped = [wrap_dim(d, n) for d in dims]
        check(len(set(wrapped)) == len(wrapped), f"movedim: repeated dim in `{what}` ({list(dims)})")
        places.append(wrapped)
    if not n:
        return input
    rest = iter(d for d in range(n) if d not in places[0])
    order = tuple(places[0][places[1].index(i)] if i in places[1] else next(rest) for i in range(n))
    return permute.view((SLOT, order), [input])


# --- dimensions of size one -------------------------------------------------------------------------------------------


def _squeezable(shape, dim) -> set[int]:
    dims = range(len(shape)) if dim is None else wrap_dims(dim, len(shape))
    return {d for d in dims if shape and shape[d] == 1}


def _squeeze_geometry(g, dim=None):
    gone = _squeezable(g[0], dim)
    return (*(tuple(v for d, v in enumerate(part) if d not in gone) for part in g[:2]), g[2])


@view("*.squeeze", geometry=_squeeze_geometry, write=_restore)
def squeeze(input: Array, dim: Sizes | None = None):
    """Without the dimensions of size 1: all of them, or those named."""
    return jnp.squeeze(input, tuple(_squeezable(input.shape, dim)))


def _unsqueeze_geometry(g, dim):
    size, stride, offset = g
    dim = wrap_dim(dim, len(size) + 1)
    step = size[dim] * stride[dim] if dim < len(size) else 1
    return (*size[:dim], 1, *size[dim:]), (*stride[:dim], step, *stride[dim:]), offset


@view("*.unsqueeze", geometry=_unsqueeze_geometry, write=_restore)
def unsqueeze(input: Array, dim: int):
    """With a new dimension of size 1 at `dim`."""
    return jnp.expand_dims(input, wrap_dim(dim, input.ndim + 1))


def _expanded(shape, size, kind="Float") -> tuple[int, ...]:
    new = len(size) - len(shape)
    check(
        new >= 0,
        f"expand(torch.{kind}Tensor{{{list(shape)}}}, size={list(size)}): the number of sizes provided "
        f"({len(size)}) must be greater or equal to the number of dimensions in the tensor ({len(shape)})",
    )
    out = []
    for i, n in enumerate(size):
        if n == -1:
            check(
                i >= new, f"The expanded size of the tensor (-1) isn't allowed in a leading, non-existing dimension {i}"
            )
            n = shape[i - new]
        elif i >= new and n != shape[i - new]:
            check(
                shape[i - new] == 1,
                f"The expanded size of the tensor ({n}) must match the existing size ({shape[i - new]}) at "
                f"non-singleton dimension {i}.  Target sizes: {list(size)}.  Tensor sizes: {list(shape)}",
            )
        out.append(n)
    return tuple(out)


def _expand_geometry(g, size):
    old, stride, offset = g
    size = _expanded(old, size)
    new = len(size) - len(old)
    steps: list[int] = [0] * len(size)
    for i in reversed(range(len(size))):
        if i >= new:
            before, steps[i] = old[i - new], stride[i - new]
        else:
            before, steps[i] = 1, size[i + 1] * steps[i + 1] if i + 1 < len(size) else 1
        if size[i] != before or not old:
            steps[i] = 0
    return size, tuple(steps), offset


@view("Tensor.expand", geometry=_expand_geometry, write=_restore, repeats=True)
def expand(input: Array, size: Sizes):
    """Dimensions of size 1 repeated, and new ones in front, without memory; -1 keeps a size."""
    return jnp.broadcast_to(input, _expanded(input.shape, size, word(input)))


@composite("Tensor.expand_as")
def expand_as(input, other):
    """`input.expand(other.size())`."""
    return expand.view((SLOT, tuple(other.shape)), [input])


@composite("*.broadcast_to")
def broadcast_to(input, *sizes_, size=None):
    """`input.expand(size)`."""
    return expand.view((SLOT, sizes(sizes_ if size is None else size, "size", "broadcast_to")), [input])


# --- the tensor itself in another shape -------------------------------------------------------------------------------


def _becomes(name: str, made) -> None:
    def fn(self, *args, **kwargs):
        self._check_writable(True)
        before = twin(self)
        become(self, before, made(before, *args, **kwargs))
        return self

    fn.__name__ = name
    fn.__doc__ = f"`{name[:-1]}`, but the tensor itself takes the new shape; its memory stays."
    composite(f"Tensor.{name}")(fn)


def _seen_through(read):
    return lambda *args, **kwargs: read.view(*read.view.bind(args, kwargs))


for _name, _read in (("squeeze_", squeeze), ("unsqueeze_", unsqueeze), ("transpose_", _transpose), ("t_", t),
                     ("swapaxes_", _transpose), ("swapdims_", _transpose)):  # fmt: skip
    _becomes(_name, _seen_through(_read))
