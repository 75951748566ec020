"""Distances between all pairs of rows."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from torchlike.core.dtype import category
from torchlike.core.op import Array, composite, op
from torchlike.ops.checks import check, need_floating, word
from torchlike.ops.matrix_checks import use
from torchlike.ops.norms import vector_norm

_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


def _only(x, kernel: str) -> None:
    need_floating(x, kernel)
    check(x.dtype.itemsize > 2, f"\"{kernel}\" not implemented for '{word(x)}'", NotImplementedError)


def _apart(gap, p: float):
    """The p-norms of the last dimension, of differences; of no dimension 0."""
    if not gap.shape[-1]:
        return jnp.zeros(gap.shape[:-1], gap.dtype)
    if p == 0:  # unlike a norm's, these count NaN as NaN
        return jnp.where(jnp.isnan(gap), jnp.nan, (gap != 0).astype(gap.dtype)).sum(-1)
    return vector_norm(gap, p, -1, False)


@op("_.cdist")
def cdist_(x1: Array, x2: Array, p: float):
    for which, x in (("X1", x1), ("X2", x2)):
        check(
            category(np.dtype(x.dtype)) == 2, f"cdist only supports floating-point dtypes, {which} got: {word(x)}"
        )
    for which, x in (("X1", x1), ("X2", x2)):
        check(x.ndim >= 2, f"cdist only supports at least 2D tensors, {which} got: {x.ndim}D")
    check(
        x1.shape[-1] == x2.shape[-1],
        f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}",
    )
    check(x1.dtype == x2.dtype, f"expected scalar type {word(x1)} but found {word(x2)}")
    check(p >= 0, "cdist only supports non-negative p values")
    _only(x1, "cdist")
    return _apart(x1[..., :, None, :] - x2[..., None, :, :], p)


@composite("torch.cdist")
def cdist(x1, x2, p: float = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary"):
    """The p-norms of the differences of all rows of (..., n, d) and (..., m, d): (..., n, m). Batches broadcast.

    The gradient of a distance 0 is 0. `compute_mode` chooses between kernels of PyTorch; here there is one.
    """
    if compute_mode is not None and compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    return use(cdist_.op, x1, x2, float(p))


@op("F.pdist", "torch.pdist")
def pdist(input: Array, p: float = 2.0):
    """The p-norms of the differences of all pairs of rows i < j of an (n, d) matrix: n(n-1)/2 numbers."""
    check(input.ndim == 2, f"pdist only supports 2D tensors, got: {input.ndim}D")
    check(category(np.dtype(input.dtype)) >= 2, "pdist only supports floating-point dtypes")
    check(p >= 0, "pdist only supports non-negative p values")
    _only(input, "pdist")
    first, second = np.triu_indices(input.shape[0], 1)
    return _apart(input[first] - input[second], float(p))
