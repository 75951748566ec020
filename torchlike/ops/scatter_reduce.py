"""Scattering with a reduction, and its gradients, for which JAX has no rule (or only one for places that differ)."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.op import Array, op
from torchlike.ops.checks import check
from torchlike.ops.indexing import Indexed, _along, _grid, _scattered, added

_NAMES = ("sum", "prod", "mean", "amax", "amin")


def _start(kind: str, dtype):
    """What the reduction of nothing is."""
    if kind in ("sum", "mean"):
        return 0
    if kind == "prod":
        return 1
    if np.dtype(dtype).kind == "b":
        return kind == "amin"
    low, high = (-jnp.inf, jnp.inf) if jnp.issubdtype(dtype, jnp.inexact) else (
        jnp.iinfo(dtype).min, jnp.iinfo(dtype).max
    )  # fmt: skip
    return low if kind == "amax" else high


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _extreme(kind: str, include_self: bool, x, at, src):
    if not include_self:
        x = _forgotten(kind, x, at)
    return (x.at[at].max if kind == "amax" else x.at[at].min)(src)


def _forgotten(kind, x, at):
    return x.at[at].set(jnp.asarray(_start(kind, x.dtype), x.dtype))


@_extreme.defjvp
def _extreme_jvp(kind, include_self, primals, tangents):
    """Equal elements share the gradient; as in PyTorch, what was there takes a share even if it does not take part."""
    x, at, src = primals
    out = _extreme(kind, include_self, x, at, src)
    here, there = (x == out).astype(x.dtype), (src == out[at]).astype(x.dtype)
    shared = here.at[at].add(there)
    if not include_self:
        here = here.at[at].set(0)
    shared = jnp.where(shared > 0, shared, jnp.nan)  # said, for XLA makes 0 of 0 / 0 here
    here, there = here / shared, there / shared[at]
    return out, (here * tangents[0]).at[at].add(there * tangents[2])


@jax.custom_jvp
def _product(x, at, src):
    return x.at[at].min(src) if x.dtype == bool else x.at[at].multiply(src)


@_product.defjvp
def _product_jvp(primals, tangents):
    """d prod = sum of each factor's tangent times the product of the others; with zeros, of the others only."""
    x, at, src = primals
    zeros = (x == 0).astype(x.dtype).at[at].add((src == 0).astype(x.dtype))
    nonzero = _product(jnp.where(x == 0, 1, x), at, jnp.where(src == 0, 1, src))

    none = (jnp.where(x == 0, x, 0)).at[at].add(jnp.where(src == 0, src, 0))  # the sum of the zeros: it has a gradient

    def others(factor, zeros, nonzero, none):
        zero = factor == 0
        rest = zeros - zero
        product = nonzero / jnp.where(zero, 1, factor)
        return jnp.where(rest > 1, 0, jnp.where(rest > 0, none - jnp.where(zero, factor, 0), 1) * product)

    moved = (others(x, zeros, nonzero, none) * tangents[0]).at[at].add(
        others(src, zeros[at], nonzero[at], none[at]) * tangents[2]
    )
    return _product(x, at, src), moved


def combine(kind: str, include_self: bool):
    """The reduction as a function of (array, places, source)."""
    check(kind in _NAMES, f"reduce argument must be either {', '.join(_NAMES[:-1])} or {_NAMES[-1]}, got {kind}")

    def reduced(x, at, src):
        if kind in ("amax", "amin"):
            return _extreme(kind, include_self, x, at, src)
        if not include_self:
            x = _forgotten(kind, x, at)
        if kind == "prod":
            return _product(x, at, src)
        total = added(x, at, src)
        if kind == "sum":
            return total
        n = jnp.full(x.shape, int(include_self), jnp.int64).at[at].add(1)
        n = lax.stop_gradient(jnp.maximum(n, 1).astype(x.dtype))
        return total / n if jnp.issubdtype(x.dtype, jnp.inexact) else total // n

    return reduced


@op("*.scatter_reduce", "Tensor.scatter_reduce_", kind=Indexed)
def scatter_reduce(input: Array, dim: int, index: Array, src: Array, reduce: str, *, include_self: bool = True):
    """The elements of `src` combined with those of `input` at the places `index` names along `dim`.

    `reduce` is "sum", "prod", "mean", "amax" or "amin"; without `include_self` what was there does not take part.
    """
    return _scattered("scatter", input, dim, index, src, combine(reduce, include_self))


@op("*.index_reduce", "Tensor.index_reduce_", kind=Indexed)
def index_reduce(input: Array, dim: int, index: Array, source: Array, reduce: str, *, include_self: bool = True):
    """The parts of `source` combined with those parts of `input` that `index` names: "prod", "mean", "amax", "amin"."""
    check(
        reduce in _NAMES[1:],
        f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.",
    )
    key = _along("index_reduce", input, dim, index, source)
    check(np.dtype(input.dtype) == np.dtype(source.dtype), "index_reduce(): self and source must have the same dtype")
    whole, source = jnp.atleast_1d(input), jnp.atleast_1d(source)
    places = jnp.broadcast_to(key[-1].reshape(-1, *(1,) * (whole.ndim - len(key))), source.shape)
    return combine(reduce, include_self)(whole, _grid(whole.shape, len(key) - 1, places), source).reshape(input.shape)


for _body in (scatter_reduce, index_reduce):
    _body.op.exact = True
