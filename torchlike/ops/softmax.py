"""Softmax and its logarithm."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from torchlike.core.op import Array, op
from torchlike.ops.checks import need
from torchlike.ops.dims import wrap_dim
from torchlike.ops.promotion import as_np, widely


def _computed(f, x, dim: int, dtype, kernel: str):
    x = x if dtype is None else x.astype(as_np(dtype))
    at = wrap_dim(dim, x.ndim)
    if not x.size:  # of any type: PyTorch reaches no kernel
        return x
    need(x, f"{kernel}_lastdim_kernel_impl" if at == max(x.ndim - 1, 0) else f"{kernel}_kernel_impl", 2, 2)
    return widely(f)(jnp.atleast_1d(x), at).reshape(x.shape)


@op("*.softmax", "special.softmax")
def softmax(input: Array, dim: int, dtype=None):
    """exp(x) / Σ exp(x) along `dim`, without overflow. With `dtype` the elements are converted first."""
    return _computed(jax.nn.softmax, input, dim, dtype, "softmax")


@op("*.log_softmax", "special.log_softmax")
def log_softmax(input: Array, dim: int, dtype=None):
    """x - log Σ exp(x) along `dim`, without overflow. With `dtype` the elements are converted first."""
    return _computed(jax.nn.log_softmax, input, dim, dtype, "log_softmax")
