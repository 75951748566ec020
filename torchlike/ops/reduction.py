"""Reductions: one number for all elements, or for those along some dimensions.

`dim` is an int, a tuple of ints, or None for all; `keepdim` leaves the reduced dimensions with size 1.
"""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.dtype import FROM_NP, category
from torchlike.core.op import Array, Op, op
from torchlike.ops.checks import check, need, word
from torchlike.ops.comparison import maximum, minimum
from torchlike.ops.dims import wrap_dim, wrap_dims
from torchlike.ops.promotion import as_np, promote_float, widely
from torchlike.ops.results import named, valued


def over(dim, n: int) -> tuple[int, ...]:
    """The dimensions to reduce; None and () mean all."""
    check(n <= 64, "only tensors with up to 64 dims are supported")
    return tuple(range(n)) if dim is None or dim == () else wrap_dims(dim, n)


def _reduce(f, x, dim, keepdim: bool):
    if not x.ndim:
        over(dim, 0)
        return f(x, (), False)
    return f(x, over(dim, x.ndim), keepdim)


def by_dim(name: str, full: int = 0, dims: int = 1, place: int = 1):
    """The gradient's name, numbered by whether a `dim` was given."""
    return lambda template, avals: f"{name}Backward{full if template[place] is None else dims}"


def _summed_type(x, dtype) -> np.dtype:
    """Sums of integers and bools are int64."""
    d = as_np(dtype)
    return d if d is not None else np.dtype(np.int64) if category(x.dtype) < 2 else x.dtype


@widely
def summed(x, dims=None, keep: bool = False):
    """The sum in the type of the elements."""
    return jnp.sum(x, dims, keepdims=keep, dtype=x.dtype)


@widely
def _multiplied(x, dims, keep: bool):
    return jnp.prod(x, dims, keepdims=keep, dtype=x.dtype)


@op("*.sum", grad=by_dim("Sum"))
def sum(input: Array, dim: int | tuple | None = None, keepdim: bool = False, *, dtype=None):
    """The sum; of integers and bools in int64. With `dtype` the elements are converted first."""
    return _reduce(summed, input.astype(_summed_type(input, dtype)), dim, keepdim)


@op("*.nansum")
def nansum(input: Array, dim: int | tuple | None = None, keepdim: bool = False, *, dtype=None):
    """The sum of what is a number."""
    check(not jnp.iscomplexobj(input), "nansum on CPU does not support complex inputs")
    return sum(jnp.where(input != input, jnp.zeros((), input.dtype), input), dim, keepdim, dtype=dtype)


def _mean_type(x, dtype, name: str) -> np.dtype:
    d = as_np(dtype)
    if d is None:
        check(
            category(x.dtype) >= 2,
            f"{name}(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. "
            f"Got: {word(x)}",
        )
        return x.dtype
    check(
        category(d) >= 2,
        f"{name}(): could not infer output dtype. Optional dtype must be either a floating point or complex dtype. "
        f"Got: {FROM_NP[d]._scalar_name}",
    )
    return d


@op("*.mean", grad=by_dim("Mean"))
def mean(input: Array, dim: int | tuple | None = None, keepdim: bool = False, *, dtype=None):
    """The mean, of floating and complex types; of nothing it is not a number."""
    d = _mean_type(input, dtype, "mean")
    return _reduce(lambda x, dims, keep: jnp.mean(x, dims, keepdims=keep), input.astype(d), dim, keepdim)


@op("*.nanmean", grad="DivBackward0")
def nanmean(input: Array, dim: int | tuple | None = None, keepdim: bool = False, *, dtype=None):
    """The mean of what is a number."""
    check(
        category(input.dtype) >= 2,
        f"nanmean(): expected input to have floating point or complex dtype but got {word(input)}",
    )
    total = nansum(input, dim, keepdim, dtype=dtype)
    return total / sum((input == input).astype(total.dtype), dim, keepdim)


@op("*.prod", grad=by_dim("Prod"))
def prod(input: Array, dim: int | None = None, keepdim: bool = False, *, dtype=None):
    """The product; of integers and bools in int64."""
    return _reduce(_multiplied, input.astype(_summed_type(input, dtype)), dim, keepdim)


@op("*.all", differentiable=False)
def all(input: Array, dim: int | tuple | None = None, keepdim: bool = False):
    """Whether all elements differ from 0 (of uint8 as uint8)."""
    result = _reduce(lambda x, dims, keep: jnp.all(x, dims, keepdims=keep), input != 0, dim, keepdim)
    return result.astype(jnp.uint8) if input.dtype == jnp.uint8 else result


@op("*.any", differentiable=False)
def any(input: Array, dim: int | tuple | None = None, keepdim: bool = False):
    """Whether some element differs from 0 (of uint8 as uint8)."""
    result = _reduce(lambda x, dims, keep: jnp.any(x, dims, keepdims=keep), input != 0, dim, keepdim)
    return result.astype(jnp.uint8) if input.dtype == jnp.uint8 else result


@op("*.count_nonzero", differentiable=False)
def count_nonzero(input: Array, dim: int | tuple | None = None):
    """How many elements differ from 0."""
    return sum(input != 0, dim)


# --- the greatest and the least ---------------------------------------------------------------------------------------


def filled(x, dims, name: str) -> None:
    """PyTorch's error for a maximum of nothing."""
    for d in dims:
        check(
            x.ndim == 0 or x.shape[d] != 0,
            f"{name}(): Expected reduction dim {d} to have non-zero size.",
            IndexError,
        )


def _extreme(f, x, dim, keepdim, name: str):
    dims = over(dim, x.ndim)
    need(x, f"{name[1:]}_values_cpu", 0, 2)
    if dim is None or dim == ():
        check(
            x.size > 0,
            f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            "the 'dim' argument.",
        )
    else:
        filled(x, dims, name)
    return _reduce(f, x, dim, keepdim)


def _places(x, dims):
    """The index of each element within what is reduced."""
    sizes = [x.shape[d] if d in dims else 1 for d in range(x.ndim)]
    return jnp.arange(math.prod(sizes)).reshape(sizes)


def _place(f, x, dims):
    """Where the greatest (or least) stands, counted as by `_places`."""
    rows = jnp.moveaxis(x, sorted(dims), range(-len(dims), 0))
    kept = x.ndim - len(dims)
    rows = rows.reshape(*rows.shape[:kept], math.prod(rows.shape[kept:]))
    place = (jnp.argmax if f is jnp.max else jnp.argmin)(rows, -1)
    return jnp.expand_dims(place, dims)


def extreme_or_nan(f, x, dims, keep: bool):
    """`jnp.max` or `jnp.min`, and NaN where one is among the numbers: from some thousand elements on XLA's CPU compiler
    hands these to a kernel that passes over it (JAX 0.10 to 0.12)."""
    return jnp.where(jnp.isnan(x).any(dims, keepdims=keep), jnp.nan, f(x, dims, keepdims=keep))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 2, 3, 4))
def _shared(f, x, dims, keep: bool, unordered: bool):
    return extreme_or_nan(f, x, dims, keep)


@_shared.defjvp
def _shared_jvp(f, dims, keep, unordered, primals, tangents):
    """Equal ones share the gradient. What is not a number is equal to nothing, so that all gradients are none either,
    unless `unordered` says to take it as equal to itself.

    XLA may compute the operand once for the extreme and once more here, and round differently; so its index counts too.
    """
    x = primals[0]
    out = extreme_or_nan(f, x, dims, True)
    here = (x == out) | (_places(x, dims) == _place(f, x, dims)) & (out == out)
    if unordered:
        here |= (x != x) & (out != out)
    count = here.sum(dims, keepdims=True, dtype=out.dtype)
    share = jnp.where(count > 0, here / count, jnp.nan)  # said, for XLA makes 0 of 0 / 0 here
    moved = (share * tangents[0]).sum(dims, keepdims=True)
    return (out, moved) if keep else (out.squeeze(dims), moved.squeeze(dims))


def shared(f, x, dims=None, keep: bool = False, unordered: bool = False):
    """`jnp.max` or `jnp.min` with PyTorch's gradient."""
    dims = tuple(range(x.ndim)) if dims is None else dims
    return _shared(f, x, dims, keep, unordered) if category(x.dtype) == 2 else f(x, dims, keepdims=keep)


@op("*.amax")
def amax(input: Array, dim: int | tuple = (), keepdim: bool = False):
    """The greatest; equal ones share the gradient."""
    return _extreme(functools.partial(shared, jnp.max), input, dim, keepdim, "amax")


@op("*.amin")
def amin(input: Array, dim: int | tuple = (), keepdim: bool = False):
    """The least; equal ones share the gradient."""
    return _extreme(functools.partial(shared, jnp.min), input, dim, keepdim, "amin")


@op("*.aminmax", result=named("aminmax", "min", "max"))
def aminmax(input: Array, *, dim: int | None = None, keepdim: bool = False):
    """The least and the greatest, as a named tuple (min, max)."""
    need(input, "aminmax_cpu", 0, 2)
    check(
        dim is not None or input.size > 0,
        "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.",
    )
    if dim is not None:
        filled(input, (wrap_dim(dim, input.ndim),), "aminmax")
    over = () if dim is None else dim
    return amin(input, over, keepdim), amax(input, over, keepdim)


aminmax.op.exact = True


def _index_of(f, x, dim, keepdim, name: str):
    check(category(x.dtype) < 3, f"{name}(): does not support complex input")
    check(category(x.dtype) > 0, f"{name}(): does not support bool input")
    if dim is None:
        check(
            x.size > 0, f"{name}(): Expected reduction dim to be specified for input.numel() == 0.", IndexError
        )
        return f(x.reshape(-1), 0, False).reshape((1,) * x.ndim if keepdim else ())
    dim = wrap_dim(dim, x.ndim)
    filled(x, (dim,), name)
    return f(x, dim, keepdim) if x.ndim else jnp.zeros((), jnp.int64)


def _argmax(x, dim, keepdim):
    return lax.expand_dims(lax.argmax(x, dim, jnp.int64), (dim,)) if keepdim else lax.argmax(x, dim, jnp.int64)


def _argmin(x, dim, keepdim):
    return lax.expand_dims(lax.argmin(x, dim, jnp.int64), (dim,)) if keepdim else lax.argmin(x, dim, jnp.int64)


@op("*.argmax", differentiable=False)
def argmax(input: Array, dim: int | None = None, keepdim: bool = False):
    """Where the greatest stands along `dim`, or among all elements in order; of equal ones the first."""
    return _index_of(_argmax, input, dim, keepdim, "argmax")


@op("*.argmin", differentiable=False)
def argmin(input: Array, dim: int | None = None, keepdim: bool = False):
    """Where the least stands along `dim`, or among all elements in order; of equal ones the first."""
    return _index_of(_argmin, input, dim, keepdim, "argmin")


class Extreme(Op):
    """`max` and `min`: of everything, along an int `dim`, or of two tensors, told apart by the second argument."""

    def bind(self, args, kwargs):
        if args and isinstance(args[0], bool | int | float | complex):
            raise TypeError(
                f"{self.name}() received an invalid combination of arguments - got "
                f"({', '.join(type(a).__name__ for a in args)})"
            )
        if len(args) > 1 and isinstance(args[1], int) and not isinstance(args[1], bool):
            check(len(args) < 4, f"{self.name}() takes 3 positional arguments but {len(args)} were given", TypeError)
            kwargs = {**dict(zip(("dim", "keepdim"), args[1:], strict=False)), **kwargs}
            args = args[:1]
        return super().bind(args, kwargs)


def _extreme_name(name: str, pair: str):
    return lambda template, avals: (
        f"{pair}Backward0" if len(avals) > 1 else f"{name}Backward{int(template[2] is None)}"
    )


def _extreme_of(pair, full, index, name: str):
    """The three meanings of `max` or `min`."""

    def body(input: Array, other: Array | None = None, *, dim: int | None = None, keepdim: bool = False):
        if other is not None:
            return pair(input, other)
        if dim is None:
            check(
                input.size > 0,
                f"{name}(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim "
                "with the 'dim' argument.",
            )
            need(input, f"{name}_all", 0, 2)
            return shared(full, input, unordered=True)
        check(not jnp.iscomplexobj(input), f"{name}(): does not support complex input", RuntimeError)
        at = wrap_dim(dim, input.ndim)
        filled(input, (at,), name)
        if not input.ndim:
            return input, jnp.zeros((), jnp.int64)
        indices = index(input, at, True)
        return picked(input, indices, at, keepdim)

    return body


def picked(x, indices, dim: int, keepdim: bool = True):
    """(the elements at the indices along `dim`, the indices); the gradient goes to the elements picked."""
    values = jnp.take_along_axis(x, indices, dim, mode="promise_in_bounds")
    return (values, indices) if keepdim else (values.squeeze(dim), indices.squeeze(dim))


max = _extreme_of(maximum, jnp.max, _argmax, "max")
max.__name__ = "max"
max.__doc__ = """The greatest of all elements; with `dim`, a named tuple (values, indices) along it; with a second
tensor, the greater of both element by element, as `maximum`."""
op("*.max", kind=Extreme, grad=_extreme_name("Max", "Maximum"), result=valued("max"))(max)

min = _extreme_of(minimum, jnp.min, _argmin, "min")
min.__name__ = "min"
min.__doc__ = """The least of all elements; with `dim`, a named tuple (values, indices) along it; with a second tensor,
the lesser of both element by element, as `minimum`."""
op("*.min", kind=Extreme, grad=_extreme_name("Min", "Minimum"), result=valued("min"))(min)


@op("*.logsumexp", "special.logsumexp")
def logsumexp(input: Array, dim: int | tuple, keepdim: bool = False):
    """log Σ exp(x), without overflow."""
    (x,) = promote_float(input)
    return _reduce(lambda x, dims, keep: jax.scipy.special.logsumexp(x, dims, keepdims=keep), x, dim, keepdim)
