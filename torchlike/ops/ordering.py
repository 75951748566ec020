"""Order: sorting, the k greatest, medians, modes, what is unique, counts per value."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.dtype import category
from torchlike.core.op import SLOT, Array, Op, composite, op
from torchlike.core.value import put
from torchlike.core.variable import Variable, apply, wrap
from torchlike.ops.checks import check, need
from torchlike.ops.dims import wrap_dim
from torchlike.ops.promotion import rounded
from torchlike.ops.reduction import filled, picked, shared
from torchlike.ops.results import valued


def ranked(x, dim: int, descending: bool = False):
    """The indices that sort x along `dim`, equal ones in their order; what is not a number counts as the greatest."""
    x = lax.stop_gradient(x.astype(jnp.uint8) if x.dtype == bool else x)
    if not descending:
        return jnp.argsort(x, dim, stable=True).astype(jnp.int64)
    # descending and stable is ascending and stable read backwards from both ends
    order = jnp.argsort(jnp.flip(x, dim), dim, stable=True)
    return jnp.flip(x.shape[dim] - 1 - order, dim).astype(jnp.int64)


class Sorting(Op):
    """`sort(input, dim, descending)`, and with `stable` by keyword only, which is always honoured."""

    def bind(self, args, kwargs):
        kwargs = {k: v for k, v in kwargs.items() if k != "stable"}
        return super().bind(args, kwargs)


def _sorted(x, dim: int, descending: bool):
    check(not jnp.iscomplexobj(x), " Sort does not support complex dtypes on CPU")
    at = wrap_dim(dim, x.ndim)
    if not x.ndim:
        return x, jnp.zeros((), jnp.int64)
    return picked(x, ranked(x, at, bool(descending)), at)


@op("*.sort", kind=Sorting, result=valued("sort"))
def sort(input: Array, dim: int = -1, descending: bool = False):
    """The elements in order along `dim` and where they stood, a named tuple (values, indices); always stable."""
    return _sorted(input, dim, descending)


@op("*.argsort", kind=Sorting, differentiable=False)
def argsort(input: Array, dim: int = -1, descending: bool = False):
    """The indices that put the elements in order along `dim`; always stable."""
    return _sorted(input, dim, descending)[1]


@op("*.msort", grad="SortBackward0")
def msort(input: Array):
    """The elements in order along the first dimension."""
    return _sorted(input, 0, False)[0]


@op("*.topk", result=valued("topk"))
def topk(input: Array, k: int, dim: int = -1, largest: bool = True, sorted: bool = True):
    """The k greatest (or least) along `dim` and where they stand, a named tuple (values, indices), always sorted."""
    check(not jnp.iscomplexobj(input), " topk does not support complex dtypes on CPU")
    check(input.dtype != bool, "topk does not support bool dtypes on CPU")
    at = wrap_dim(dim, input.ndim)
    size = input.shape[at] if input.ndim else 1
    check(0 <= k <= size, "selected index k out of range")
    if not input.ndim:
        return (input, jnp.zeros((), jnp.int64)) if k else (input.reshape(1)[:0], jnp.zeros((0,), jnp.int64))
    if largest:
        moved = jnp.moveaxis(lax.stop_gradient(input), at, -1)
        if category(moved.dtype) == 2:
            moved = jnp.where(jnp.isnan(moved), jnp.asarray(jnp.nan, moved.dtype), moved)  # XLA puts -nan last
        indices = jnp.moveaxis(lax.top_k(moved, k)[1], -1, at).astype(jnp.int64)
    else:
        indices = lax.slice_in_dim(ranked(input, at), 0, k, axis=at)
    return picked(input, indices, at)


@op("*.kthvalue", result=valued("kthvalue"))
def kthvalue(input: Array, k: int, dim: int = -1, keepdim: bool = False):
    """The k-th least along `dim`, counted from 1, and where it stands, a named tuple (values, indices)."""
    at = wrap_dim(dim, input.ndim)
    filled(input, (at,), "kthvalue")
    if input.ndim:
        need(input, "kthvalue_cpu", 1, 2)
    check(1 <= k <= (input.shape[at] if input.ndim else 1), "kthvalue(): selected number k out of range for dimension "
          f"{at}")  # fmt: skip
    return _at_rank(input, at, k - 1, keepdim)


def _at_rank(x, at: int, k: int, keepdim: bool):
    if not x.ndim:
        return x, jnp.zeros((), jnp.int64)
    return picked(x, lax.slice_in_dim(ranked(x, at), k, k + 1, axis=at), at, keepdim)


@op("*.median", grad=lambda template, avals: f"MedianBackward{int(template[1] is not None)}", result=valued("median"))
def median(input: Array, dim: int | None = None, keepdim: bool = False):
    """The middle element, of an even number the lower one; with `dim` a named tuple (values, indices) along it.

    Where something is not a number, that is the median.
    """
    need(input, "median_cpu", 1, 2)
    if dim is None:
        return _middle(input)
    at = wrap_dim(dim, input.ndim)
    filled(input, (at,), "median")
    if not input.ndim:
        return input, jnp.zeros((), jnp.int64)
    n = input.shape[at]
    place = lax.slice_in_dim(ranked(input, at), (n - 1) // 2, (n - 1) // 2 + 1, axis=at)
    bad = input != input
    first = jnp.argmax(bad, at, keepdims=True).astype(jnp.int64)
    return picked(input, jnp.where(bad.any(at, keepdims=True), first, place), at, keepdim)


def _middle(x, skip: bool = False):
    """The median of everything; the elements equal to it share the gradient."""
    flat = x.reshape(-1)
    if not flat.size:
        return jnp.asarray(math.nan if category(x.dtype) == 2 else np.iinfo(x.dtype).min, x.dtype)
    bare = lax.stop_gradient(flat)
    count = (bare == bare).sum() if skip else flat.size
    value = jnp.sort(bare)[jnp.maximum((count - 1) // 2, 0)]
    if category(x.dtype) < 2:
        return value
    bad = bare != bare
    value = value if skip else jnp.where(bad.any(), jnp.asarray(math.nan, x.dtype), value)
    # the greatest of the elements that are the median: equals share its gradient
    return shared(jnp.max, jnp.where((bare == value) | bad & (value != value), flat, -math.inf), unordered=True)


@op("*.nanmedian", grad=lambda template, avals: f"NanmedianBackward{int(template[1] is not None)}",
    result=valued("nanmedian"))  # fmt: skip
def nanmedian(input: Array, dim: int | None = None, keepdim: bool = False):
    """The median of what is a number; with `dim` a named tuple (values, indices) along it."""
    need(input, "median_cpu", 1, 2)
    if dim is None:
        return _middle(input, skip=True)
    at = wrap_dim(dim, input.ndim)
    filled(input, (at,), "median")
    if not input.ndim:
        return input, jnp.zeros((), jnp.int64)
    count = jnp.sum(input == input, at, keepdims=True)
    place = jnp.take_along_axis(ranked(input, at), jnp.maximum((count - 1) // 2, 0), at)
    return picked(input, place, at, keepdim)


@op("*.mode", result=valued("mode"))
def mode(input: Array, dim: int = -1, keepdim: bool = False):
    """The most frequent along `dim`, of equally frequent ones the least, and its last place: (values, indices)."""
    at = wrap_dim(dim, input.ndim)
    filled(input, (at,), "mode")
    if not input.ndim:
        return input, jnp.zeros((), jnp.int64)
    need(input, "mode_cpu", 0, 2)
    order = ranked(input, at)
    s = jnp.take_along_axis(lax.stop_gradient(input), order, at)
    places = lax.broadcasted_iota(jnp.int64, s.shape, at)
    first = jnp.ones_like(lax.slice_in_dim(places, 0, 1, axis=at), dtype=bool)
    changes = lax.slice_in_dim(s, 1, None, axis=at) != lax.slice_in_dim(s, 0, -1, axis=at)
    starts = jnp.concatenate([first, changes], at)
    run = places - lax.cummax(jnp.where(starts, places, 0), at)  # how many equal ones stand before
    best = jnp.argmax(run, at, keepdims=True)
    return picked(input, jnp.take_along_axis(order, best, at), at, keepdim)


# --- counts -----------------------------------------------------------------------------------------------------------


def _counted(input: Array, weights: Array | None, length: int):
    if weights is not None and category(weights.dtype) != 2:
        weights = weights.astype(jnp.float64)
    return jnp.bincount(input, weights, length=length)


_BINCOUNT = Op("bincount", _counted, differentiable=False)


@composite("*.bincount")
def bincount(input, weights=None, minlength: int = 0):
    """How often each number from 0 to the greatest occurs (a barrier), or the sum of the weights standing there."""
    check(
        weights is None or isinstance(weights, Variable),
        f"bincount(): argument 'weights' must be Tensor, not {type(weights).__name__}",
        TypeError,
    )
    check(input.ndim == 1 and not input.is_floating_point(), "bincount only supports 1-d non-negative integral inputs.")
    check(minlength >= 0, "minlength should be >= 0")
    host = input._host()
    check(host.size == 0 or host.min() >= 0, "bincount only supports 1-d non-negative integral inputs.")
    check(weights is None or weights.shape == input.shape, "weights should be 1-d and have the same length as input")
    length = max(int(host.max()) + 1 if host.size else 0, minlength)
    if weights is None:
        return apply(_BINCOUNT, (SLOT, None, length), [input])
    return apply(_BINCOUNT, (SLOT, SLOT, length), [input, weights])


@op("*.histc", differentiable=False)
def histc(input: Array, bins: int = 100, min: float = 0, max: float = 0):
    """How many elements fall into each of `bins` equal parts of [min, max]; of the data's own range if both are 0."""
    need(input, "histogram_cpu", 2, 2)
    check(bins > 0, "bins must be > 0")
    check(min <= max, "max must be larger than min")
    x = input.reshape(-1)
    low, high = (jnp.asarray(v, x.dtype) for v in (min, max))
    if min == max and x.size:
        low, high = jnp.min(x), jnp.max(x)
    same = low == high
    low, high = jnp.where(same, low - 1, low), jnp.where(same, high + 1, high)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    # PyTorch takes every step in the input's type
    gap, width = (rounded(v.astype(wide) - low.astype(wide), x.dtype) for v in (x, high))
    place = jnp.clip(rounded(rounded(gap * bins, x.dtype) / width, x.dtype).astype(jnp.int64), 0, bins - 1)
    inside = (x >= low) & (x <= high)
    return jnp.zeros(bins, x.dtype).at[place].add(inside.astype(x.dtype))


# --- unique -----------------------------------------------------------------------------------------------------------


@composite("*.unique")
def unique(
    input, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
):
    """The different elements (with `dim`: the different slices along it) in order (a barrier).

    With `return_inverse` also where each element went, with `return_counts` also how often each occurs.
    """
    at = _unique_dim(input, dim)
    host = input.detach()._host()
    wide = host.astype(np.float32) if host.dtype.kind == "V" else host  # NumPy does not sort bfloat16's nan to the end
    values, inverse, counts = np.unique(wide, return_inverse=True, return_counts=True, axis=at, equal_nan=False)
    values = values.astype(host.dtype)
    inverse = inverse.reshape(host.shape if at is None else -1)
    return _unique_result(input, values, inverse if return_inverse else None, counts if return_counts else None)


@composite("*.unique_consecutive")
def unique_consecutive(input, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None):
    """One of each run of equal neighbours (a barrier); the flags as in `unique`."""
    at: Any = _unique_dim(input, dim)
    host = input.detach()._host()
    rows = host.reshape(-1) if dim is None else np.moveaxis(host, at, 0)
    flat = rows.reshape(len(rows), math.prod(rows.shape[1:]))
    new = np.ones(len(rows), bool)
    new[1:] = (flat[1:] != flat[:-1]).any(1)
    starts = np.flatnonzero(new)
    values = rows[starts] if dim is None else np.moveaxis(rows[starts], 0, at)
    inverse = (np.cumsum(new) - 1).reshape(host.shape if dim is None else -1)
    counts = np.diff(np.append(starts, len(rows)))
    return _unique_result(input, values, inverse if return_inverse else None, counts if return_counts else None)


def _unique_dim(input, dim: int | None) -> int | None:
    kernel = "unique" if dim is None else "unique_dim"
    check(not input.is_complex(), f"\"{kernel}\" not implemented for '{input.dtype._scalar_name}'", NotImplementedError)
    if dim is None:
        return None
    shape = input._aval().shape
    check(len(shape) > 0, f"Dimension specified as {dim} but tensor has no dimensions", IndexError)
    at = wrap_dim(dim, len(shape))
    check(
        0 not in shape[:at] + shape[at + 1 :],
        "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied",
    )
    return at


def _unique_result(input, values, *more):
    parts = [values, *(m.astype(np.int64) for m in more if m is not None)]
    made = tuple(wrap(put(np.array(p, order="C"), input.device)) for p in parts)
    return made[0] if len(made) == 1 else made
