"""`tensor[...]` and `tensor[...] = value`, and the same under names.

Ints, slices, None and Ellipsis give views; index tensors, lists and masks give copies. A mask, and an index tensor
still pending, is read: a barrier. `x[mask] = number` is none.
"""

from __future__ import annotations

import operator
import warnings

import numpy as np

from torchlike.core import dtype as _dtype
from torchlike.core.op import SLOT, composite
from torchlike.core.overlap import refuse_overlap
from torchlike.core.value import put
from torchlike.core.variable import Variable, apply, wrap
from torchlike.ops.checks import check, type_name
from torchlike.ops.conversion import COPY, to_device
from torchlike.ops.creation import fill
from torchlike.ops.dims import broadcast_shape, wrap_dim
from torchlike.ops.indexing import (
    agreed,
    check_range,
    index_,
    index_put_,
    mask_put,
    take_along_dim_,
)
from torchlike.ops.overflow import check_fits
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
    _check_shapes(part, indices)
    _check_places(part, indices)
    return apply(index_.op, (SLOT, (SLOT,) * len(indices), tuple(d for d, _ in indices)),
                 [part, *[i for _, i in indices]])  # fmt: skip


@composite("Tensor.__setitem__")
def setitem(self, index, value):
    """Write into the part of the tensor at `index`; gradients flow to `value`."""
    if not isinstance(value, Variable):
        if not isinstance(value, bool | int | float | complex):
            if not isinstance(value, np.integer) and not hasattr(value, "aval"):
                raise TypeError(f"can't assign a {type_name(value)} to a {self.type()}")
            value = value.item()
        check_fits(value, self._aval().dtype)
    part, indices = _walk(self, index)
    part._check_writable()
    if isinstance(value, Variable) and value._aval().device is not part._aval().device:
        value = to_device(value, part._aval().device)
    if not indices:
        _write(part, value)
    elif _one_mask(indices) and (not isinstance(value, Variable) or value.numel() == 1):
        dim, mask = indices[0]
        mask = _tensor(part, mask)
        _check_mask(part, dim, mask)
        if isinstance(value, Variable) and value._aval().dtype.kind == "c":
            check_fits(value.item(), part._aval().dtype)
        part._assign(apply(mask_put.op, (SLOT, SLOT, SLOT, dim), [part, mask, value]))
    else:
        index_put(part, indices, _without_ones(value), False)


def _one_mask(indices) -> bool:
    return len(indices) == 1 and indices[0][1].dtype in (bool, _dtype.bool)


def _without_ones(value):
    """A value to write without the dimensions of size 1 at its front."""
    if not isinstance(value, Variable):
        return value
    size = value._aval().shape
    first = next((i for i, n in enumerate(size) if n != 1), len(size))
    return reshape(value, size[first:]) if first else value


def _write(part, value) -> None:
    if not isinstance(value, Variable):
        part._assign(apply(fill.op, (SLOT, SLOT), [part, value]))
        return
    refuse_overlap(part, value, whole=True)
    size = part._aval().shape
    given = value._aval().shape
    if len(given) > len(size):
        value = _without_ones(value)
        given = value._aval().shape
    if given != size:
        value = expand.view((SLOT, size), [value])
    part._assign(apply(COPY, (SLOT, SLOT), [part, value]))


def index_put(part, indices, value, accumulate: bool) -> None:
    indices = _integers(part, indices)
    _check_shapes(part, indices)
    if isinstance(value, Variable):
        a, b = part.dtype, value.dtype  # type: ignore[attr-defined]
        check(
            a is b,
            f"Index put requires the source and destination dtypes match, got {a._scalar_name} for the destination and "
            f"{b._scalar_name} for the source.",
        )
    for x in (value, *[i for _, i in indices]):
        refuse_overlap(part, x)
    _check_places(part, indices)
    template = (SLOT, (SLOT,) * len(indices), SLOT, tuple(d for d, _ in indices), accumulate)
    part._assign(apply(index_put_.op, template, [part, *[i for _, i in indices], value]))


# --- from what stands in the brackets to views and index tensors ------------------------------------------------------


def _at(x, dim: int, named: int, i: int):
    """The part at an int; `named` is the dimension as the user counts it."""
    shape = x._aval().shape
    if not shape:
        if i:
            raise IndexError(f"index {i} is out of bounds for dimension {named} with size 0")
        raise IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to convert a "
            "0-dim tensor to a number"
        )
    n = shape[dim]
    if not -n <= i < n:
        if not -(2**63) <= i < 2**63:
            raise ValueError("Overflow when unpacking long long")
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
    if used > ndim and not (ndim == 0 and len(items) == 1 and isinstance(index, int | slice)):
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
            dim, named = dim + 1, named + 1
        elif i is Ellipsis:
            dim, named, rest = dim + rest, named + rest, 0
        elif kind is bool or not i.ndim and _is_mask(i):
            x = unsqueeze.view((SLOT, dim), [x])
            found.append((dim, np.array([i]) if kind is bool else reshape(i, 1).bool()))
            dim, named = dim + 1, named + 1
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
        if d.np.kind in "iu" and not i.ndim and d is not _dtype.uint8 and not i._aval().traced:
            return int(i.item())
        if d.name not in ("int64", "int32", "bool", "uint8"):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        return i
    if isinstance(i, str):
        raise TypeError("new(): invalid data type 'str'")
    if isinstance(i, np.ndarray) and not i.ndim:
        return bool(i) if i.dtype == bool else int(i)
    if isinstance(i, list | tuple | range | np.ndarray):
        from torchlike.from_data import _array

        array, _ = _array(list(i) if isinstance(i, range) else i)
        return array if array.dtype == bool else array.astype(np.int64)
    if hasattr(i, "aval"):  # a JAX array
        from torchlike.tensor import from_jax

        return _simplified(from_jax(i))
    try:
        i = operator.index(i)
    except TypeError:
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices (got "
            f"{type_name(i)})"
        ) from None
    return i


def _sliced(x, dim: int, s: slice):
    if not x._aval().shape:
        raise IndexError("slice() cannot be applied to a 0-dim tensor.")
    if s.start is None and s.stop is None and s.step is None:
        return x
    n = x._aval().shape[dim]
    if s.step is not None and not hasattr(s.step, "__index__"):
        raise TypeError("slice indices must be integers or None or have an __index__ method")
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
    """Masks replaced by the places where they are True (a barrier)."""
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
            made.append((dim, _tensor(x, i)))
    return made


def _check_shapes(x, indices) -> None:
    """The index tensors broadcast, and name no place of a dimension that has none."""
    shape = x._aval().shape
    common = agreed([i._aval() for _, i in indices])
    if 0 not in common and any(shape[d] == 0 for d, _ in indices):
        raise IndexError("index is out of bounds for dimension with size 0")


def _check_places(x, indices) -> None:
    """All places are there. As in PyTorch nothing is read, so nothing is checked, where the result is empty."""
    shape = x._aval().shape
    if 0 in shape or any(0 in i._aval().shape for _, i in indices):
        return
    for k, (d, i) in enumerate(indices):
        check_range(i, shape[d], f"index {{}} is out of bounds for dimension {k} with size {shape[d]}")


# --- the same under names ---------------------------------------------------------------------------------------------


def _named(x, indices) -> list:
    if not isinstance(indices, tuple | list):
        kind = type_name(indices)
        raise TypeError(f"index_put_(): argument 'indices' (position 1) must be tuple of Tensors, not {kind}")
    for k, i in enumerate(indices):
        if not isinstance(i, Variable):
            raise TypeError(f"expected Tensor as element {k} in argument 0, but got {type_name(i)}")
    _, found = _walk(x, tuple(indices))
    return found


@composite("Tensor.index_put_")
def index_put_into(self, indices, values, accumulate: bool = False):
    """Write `values` at the places that index tensors (one per dimension) name; add them with `accumulate`."""
    if not isinstance(values, Variable):
        raise TypeError(f"index_put_(): argument 'values' (position 2) must be Tensor, not {type_name(values)}")
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
