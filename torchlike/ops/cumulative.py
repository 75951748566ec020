"""Running sums, products and extremes along a dimension."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from torchlike.core.dtype import category
from torchlike.core.op import Array, op
from torchlike.ops.checks import need
from torchlike.ops.dims import wrap_dim
from torchlike.ops.pointwise import complex_logaddexp
from torchlike.ops.promotion import as_np, widely
from torchlike.ops.reduction import picked
from torchlike.ops.results import valued


def _running(f, x, dim: int, dtype):
    d = as_np(dtype)
    at = wrap_dim(dim, x.ndim)
    x = x.astype(d if d is not None else jnp.int64 if category(x.dtype) < 2 else x.dtype)
    return f(x, at) if x.ndim else x


@op("*.cumsum", "Tensor.cumsum_")
def cumsum(input: Array, dim: int, *, dtype=None):
    """The sum of all elements so far; of integers in int64."""
    return _running(lambda x, at: widely(jnp.cumsum)(x, at), input, dim, dtype)


@op("*.cumprod", "Tensor.cumprod_")
def cumprod(input: Array, dim: int, *, dtype=None):
    """The product of all elements so far; of integers in int64."""
    return _running(lambda x, at: widely(jnp.cumprod)(x, at), input, dim, dtype)


@op("*.logcumsumexp")
def logcumsumexp(input: Array, dim: int):
    """log of the running sum of exp(x), without overflow."""
    need(input, "logcumsumexp_out_cpu", 2)
    at = wrap_dim(dim, input.ndim)
    if not input.ndim or not input.size:
        return input
    if not jnp.iscomplexobj(input):
        return lax.cumlogsumexp(input, at)
    rows = jnp.moveaxis(input, at, 0)  # one after the other: on which branch the logarithm lies depends on the order
    rest = lax.scan(lambda total, x: (complex_logaddexp(total, x),) * 2, rows[0], rows[1:])[1]
    return jnp.moveaxis(jnp.concatenate([rows[:1], rest]), 0, at)


def _running_extreme(x, dim: int, cumulative, name: str):
    """(values, where each stands): the last of equal ones; once something is not a number, it stays so."""
    at = wrap_dim(dim, x.ndim)
    if not x.ndim:
        return x, jnp.zeros((), jnp.int64)
    need(x, f"{name}_cpu", 0, 2)
    bare = lax.stop_gradient(x.astype(jnp.uint8) if x.dtype == bool else x)
    new = (bare == cumulative(bare, at)) | (bare != bare)
    places = lax.broadcasted_iota(jnp.int64, x.shape, at)
    return picked(x, lax.cummax(jnp.where(new, places, 0), at), at)


@op("*.cummax", result=valued("cummax"))
def cummax(input: Array, dim: int):
    """The greatest so far and where it stands, a named tuple (values, indices)."""
    return _running_extreme(input, dim, lax.cummax, "cummax")


@op("*.cummin", result=valued("cummin"))
def cummin(input: Array, dim: int):
    """The least so far and where it stands, a named tuple (values, indices)."""
    return _running_extreme(input, dim, lax.cummin, "cummin")
