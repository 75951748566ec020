"""Matrix products in groups: one matrix for each run of rows, as mixtures of experts need them."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, op
from torchlike.ops.checks import check
from torchlike.ops.promotion import as_np


def _members(offs: Array, n: int):
    """(groups, n): whether place i lies in the group, given where the groups end."""
    at = jnp.arange(n)
    starts = jnp.concatenate([jnp.zeros(1, offs.dtype), offs[:-1]])
    return (at >= starts[:, None]) & (at < offs[:, None])


@op("torch._grouped_mm", "F.grouped_mm")
def _grouped_mm(mat_a: Array, mat_b: Array, *, offs: Array | None = None, bias: Array | None = None, out_dtype=None):
    """Products of matrices in groups that end at the places `offs`.

    Shapes: (M, K) x (G, K, N), the rows in groups -> (M, N); (G, M, K) x (K, N), the columns in groups -> (M, N);
    (M, K) x (K, N), what is summed in groups -> (G, M, N); (G, M, K) x (G, K, N) without `offs` -> (G, M, N).
    What lies behind the last group is 0. PyTorch wants rows in multiples of 16 bytes; here any width will do.
    """
    check(mat_a.ndim in (2, 3) and mat_b.ndim in (2, 3), "mat_a and mat_b have to be 2 or 3 dimensional")
    check(mat_a.shape[-1] == mat_b.shape[-2], "contraction dimension of mat_a and mat_b must match")
    check(
        mat_a.dtype == mat_b.dtype,
        f"expected m1 and m2 to have the same dtype, but got: {mat_a.dtype} != {mat_b.dtype}",
    )
    ragged = mat_a.ndim == 2 or mat_b.ndim == 2
    check(
        (offs is not None) == ragged,
        "Have to provide offsets if there is a 2d matrix, or no offset if both matrices are 3d",
    )
    check(bias is None, "Bias not supported yet")
    dtype = mat_a.dtype if out_dtype is None else as_np(out_dtype)
    if offs is None:
        return jnp.matmul(mat_a, mat_b).astype(dtype)
    check(offs.dtype == jnp.int32, "Offsets have to be int32")
    if mat_a.ndim == 2 and mat_b.ndim == 3:
        check(offs.shape[0] == mat_b.shape[0], "matrix batch sizes have to match")
        return lax.ragged_dot(mat_a, mat_b, jnp.diff(offs, prepend=0)).astype(dtype)
    if mat_a.ndim == 3:
        check(offs.shape[0] == mat_a.shape[0], "matrix batch sizes have to match")
        inside = _members(offs, mat_b.shape[-1])
        return jnp.einsum("gmk,gkn->mn", mat_a, jnp.where(inside[:, None], mat_b, 0)).astype(dtype)
    inside = _members(offs, mat_a.shape[-1])
    return jnp.matmul(jnp.where(inside[:, None], mat_a, 0), mat_b).astype(dtype)
