"""Choosing and searching: `where`, sorted boundaries, the indices of triangles."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from torchlike.core import dtype as _dtype
from torchlike.core.device import home
from torchlike.core.op import SLOT, TABLE, Array, Scalar, composite, op
from torchlike.core.value import put
from torchlike.core.variable import apply, wrap
from torchlike.ops.checks import check, listed, word
from torchlike.ops.copies import put_out
from torchlike.ops.dims import broadcast_shape
from torchlike.ops.promotion import promote


@op("_.where", grad="WhereBackward0")
def where_(condition: Array, input: Scalar, other: Scalar):
    check(
        word(condition) in ("Bool", "Byte"),
        f"where expected condition to be a boolean tensor, but got a tensor with dtype {word(condition)}",
    )
    input, other = promote(input, other)
    broadcast_shape(condition.shape, input.shape, other.shape)
    return jnp.where(condition.astype(bool), input, other)


@composite("torch.where")
def where(condition, input=None, other=None, *, out=None):
    """`input` where the condition is True, `other` elsewhere; all broadcast.

    With the condition alone: the places where it is not zero, one vector per dimension (a barrier).
    """
    if input is None and other is None:
        return TABLE["torch.nonzero"].body(condition, as_tuple=True)
    made = apply(where_.op, (SLOT, SLOT, SLOT), [condition, input, other])
    return put_out("where", made, out)


@composite("Tensor.where")
def where_method(self, condition, other):
    """This tensor where the condition is True, `other` elsewhere."""
    return apply(where_.op, (SLOT, SLOT, SLOT), [condition, self, other])


# --- sorted boundaries ------------------------------------------------------------------------------------------------


def _found(row, values, right: bool, sorter=None):
    return jnp.searchsorted(row if sorter is None else row[sorter], values, side="right" if right else "left")


@op("_.searchsorted", differentiable=False)
def searchsorted_(boundaries: Array, values: Scalar, sorter: Array | None, right: bool, out_int32: bool):
    kind = jnp.int32 if out_int32 else jnp.int64
    values = jnp.asarray(values)
    check(
        boundaries.ndim == 1 or values.ndim == boundaries.ndim and values.shape[:-1] == boundaries.shape[:-1],
        "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
        f"tensor and input value tensor must match, but we got boundaries tensor {listed(boundaries)} and input value "
        f"tensor {listed(values)}",
    )
    boundaries, wanted = promote(boundaries, values)
    if boundaries.ndim == 1:
        return _found(boundaries, wanted, right, sorter).astype(kind)
    if not boundaries.size or not values.size:
        return jnp.zeros(values.shape, kind)
    rows = boundaries.reshape(-1, boundaries.shape[-1])
    each = wanted.reshape(rows.shape[0], values.shape[-1])
    if sorter is None:
        found = jax.vmap(lambda b, v: _found(b, v, right))(rows, each)
    else:
        found = jax.vmap(lambda b, v, s: _found(b, v, right, s))(rows, each, sorter.reshape(rows.shape))
    return found.reshape(values.shape).astype(kind)


@composite("torch.searchsorted")
def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None, out=None):
    """Where each value would be inserted into the sorted last dimension: before equal ones, or after them with `right`.

    `sorted_sequence` is one vector for all values, or has the values' leading dimensions. `sorter` gives the order in
    which it is sorted. The result is int64, int32 with `out_int32`.
    """
    check(side in (None, "left", "right"), f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    check(
        side != "left" or not right,
        "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True",
    )
    inputs = [sorted_sequence, input] + ([] if sorter is None else [sorter])
    template = (SLOT, SLOT, None if sorter is None else SLOT, right or side == "right", out_int32)
    return put_out("searchsorted", apply(searchsorted_.op, template, inputs), out)


@composite("torch.bucketize")
def bucketize(input, boundaries, *, out_int32=False, right=False, out=None):
    """The number of the bucket that each value falls in, between the sorted `boundaries`.

    Value v is in bucket i if boundaries[i-1] < v <= boundaries[i]; with `right`, <= and <.
    """
    check(boundaries.ndim == 1, f"boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    made = apply(searchsorted_.op, (SLOT, SLOT, None, right, out_int32), [boundaries, input])
    return put_out("bucketize", made, out)


# --- triangles --------------------------------------------------------------------------------------------------------


def _triangle(name: str, places, what: str):
    def fn(row: int, col: int, offset: int = 0, *, dtype=_dtype.int64, device="cpu"):
        check(row >= 0, f"row must be non-negative, got{row}")
        check(col >= 0, f"col must be non-negative, got{col}")
        return wrap(put(np.stack(places(row, offset, col)).astype(dtype.np), home(device), copy=False))

    fn.__name__ = name
    fn.__doc__ = f"The rows and columns (2, n) of the {what} triangle of a row by col matrix, its diagonal included."
    return composite(f"torch.{name}")(fn)


tril_indices = _triangle("tril_indices", np.tril_indices, "lower")
triu_indices = _triangle("triu_indices", np.triu_indices, "upper")
