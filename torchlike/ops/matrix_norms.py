"""Norms of matrices and vectors as torch.linalg has them, and the condition number."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np

from torchlike.core.dtype import FROM_NP, category
from torchlike.core.op import SLOT, Array, composite, op
from torchlike.core.variable import apply
from torchlike.ops.checks import check, word
from torchlike.ops.dims import wrap_dim
from torchlike.ops.matrix_checks import given, matrices
from torchlike.ops.norms import vector_norm
from torchlike.ops.pointwise import magnitude
from torchlike.ops.promotion import as_np
from torchlike.ops.reduction import shared
from torchlike.ops.singular_values import singular_values
from torchlike.ops.solving import linalg_inv_ex


def converted(x, dtype, name: str):
    """The input in the asked dtype, with PyTorch's errors."""
    check(
        category(np.dtype(x.dtype)) >= 2,
        f"{name}: Expected a floating point or complex tensor as input. Got {word(x)}",
    )
    d = as_np(dtype)
    if d is None:
        return x
    of = FROM_NP[d]._scalar_name
    check(category(d) >= 2, f"{name}: dtype should be floating point or complex, but got {of}")
    check(
        jnp.iscomplexobj(x) == (category(d) == 3),
        f"{name}: dtype should be {'complex' if jnp.iscomplexobj(x) else 'real'} for "
        f"{'complex' if jnp.iscomplexobj(x) else 'real'} inputs, but got {of}",
    )
    check(
        jnp.promote_types(x.dtype, d) == d,
        f"{name}: the dtype of the input ({word(x)}) should be convertible without narrowing to the specified dtype "
        f"({of})",
    )
    return x.astype(d)


@op("linalg.vector_norm")
def linalg_vector_norm(x: Array, ord: float = 2, dim: int | tuple | None = None, keepdim: bool = False, *, dtype=None):
    """(Σ |x|^ord)^(1/ord) over `dim` (all if None): inf the greatest, -inf the least, 0 how many are not 0.

    Its gradient is 0 where it is 0. `dtype` converts the input first.
    """
    if isinstance(ord, str):
        raise TypeError("linalg_vector_norm(): argument 'ord' (position 2) must be Number, not str")
    return vector_norm(converted(x, dtype, "linalg.vector_norm"), float(ord), dim, keepdim)


_ORDERS = ("fro", "nuc", 1.0, -1.0, 2.0, -2.0, math.inf, -math.inf)


def matrix_norm_of(x, order, dims: tuple, keepdim: bool):
    """A norm of the matrices in two dimensions."""
    name = "linalg.matrix_norm"
    matrices(x, name)
    check(len(dims) == 2, f"{name}: dim must be a 2-tuple. Got {' '.join(map(str, dims))}")
    first, second = (wrap_dim(d, x.ndim) for d in dims)
    check(first != second, f"{name}: dims must be different. Got ({dims[0]}, {dims[1]})")
    order = order if isinstance(order, str) else float(order)
    shown = order if isinstance(order, str) else f"{order:g}"
    check(order in _ORDERS, f"{name}: Order {shown} not supported.")
    if order == "fro":
        return vector_norm(x, 2.0, (first, second), keepdim)
    if order in ("nuc", 2.0, -2.0):
        values = singular_values(jnp.moveaxis(x, (first, second), (-2, -1)))
        norm = values.sum(-1) if order == "nuc" else _extreme(values, order > 0, -1)
    else:
        along, across = (first, second) if abs(order) == 1 else (second, first)
        sums = magnitude(x).sum(along, dtype=jnp.float32 if x.dtype.itemsize == 2 else None)
        norm = _extreme(sums.astype(magnitude(x).dtype), order > 0, across - (across > along))
    return jnp.expand_dims(norm, sorted((first, second))) if keepdim else norm


def _extreme(x, greatest: bool, dim: int):
    """The greatest or least along a dimension; 0 is the greatest of nothing."""
    if greatest and x.shape[dim] == 0:
        return x.sum(dim)
    check(
        x.shape[dim] > 0,
        f"linalg.matrix_norm: Expected reduction dim {dim % x.ndim} to have non-zero size.",
        IndexError,
    )
    return shared(jnp.max if greatest else jnp.min, x, (dim % x.ndim,), unordered=True)


@op("linalg.matrix_norm")
def linalg_matrix_norm(
    A: Array, ord: float | str = "fro", dim: tuple = (-2, -1), keepdim: bool = False, *, dtype=None
):
    """A norm of the matrices in the two dimensions `dim`.

    "fro" Frobenius, "nuc" the sum of the singular values, 2 and -2 the greatest and the least of them, 1 and -1 the
    greatest and least sum of a column's magnitudes, inf and -inf of a row's.
    """
    matrices(A, "linalg.matrix_norm")
    return matrix_norm_of(converted(A, dtype, "linalg.matrix_norm"), ord, dim, keepdim)


@op("linalg.norm", grad="LinalgVectorNormBackward0")
def linalg_norm(
    A: Array, ord: float | str | None = None, dim: int | tuple | None = None, keepdim: bool = False, *, dtype=None
):
    """`vector_norm` or `matrix_norm`: without `ord` the 2-norm of all elements along `dim`.

    With `ord` a matrix norm if two dimensions are taken (or the input has two), a vector norm if one.
    """
    dims = (dim,) if isinstance(dim, int) else dim
    check(
        dims is None or len(dims) in (1, 2),
        f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims or ())}",
    )
    check(
        dims is not None or ord is None or A.ndim in (1, 2),
        f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D.",
    )
    of_matrix = ord is not None and (isinstance(ord, str) or (A.ndim == 2 if dims is None else len(dims) == 2))
    if of_matrix:
        name = "linalg.matrix_norm"
        matrices(A, name)
        return matrix_norm_of(converted(A, dtype, name), ord, (-2, -1) if dims is None else dims, keepdim)
    return vector_norm(converted(A, dtype, "linalg.vector_norm"), 2.0 if ord is None else float(ord), dims, keepdim)


@op("*.norm", grad="LinalgVectorNormBackward0")
def norm(
    input: Array, p: float | str | None = "fro", dim: int | tuple | None = None, keepdim: bool = False, dtype=None
):
    """(Σ |x|^p)^(1/p) over `dim`: p=2 (also "fro") Euclidean, 1 the sum, inf the greatest, -inf the least, 0 how many.

    p="nuc" is the sum of the singular values of a matrix. The gradient is 0 where the norm is 0.
    """
    if not isinstance(p, str):
        x = converted(input, dtype, "linalg.vector_norm")
        return vector_norm(x, 2.0 if p is None else float(p), dim, keepdim)
    dims = (dim,) if isinstance(dim, int) else tuple(range(input.ndim)) if dim is None else dim
    if p == "fro" and (dim is None or len(dims) <= 2):
        return vector_norm(converted(input, dtype, "linalg.vector_norm"), 2.0, dim, keepdim)
    return matrix_norm_of(converted(input, dtype, "linalg.matrix_norm"), p, dims, keepdim)


# --- the condition number ---------------------------------------------------------------------------------------------


@op("_.linalg_cond", grad="DivBackward0")
def linalg_cond(A: Array, p: float | str | None):
    check(A.ndim >= 2, "linalg.cond: The input tensor must have at least 2 dimensions.")
    if not isinstance(p, str):
        p = 2.0 if p is None else float(p)
    check(p in _ORDERS, f"linalg.cond got an invalid norm type: {p}")
    if p in (2.0, -2.0):
        values = singular_values(A)
        if not values.shape[-1]:
            return jnp.zeros(values.shape[:-1], values.dtype)
        return values[..., 0] / values[..., -1] if p > 0 else values[..., -1] / values[..., 0]
    m, n = A.shape[-2:]
    shown = p if isinstance(p, str) else f"{p:g}"
    check(m == n, f"linalg.cond(ord={shown}): A must be batches of square matrices, but they are {m} by {n} matrices")
    dims = (-2, -1)
    if not n:
        return jnp.zeros(A.shape[:-2], magnitude(A).dtype)
    inverse, info = linalg_inv_ex(A)
    value = matrix_norm_of(A, p, dims, False) * matrix_norm_of(inverse, p, dims, False)
    return jnp.where(info > 0, jnp.inf, value)


@composite("linalg.cond")
def cond(A, p=None, *, out=None):
    """The condition number of (..., m, n) matrices in the norm p: 2 (None), -2, for square ones any of `matrix_norm`.

    inf for a singular matrix.
    """
    return given("linalg_cond", apply(linalg_cond.op, (SLOT, p), [A]), out)
