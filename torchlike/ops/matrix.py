"""Parts of matrices: diagonals, traces, triangles."""

from __future__ import annotations

import jax.numpy as jnp

from torchlike.core.dtype import category
from torchlike.core.op import Array, op
from torchlike.ops.checks import check
from torchlike.ops.dims import wrap_dim


def _diag_name(template, avals) -> str:
    return "DiagEmbedBackward0" if len(avals[0].shape) == 1 else "DiagonalBackward0"


@op("*.diag", grad=_diag_name)
def diag(input: Array, diagonal: int = 0):
    """Of a vector the matrix with it on a diagonal, of a matrix that diagonal (a copy; `diagonal()` is the view)."""
    check(input.ndim in (1, 2), f"diag(): Supports 1D or 2D tensors. Got {input.ndim}D")
    return jnp.diag(input, diagonal)


@op("*.diagflat", grad="DiagEmbedBackward0")
def diagflat(input: Array, offset: int = 0):
    """The matrix with all elements on a diagonal."""
    return jnp.diag(input.reshape(-1), offset)


@op("*.diag_embed")
def diag_embed(input: Array, offset: int = 0, dim1: int = -2, dim2: int = -1):
    """Matrices, in the dimensions dim1 and dim2, with the last dimension of the input on their diagonals."""
    n = input.ndim + 1
    first, second = wrap_dim(dim1, n), wrap_dim(dim2, n)
    check(first != second, f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    i = jnp.arange(input.shape[-1])
    size = input.shape[-1] + abs(offset)
    made = jnp.zeros((*input.shape[:-1], size, size), input.dtype)
    made = made.at[..., i + max(-offset, 0), i + max(offset, 0)].set(input, unique_indices=True)
    return jnp.moveaxis(made, (-2, -1), (first, second))


@op("*.trace")
def trace(input: Array):
    """The sum of the diagonal of a matrix."""
    check(input.ndim == 2, f"trace: expected a matrix, but got tensor with dim {input.ndim}")
    return jnp.trace(input, dtype=jnp.int64 if category(input.dtype) < 2 else None)


def _triangle(f, x, diagonal: int, name: str):
    check(x.ndim >= 2, f"{name}: input tensor must have at least 2 dimensions")
    return f(x, diagonal)


@op("*.tril", "Tensor.tril_")
def tril(input: Array, diagonal: int = 0):
    """The lower triangles of matrices, up to and including that diagonal; 0 elsewhere."""
    return _triangle(jnp.tril, input, diagonal, "tril")


@op("*.triu", "Tensor.triu_")
def triu(input: Array, diagonal: int = 0):
    """The upper triangles of matrices, from that diagonal on; 0 elsewhere."""
    return _triangle(jnp.triu, input, diagonal, "triu")
