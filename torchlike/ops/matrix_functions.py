"""Powers, exponentials and chains of products of matrices, Vandermonde matrices, products of batches of vectors."""

from __future__ import annotations

import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np

from torchlike.core.dtype import category
from torchlike.core.op import SLOT, Array, Arrays, composite, op
from torchlike.core.variable import apply
from torchlike.ops.checks import c_word, check, listed, word
from torchlike.ops.dims import wrap_dim
from torchlike.ops.matrix_checks import floating, given, square
from torchlike.ops.products import cross, mm
from torchlike.ops.promotion import elementwise
from torchlike.ops.slicing import diagonal
from torchlike.ops.solving import inv


@op("linalg.cross")
def linalg_cross(input: Array, other: Array, *, dim: int = -1):
    """The cross product along a dimension of size 3; the other dimensions broadcast."""
    return cross(input, other, dim)


@op("linalg.vecdot")
def linalg_vecdot(x: Array, y: Array, *, dim: int = -1):
    """The dot products of vectors along `dim`, the first one conjugated; the other dimensions broadcast."""
    name = "linalg.vecdot"
    floating(x, name)
    check(
        x.dtype == y.dtype,
        f"{name}: Expected x and y to have the same dtype, but found x of type {word(x)} and y of type {word(y)} "
        "instead",
    )
    a, b = elementwise(x, y)
    a, b = jnp.broadcast_arrays(a, b)
    if not a.ndim:
        wrap_dim(dim, 0)
        return jnp.conj(a) * b
    return (jnp.conj(a) * b).sum(wrap_dim(dim, a.ndim))


@composite("linalg.diagonal")
def linalg_diagonal(A, *, offset: int = 0, dim1: int = -2, dim2: int = -1):
    """The diagonals of matrices, a view; `offset` moves them up."""
    return diagonal.view((SLOT, offset, dim1, dim2), [A])


# --- powers and exponentials ------------------------------------------------------------------------------------------


@op("_.linalg_matrix_power")
def linalg_matrix_power(A: Array, n: int):
    """By repeated squaring; `n` is at least 1."""
    result, square_ = None, A
    while n:
        if n & 1:
            result = square_ if result is None else result @ square_
        n >>= 1
        if n:
            square_ = square_ @ square_
    return result


@op("_.matrix_power_zero", grad="ZerosLikeBackward0")
def _identity(A: Array):
    return jnp.broadcast_to(jnp.eye(A.shape[-1], dtype=A.dtype), A.shape)


def _power(A, n: int, out, name: str):
    square(A, name)
    if n == 0:
        made = apply(_identity.op, (SLOT,), [A])
    else:
        made = apply(linalg_matrix_power.op, (SLOT, abs(n)), [A if n > 0 else inv(A)])
    return given("linalg_matrix_power", made, out)


@composite("linalg.matrix_power")
def matrix_power(A, n: int, *, out=None):
    """The nth power of (..., m, m) matrices; negative ones are powers of the inverse (a barrier)."""
    return _power(A, n, out, "linalg.matrix_power")


@composite("*.matrix_power")
def old_matrix_power(input, n: int, *, out=None):
    """As `linalg.matrix_power`."""
    return _power(input, n, out, "linalg.matrix_power")


def _exponential(a):
    square(a, "linalg.matrix_exp")
    floating(a, "linalg.matrix_exp")
    if a.dtype.itemsize == 2:
        return _exponential(a.astype(jnp.float32)).astype(a.dtype)
    return a if 0 in a.shape else jnp.exp(a) if a.shape[-1] == 1 else jax.scipy.linalg.expm(a, max_squarings=48)


@op("linalg.matrix_exp")
def linalg_matrix_exp(A: Array):
    """The exponential Σ Aⁿ/n! of (..., n, n) matrices."""
    return _exponential(A)


@op("*.matrix_exp", grad="LinalgMatrixExpBackward0")
def matrix_exp(input: Array):
    """As `linalg.matrix_exp`."""
    return _exponential(input)


# --- chains of products -----------------------------------------------------------------------------------------------


@op("linalg.multi_dot")
def linalg_multi_dot(tensors: Arrays):
    """The product of two or more matrices in the cheapest order; the first and the last may be vectors."""
    n = len(tensors)
    check(n >= 2, f"multi_dot(): expected at least 2 tensors but got {n}")
    for i, x in enumerate(tensors):
        end = {0: "the first tensor", n - 1: "the last tensor"}.get(i)
        check(end is None or x.ndim in (1, 2), f"multi_dot(): {end} must be 1D or 2D but got {x.ndim}D")
    for i, x in enumerate(tensors[1:-1], 1):
        check(x.ndim == 2, f"multi_dot(): tensor {i} must be 2D but got {x.ndim}D")
    first = tensors[0]
    for i, x in enumerate(tensors):
        check(
            x.dtype == first.dtype,
            f"multi_dot(): all tensors must have be the same dtype but tensor 0 is {c_word(first)} and tensor {i} "
            f"{c_word(x)}",
        )
    chain = [*tensors]
    chain[0] = chain[0][None] if chain[0].ndim == 1 else chain[0]
    chain[-1] = chain[-1][:, None] if chain[-1].ndim == 1 else chain[-1]
    for i, (a, b) in enumerate(zip(chain, chain[1:], strict=False)):
        check(
            a.shape[1] == b.shape[0],
            f"multi_dot(): tensors {i} and {i + 1} with shapes {listed(a)} and {listed(b)} cannot be multiplied",
        )
    product = _chained(chain)
    if tensors[0].ndim == 1:
        product = product[0]
    return product[..., 0] if tensors[-1].ndim == 1 else product


def _chained(chain: list):
    """The product in the order with the fewest multiplications, found by dynamic programming over where to split."""
    sizes = [chain[0].shape[0], *(x.shape[1] for x in chain)]
    best: dict[tuple[int, int], tuple[int, int]] = {(i, i): (0, i) for i in range(len(chain))}
    for length in range(1, len(chain)):
        for i in range(len(chain) - length):
            j = i + length
            best[i, j] = min(
                (best[i, k][0] + best[k + 1, j][0] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )

    def product(i: int, j: int):
        if i == j:
            return chain[i]
        k = best[i, j][1]
        return mm(product(i, k), product(k + 1, j))

    return product(0, len(chain) - 1)


@op("_.chain_matmul", grad="MmBackward0")
def chain_matmul_(matrices: Arrays):
    for x in matrices:
        check(x.ndim == 2, f"Tensor dimension is {x.ndim}, expected 2 instead.")
    for a, b in zip(matrices, matrices[1:], strict=False):
        mm(a, b)  # for its errors; what is not used is not compiled
    return _chained(list(matrices))


@composite("torch.chain_matmul")
def chain_matmul(*matrices, out=None):
    """The product of matrices in the cheapest order. See `linalg.multi_dot`."""
    check(len(matrices) > 0, "chain_matmul(): Expected one or more matrices")
    return given("chain_matmul", apply(chain_matmul_.op, ((SLOT,) * len(matrices),), list(matrices)), out)


# --- powers of numbers ------------------------------------------------------------------------------------------------


@op("linalg.vander")
def linalg_vander(x: Array, N: int | None = None):
    """The powers 0, 1, ..., N - 1 of every element in a new last dimension, (..., n) to (..., n, N); N is n if None.

    Integers give int64.
    """
    kind = np.dtype(x.dtype)
    check(
        category(kind) > 0 and not (category(kind) == 2 and kind.itemsize == 2),
        f"linalg.vander supports floating point, complex, and integer tensors, but got {word(x)}",
    )
    n = (x.shape[-1] if x.ndim else 1) if N is None else N
    check(n > 1, "N must be greater than 1.")
    x = jnp.atleast_1d(x.astype(jnp.int64) if category(kind) == 1 else x)
    powers = jnp.broadcast_to(x[..., None], (*x.shape, n - 1))
    return jnp.concatenate([jnp.ones_like(x[..., None]), jnp.cumprod(powers, -1)], -1)
