"""Reductions of neighbouring segments of a dimension."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from torchlike.core.op import SLOT, Array, Op, Scalar, composite
from torchlike.core.variable import apply
from torchlike.ops.checks import check, need
from torchlike.ops.copies import put_out
from torchlike.ops.dims import wrap_dim
from torchlike.ops.scatter_reduce import _start, combine

_KINDS = {"sum": "sum", "mean": "mean", "max": "amax", "min": "amin", "prod": "prod"}


def _segments(data: Array, bounds: Array, reduce: str, axis: int, initial: Scalar | None):
    """`bounds` (..., k+1) says where each segment of `axis` begins, and where the last one ends."""
    kind = _KINDS[reduce]
    lead, n, k = data.shape[:axis], data.shape[axis], bounds.shape[-1] - 1
    rest = data.shape[axis + 1 :]
    flat = data.reshape(-1, n, *rest)
    bounds = bounds.reshape(-1, k + 1)

    def one(x, ends):
        place = jnp.searchsorted(ends[1:], jnp.arange(n), side="right")
        place = jnp.where(jnp.arange(n) < ends[0], k, place)  # what belongs to no segment is dropped
        start = _start("sum" if kind == "mean" else kind, x.dtype) if initial is None else initial
        whole = jnp.full((k + 1, *rest), start, x.dtype)
        at = jnp.broadcast_to(place.reshape(-1, *(1,) * len(rest)), x.shape)
        grid = (at, *(jax.lax.broadcasted_iota(jnp.int64, x.shape, d) for d in range(1, x.ndim)))
        out = combine("sum" if kind == "mean" else kind, True)(whole, grid, x)[:k]
        if kind == "mean":
            count = jnp.diff(ends).reshape(-1, *(1,) * len(rest)).astype(x.dtype)
            empty = jnp.nan if initial is None else initial
            out = jnp.where(count > 0, out / jnp.maximum(count, 1), jnp.asarray(empty, x.dtype))
        return out

    return jax.vmap(one)(flat, bounds).reshape(*lead, k, *rest)


_SEGMENTS = Op("segment_reduce", _segments)


@composite("torch.segment_reduce", "torch._segment_reduce")
def segment_reduce(
    data, reduce: str, *, lengths=None, indices=None, offsets=None, axis: int = 0, unsafe: bool = False, initial=None,
    out=None,
):  # fmt: skip
    """Each segment of `axis` reduced to one element by "sum", "mean", "max", "min" or "prod".

    `lengths` are the segments' sizes, or `offsets` where they begin and the last one ends (either is read: a barrier);
    dimensions of `data` before `axis` may have segments of their own. An empty segment gives `initial`, or what the
    reduction of nothing is.
    """
    check(reduce in _KINDS, f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    axis = wrap_dim(axis, data.ndim)
    need(data._aval(), "_segment_reduce_cpu", 2, 2)
    check(
        indices is None,
        "segment_reduce(): indices based reduction is not supported yet.",
    )
    check(
        lengths is not None or offsets is not None,
        "segment_reduce(): Either lengths or offsets must be defined.",
    )
    given = offsets if offsets is not None else lengths
    host = given._host().astype(np.int64)
    shape = tuple(data._aval().shape)
    name = "lengths" if offsets is None else "offsets"
    check(
        host.ndim - 1 == axis,
        f"segment_reduce(): Expected axis to be the last dimension of {name} but got {axis}.",
    )
    check(
        host.shape[:-1] == shape[:axis],
        f"segment_reduce(): Expected all dimensions of {name} before axis to be those of data, but got "
        f"{list(host.shape)} for data of size {list(shape)}",
    )
    if offsets is not None:
        check(
            bool((host >= 0).all() and (host <= shape[axis]).all() and (np.diff(host) >= 0).all()),
            f"segment_reduce(): Expected offsets to rise from 0 to at most data.size({axis}) = {shape[axis]}",
        )
    if offsets is None:
        if not unsafe:
            check(bool((host >= 0).all()), "lengths contains negative value!")
            check(
                bool((host.sum(-1) == shape[axis]).all()),
                "segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when "
                "!unsafe.",
            )
        check(
            bool((host.sum(-1) <= shape[axis]).all()),
            f"segment_reduce(): Expected lengths to sum to at most data.size({axis}) = {shape[axis]}",
        )
        given = (given.cumsum(-1) - given).reshape(*host.shape)
        from torchlike.ops.joining import cat

        total = lengths.sum(-1, keepdim=True)
        given = apply(cat.op, ((SLOT, SLOT), -1), [given, total])
    template = (SLOT, SLOT, reduce, axis, None if initial is None else SLOT)
    made = apply(_SEGMENTS, template, [data, given, *([] if initial is None else [initial])])
    return put_out("segment_reduce", made, out)
