"""Softmax and its logarithm."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from torchlike.core.op import Array, op
from torchlike.ops.checks import need
from torchlike.ops.dims import wrap_dim
from torchlike.ops.promotion import as_np


def _prepared(x, dim: int, dtype, kernel: str):
    x = x if dtype is None else x.astype(as_np(dtype))
    at = wrap_dim(dim, x.ndim)
    if x.size:  # PyTorch reaches no kernel for an empty tensor
        need(x, f"{kernel}_lastdim_kernel_impl" if at == max(x.ndim - 1, 0) else f"{kernel}_kernel_impl", 2, 2)
    return (x if x.ndim else x.reshape(1)), at


@op("*.softmax", "special.softmax")
def softmax(input: Array, dim: int, dtype=None):
    """exp(x) / Σ exp(x) along `dim`, without overflow. With `dtype` the elements are converted first."""
    x, at = _prepared(input, dim, dtype, "softmax")
    wide = x.astype(jnp.float32) if x.dtype.itemsize == 2 else x
    return jax.nn.softmax(wide, at).astype(x.dtype).reshape(input.shape)


@op("*.log_softmax", "special.log_softmax")
def log_softmax(input: Array, dim: int, dtype=None):
    """x - log Σ exp(x) along `dim`, without overflow. With `dtype` the elements are converted first."""
    x, at = _prepared(input, dim, dtype, "log_softmax")
    wide = x.astype(jnp.float32) if x.dtype.itemsize == 2 else x
    return jax.nn.log_softmax(wide, at).astype(x.dtype).reshape(input.shape)
