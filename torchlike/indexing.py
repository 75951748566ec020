"""`tensor[...]` and `tensor[...] = value`, and what else depends on values: `nonzero`, masks, searching.

Ints, slices, None and Ellipsis give views; index tensors, lists and masks give copies. A mask, and an index tensor
still pending, is read: a barrier. `x[mask] = number` is none.
"""

from __future__ import annotations

import operator
import warnings

import numpy as np

from torchlike.core import dtype as _dtype
from torchlike.core.op import SLOT, composite
from torchlike.core.value import put
from torchlike.core.variable import Variable, apply, wrap
from torchlike.ops.checks import check
from torchlike.ops.conversion import COPY, to_device
from torchlike.ops.creation import fill
from torchlike.ops.dims import broadcast_shape, wrap_dim
from torchlike.ops.indexing import (
    check_range,
    fits,
    index_,
    index_put_,
    mask_put,
    masked_scatter_,
    take_along_dim_,
)
from torchlike.ops.slicing import select_, sliced
from torchlike.ops.views import expand, reshape, unsqueeze

_select = select_.view


@composite("Tensor.__getitem__")
def getitem(self, index):
    """The part of the tensor at `index`: a view for ints, slices, None and Ellipsis, a copy for tensors and lists."""
    if index.__class__ is int:
        return _at(self, 0, 0, index)
    part, indices = _walk(self, index)
    if not indices:
        return part if part is not self else _whole(self)
    indices = _integers(part, indices)
    return apply(index_.op, (SLOT, (SLOT,) * len(indices), tuple(d for d, _ in indices)),
                 [part, *[i for _, i in indices]])  # fmt: skip


@composite("Tensor.__setitem__")
def setitem(self, index, value):
    """Write into the part of the tensor at `index`; gradients flow to `value`."""
    if not isinstance(value, Variable | bool | int | float | complex):
        if not isinstance(value, np.generic) and not hasattr(value, "aval"):
            raise TypeError(f"can't assign a {type(value).__name__} to a {self.type()}")
        value = value.item()
    if not isinstance(value, Variable) and not fits(value, self._aval().dtype):
        raise RuntimeError(f"value cannot be converted to type {self.dtype._scalar_name.lower()} without overflow")
    part, indices = _walk(self, index)
    part._check_writable(not indices and not isinstance(value, Variable))
    if isinstance(value, Variable) and value._aval().device is not part._aval().device:
        value = to_device(value, part._aval().device)
    if not indices:
        _write(part, value)
    elif len(indices) == 1 and _is_mask(indices[0][1]) and (not isinstance(value, Variable) or value.numel() == 1):
        dim, mask = indices[0]
        mask = _tensor(part, mask)
        _check_mask(part, dim, mask)
        part._assign(apply(mask_put.op, (SLOT, SLOT, SLOT, dim), [part, mask, value]))
    else:
        index_put(part, indices, value, False)


def _write(part, value) -> None:
    if not isinstance(value, Variable):
        part._assign(apply(fill.op, (SLOT, SLOT), [part, value]))
        return
    size, given = part._aval().shape, value._aval().shape
    while len(given) > len(size) and given[0] == 1:
        given = given[1:]
    if given != value._aval().shape:
        value = reshape(value, given)
    if given != size:
        value = expand.view((SLOT, size), [value])
    part._assign(apply(COPY, (SLOT, SLOT), [part, value]))


def index_put(part, indices, value, accumulate: bool) -> None:
    if isinstance(value, Variable):
        a, b = part.dtype, value.dtype  # type: ignore[attr-defined]
        check(
            a is b,
            f"Index put requires the source and destination dtypes match, got {a._scalar_name} for the destination and "
            f"{b._scalar_name} for the source.",
        )
    part._assign(_put(part, indices, value, accumulate))


def _put(part, indices, value, accumulate: bool):
    indices = _integers(part, indices)
    return apply(
        index_put_.op,
        (SLOT, (SLOT,) * len(indices), SLOT, tuple(d for d, _ in indices), accumulate),
        [part, *[i for _, i in indices], value],
    )


# --- from what stands in the brackets to views and index tensors ------------------------------------------------------


def _at(x, dim: int, named: int, i: int):
    """The part at an int; `named` is the dimension as the user counts it."""
    shape = x._aval().shape
    if not shape:
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a "
            "0-dim tensor to a number"
        )
    n = shape[dim]
    if not -n <= i < n:
        raise IndexError(f"index {i} is out of bounds for dimension {named} with size {n}")
    return _select((SLOT, dim, SLOT), [x, i + n if i < 0 else i])


def _whole(x):
    return sliced(x, 0, 0, x._aval().shape[0]) if x.ndim else reshape(x, ())


def _items(index) -> tuple:
    """The single indices. Like PyTorch, a short list that holds more than numbers counts as a tuple."""
    if isinstance(index, tuple):
        return index
    if isinstance(index, list) and len(index) < 32:
        for i in index:
            if i is None or i is Ellipsis or isinstance(i, slice | list | tuple | Variable):
                return tuple(index)
    return (index,)


def _is_mask(i) -> bool:
    if isinstance(i, Variable):
        return i._aval().dtype in (np.bool_, np.uint8)
    return i.dtype == bool


def _walk(x, index):
    """Apply ints, slices, None and Ellipsis as views; return the view and the [(dimension, index)] that remain."""
    items = [_simplified(i) for i in _items(index)]
    ndim = x.ndim
    used = sum(
        0 if i is None or i is Ellipsis or isinstance(i, bool)
        else i.ndim if isinstance(i, Variable | np.ndarray) and _is_mask(i)
        else 1
        for i in items
    )  # fmt: skip
    if used > ndim and not (ndim == 0 and len(items) == 1 and isinstance(items[0], int)):
        raise IndexError(f"too many indices for tensor of dimension {ndim}")
    dim = named = 0
    rest = ndim - used
    found: list = []
    for i in items:
        kind = i.__class__
        if kind is int:
            x = _at(x, dim, named, i)
            named += 1
        elif kind is slice:
            x = _sliced(x, dim, i)
            dim, named = dim + 1, named + 1
        elif i is None:
            x = unsqueeze.view((SLOT, dim), [x])
            dim += 1
        elif i is Ellipsis:
            dim, named, rest = dim + rest, named + rest, 0
        elif kind is bool or not i.ndim and _is_mask(i):
            x = unsqueeze.view((SLOT, dim), [x])
            found.append((dim, np.array([i]) if kind is bool else reshape(i, 1)))
            dim += 1
        else:
            found.append((dim, i))
            width = i.ndim if _is_mask(i) else 1
            dim, named = dim + width, named + width
    return x, found


def _simplified(i):
    """One index as int, slice, None, Ellipsis, bool, index tensor or NumPy array of indices."""
    kind = i.__class__
    if kind is int or kind is slice or i is None or i is Ellipsis or kind is bool:
        return i
    if isinstance(i, Variable):
        d = i.dtype
        if d.np.kind == "i" and not i.ndim:
            return int(i.item())
        if d.name not in ("int64", "int32", "bool", "uint8"):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return i
    if isinstance(i, np.bool_):
        return bool(i)
    if isinstance(i, str):
        raise TypeError("new(): invalid data type 'str'")
    if isinstance(i, list | tuple | range | np.ndarray):
        from torchlike.creation import _array

        array, _ = _array(list(i) if isinstance(i, range) else i)
        if array.size == 0 and not isinstance(i, np.ndarray):
            array = array.astype(np.int64)
        if array.dtype.kind not in "iub":
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return array if array.dtype == bool else array.astype(np.int64)
    if hasattr(i, "aval"):  # a JAX array
        from torchlike.tensor import from_jax

        return _simplified(from_jax(i))
    try:
        return operator.index(i)
    except TypeError:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
            f"{kind.__name__})"
        ) from None


def _sliced(x, dim: int, s: slice):
    if s.start is None and s.stop is None and s.step is None:
        return x
    n = x._aval().shape[dim]
    step = 1 if s.step is None else operator.index(s.step)
    if step <= 0:
        raise ValueError("slice step cannot be zero" if step == 0 else "step must be greater than zero")
    start, stop, _ = s.indices(n)
    return sliced(x, dim, start, len(range(start, stop, step)), step)


def _tensor(x, i):
    """An index as a tensor on x's device."""
    home = x._aval().device
    if isinstance(i, np.ndarray):
        return wrap(put(i, home))
    return i if i._aval().device is home else to_device(i, home)


def _check_mask(x, dim: int, mask) -> None:
    shape, over = mask._aval().shape if isinstance(mask, Variable) else mask.shape, x._aval().shape
    for k, n in enumerate(shape):
        if n != over[dim + k]:
            raise IndexError(
                f"The shape of the mask {list(shape)} at index {k} does not match the shape of the indexed tensor "
                f"{list(over)} at index {dim + k}"
            )


def _integers(x, indices) -> list:
    """Masks replaced by the places where they are True (a barrier), all places checked."""
    made = []
    for dim, i in indices:
        if _is_mask(i):
            if isinstance(i, Variable) and i.dtype is _dtype.uint8:  # type: ignore[attr-defined]
                warnings.warn(
                    "indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.",
                    UserWarning,
                    stacklevel=4,
                )
            _check_mask(x, dim, i)
            host = i._host() if isinstance(i, Variable) else i  # type: ignore[attr-defined]
            made += [(dim + k, _tensor(x, at)) for k, at in enumerate(host.nonzero())]
        else:
            i = _tensor(x, i)
            n = x._aval().shape[dim]
            check_range(i, n, f"index {{}} is out of bounds for dimension {len(made)} with size {n}")
            made.append((dim, i))
    return made


# --- the same under names ---------------------------------------------------------------------------------------------


def _named(x, indices) -> list:
    if not isinstance(indices, tuple | list):
        raise TypeError(f"index_put_(): argument 'indices' must be tuple of Tensors, not {type(indices).__name__}")
    _, found = _walk(x, tuple(indices))
    return found


@composite("Tensor.index_put_")
def index_put_into(self, indices, values, accumulate: bool = False):
    """Write `values` at the places that index tensors (one per dimension) name; add them with `accumulate`."""
    self._check_writable()
    index_put(self, _named(self, indices), values, accumulate)
    return self


@composite("*.index_put")
def index_put_copy(input, indices, values, accumulate: bool = False):
    """A copy with `values` written at the places that index tensors (one per dimension) name."""
    return input.clone().index_put_(indices, values, accumulate)


@composite("*.take_along_dim")
def take_along_dim(input, indices, dim: int | None = None):
    """Elements picked along `dim` by `indices`, which broadcasts against `input`; without `dim`, of the flat tensor."""
    n = input.numel() if dim is None else input._aval().shape[wrap_dim(dim, input.ndim)]
    if indices.dtype.np.kind == "i":
        check_range(indices, n, f"index {{}} is out of bounds for dimension {dim or 0} with size {n}", RuntimeError)
    if dim is not None and input.ndim == indices.ndim:
        d = wrap_dim(dim, input.ndim)
        a, b = list(input._aval().shape), list(indices._aval().shape)
        a[d] = b[d] = 1
        common = broadcast_shape(tuple(a), tuple(b))

        def widen(x):
            size = tuple(x._aval().shape[d] if i == d else m for i, m in enumerate(common))
            return expand.view((SLOT, size), [x])

        input, indices = widen(input), widen(indices)
    return apply(take_along_dim_.op, (SLOT, SLOT, dim), [input, indices])


# --- where the elements are not zero ----------------------------------------------------------------------------------


def _made(array, like) -> Variable:
    return wrap(put(np.ascontiguousarray(array), like._aval().device, copy=False))


@composite("*.nonzero")
def nonzero(input, *, as_tuple: bool = False):
    """The places of the elements that are not zero, one per row; with `as_tuple` one vector per dimension (a barrier).

    >>> import torchlike as torch
    >>> torch.tensor([0, 5, 7]).nonzero()
    tensor([[1],
            [2]])
    """
    host = input._host()
    if as_tuple:
        return tuple(_made(at, input) for at in np.atleast_1d(host).nonzero())
    return _made(np.argwhere(host), input)


@composite("*.argwhere")
def argwhere(input):
    """The places of the elements that are not zero, one per row (a barrier)."""
    return nonzero(input)


@composite("*.masked_select")
def masked_select(input, mask):
    """A vector of the elements at which the mask is True (a barrier); both broadcast."""
    check(mask.dtype is _dtype.bool, "masked_select: expected BoolTensor for mask")
    size = broadcast_shape(mask._aval().shape, input._aval().shape)
    input = expand.view((SLOT, size), [input]) if size else reshape(input, 1)
    at = np.broadcast_to(mask._host(), size or (1,)).nonzero()
    return apply(index_.op, (SLOT, (SLOT,) * len(at), tuple(range(len(at)))), [input, *[_made(i, mask) for i in at]])


def _enough(mask, source, size) -> None:
    """A barrier only where the source could be too short."""
    if source.numel() < np.prod(size):
        trues = int(np.broadcast_to(mask._host(), size).sum())
        check(trues <= source.numel(), "Number of elements of source < number of ones in mask")


@composite("*.masked_scatter")
def masked_scatter(input, mask, source):
    """`input` with the elements of `source`, in order, at the places where the mask is True."""
    check(
        mask.dtype is _dtype.bool,
        f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype._scalar_name}",
    )
    _enough(mask, source, broadcast_shape(input._aval().shape, mask._aval().shape))
    return apply(masked_scatter_.op, (SLOT, SLOT, SLOT), [input, mask, source])


@composite("Tensor.masked_scatter_")
def masked_scatter_into(self, mask, source):
    """Write the elements of `source`, in order, at the places where the mask is True."""
    self._check_writable()
    self._assign(masked_scatter(self, mask, source))
    return self
