"""Norms of many tensors together, and scaling them by it."""

from __future__ import annotations

import math

import jax.numpy as jnp

from torchlike.core.op import Array, Arrays, Scalar, op
from torchlike.ops.reduction import extreme_or_nan


def _norm(x, p: float):
    x = jnp.abs(x)
    if p == math.inf:
        return extreme_or_nan(jnp.max, x, None, False) if x.size else x.sum()
    if p == -math.inf:
        return extreme_or_nan(jnp.min, x, None, False)
    if p == 0:
        return (x != 0).sum().astype(x.dtype)
    return jnp.sqrt((x * x).sum()) if p == 2 else (x**p).sum() ** (1 / p)


@op(differentiable=False)
def total_norm(tensors: Arrays, norm_type: float):
    """The norm of the norms of all tensors."""
    return _norm(jnp.stack([_norm(t, norm_type) for t in tensors]), norm_type)


@op(differentiable=False)
def scaled(tensors: Arrays, norm: Array, max_norm: Scalar):
    """The tensors times max_norm / norm where that is below 1. The small number is PyTorch's, against a norm of 0."""
    factor = jnp.minimum(max_norm / (norm + 1e-6), 1.0)
    return tuple(t * factor.astype(t.dtype) for t in tensors)
