"""The LU factorization with partial pivoting, in the packed form of LAPACK and taken apart, and solving with it.

Pivots are int32 and count from 1: row i was exchanged with row pivots[i] - 1.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, composite, op
from torchlike.ops.checks import check, listed, word
from torchlike.ops.matrix_checks import adjoint, batched, diagonal_of, given, kernel, matrices, raised, square, use
from torchlike.ops.results import constant, named


def factor(a):
    """(LU, pivots from 0, info): info is 0, or the place from 1 of the first zero on U's diagonal."""
    if 0 in a.shape:
        k = min(a.shape[-2:])
        return a, jnp.zeros((*a.shape[:-2], k), jnp.int32), jnp.zeros(a.shape[:-2], jnp.int32)
    packed, pivots, _ = lax.linalg.lu(a)
    zero = diagonal_of(packed) == 0
    info = jnp.where(zero.any(-1), zero.argmax(-1) + 1, 0).astype(jnp.int32)
    return packed, pivots, info


def permutation(pivots, m: int):
    """The order of the m rows after the exchanges: `A[order] = L @ U`."""
    if pivots.shape[-1] == 0 or 0 in pivots.shape:
        return jnp.broadcast_to(jnp.arange(m, dtype=jnp.int32), (*pivots.shape[:-1], m))
    return lax.linalg.lu_pivots_to_permutation(pivots, m)


def lower_of(packed):
    """The factor L (..., m, k), with ones on its diagonal."""
    m, n = packed.shape[-2:]
    k = min(m, n)
    return jnp.tril(packed[..., :k], -1) + jnp.eye(m, k, dtype=packed.dtype)


def upper_of(packed):
    """The factor U (..., k, n)."""
    return jnp.triu(packed[..., : min(packed.shape[-2:]), :])


def pivoted(pivot: bool) -> None:
    check(pivot, "linalg.lu_factor: LU without pivoting is not implemented on the CPU")


@op("_.linalg_lu_factor_ex", result=named("linalg_lu_factor_ex", "LU", "pivots", "info"))
def linalg_lu_factor_ex(A: Array, pivot: bool):
    check(A.ndim >= 2, f"torch.lu_factor: Expected tensor with 2 or more dimensions. Got size: {listed(A)} instead")
    pivoted(pivot)
    kernel(A, "lu_cpu")
    packed, pivots, info = factor(A)
    return packed, (pivots + 1).astype(jnp.int32), info


_FACTOR = named("linalg_lu_factor", "LU", "pivots")
_WITH_INFO = named("_lu_with_info", "LU", "pivots", "info")


def _zero(code: int) -> str:
    return (
        f"U[{code},{code}] is zero and using it on lu_solve would result in a division by zero. If you still want to "
        "perform the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
    )


@composite("linalg.lu_factor_ex")
def lu_factor_ex(A, *, pivot: bool = True, check_errors: bool = False, out=None):
    """(LU, pivots, info): as `lu_factor`, with the place (from 1) of the first zero on U's diagonal, 0 if none.

    No value is read, unless `check_errors` asks for an error. `pivot=False` is not for the CPU.
    """
    result = use(linalg_lu_factor_ex.op, A, pivot)
    if check_errors:
        raised(result.info, _zero, "torch.linalg.lu_factor_ex", RuntimeError)
    return given("linalg_lu_factor_ex", result, out)


@composite("linalg.lu_factor")
def lu_factor(A, *, pivot: bool = True, out=None):
    """(LU, pivots): L below the diagonal and U on and above it, of (..., m, n) matrices; pivots are (..., min(m, n)).

    Raises RuntimeError if there is a zero on U's diagonal (a barrier).
    """
    packed, pivots, info = use(linalg_lu_factor_ex.op, A, pivot)
    raised(info, _zero, "torch.linalg.lu_factor", RuntimeError)
    return given("linalg_lu_factor", _FACTOR((packed, pivots)), out)


@composite("*.lu")
def lu(input, pivot: bool = True, get_infos: bool = False, out=None):
    """(LU, pivots) of matrices, and with `get_infos` their info; no error for singular ones."""
    result = use(linalg_lu_factor_ex.op, input, pivot)
    return given("lu", _WITH_INFO(result) if get_infos else (result[0], result[1]), out)


def _matrix(pivots, m: int, dtype):
    """The permutation matrices P with `A = P @ L @ U`, of pivots from 0."""
    order = permutation(pivots, m)
    return (order[..., None, :] == jnp.arange(m)[:, None]).astype(dtype)


@op("linalg.lu", result=constant(named("linalg_lu", "P", "L", "U"), 0))
def linalg_lu(A: Array, *, pivot: bool = True):
    """(P, L, U) with `A = P @ L @ U` for (..., m, n) matrices: P (m, m), L (m, k), U (k, n), k = min(m, n)."""
    check(A.ndim >= 2, f"linalg.lu: Expected tensor with 2 or more dimensions. Got size: {listed(A)} instead")
    pivoted(pivot)
    kernel(A, "lu_cpu")
    packed, pivots, _ = factor(A)
    return _matrix(pivots, A.shape[-2], A.dtype), lower_of(packed), upper_of(packed)


@op("torch.lu_unpack", result=constant(named("lu_unpack", "P", "L", "U"), 0))
def lu_unpack(LU_data: Array, LU_pivots: Array, unpack_data: bool = True, unpack_pivots: bool = True):
    """(P, L, U) of what `lu_factor` returned; what is not wanted is an empty tensor."""
    check(
        not unpack_pivots or LU_pivots.dtype == jnp.int32,
        "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\nNote: this function "
        "is intended to be used with the output produced by torch.linalg.lu_factor",
    )
    none = jnp.zeros((0,), LU_data.dtype)
    p = _matrix(LU_pivots - 1, LU_data.shape[-2], LU_data.dtype) if unpack_pivots else none
    return (p, lower_of(LU_data), upper_of(LU_data)) if unpack_data else (p, none, none)


# --- solving ----------------------------------------------------------------------------------------------------------


def solve_factored(packed, pivots, b, adjoint_a: bool = False):
    """X with `A @ X = b` (or `A.mH @ X = b`), of a factorization with pivots from 0. Batches broadcast."""
    m = packed.shape[-1]
    order = permutation(pivots, m)
    order = jnp.broadcast_to(order, (*jnp.broadcast_shapes(order.shape[:-1], packed.shape[:-2]), m))
    packed, b = batched(packed, b)
    order = jnp.broadcast_to(order, (*packed.shape[:-2], m))
    if 0 in b.shape:
        return b

    def triangle(x, lower: bool):
        return lax.linalg.triangular_solve(packed, x, left_side=True, lower=lower, unit_diagonal=lower,
                                           transpose_a=adjoint_a, conjugate_a=adjoint_a)  # fmt: skip

    if not adjoint_a:
        return triangle(triangle(jnp.take_along_axis(b, order[..., None], -2), True), False)
    inverse = jnp.argsort(order, -1)
    return jnp.take_along_axis(triangle(triangle(b, False), True), inverse[..., None], -2)


_flip = adjoint  # the name is a parameter below


@op("linalg.lu_solve")
def linalg_lu_solve(LU: Array, pivots: Array, B: Array, *, left: bool = True, adjoint: bool = False):
    """X with `A @ X = B`, of what `lu_factor(A)` returned; `left=False`: `X @ A = B`, `adjoint`: A.mH instead of A."""
    name = "linalg.lu_solve"
    check(pivots.dtype == jnp.int32, f"{name}: pivots should be a Tensor of scalar type torch.int32")
    square(LU, name, "LU")
    matrices(B, name, "B")
    check(
        LU.dtype == B.dtype,
        f"{name}: Expected LU and B to have the same dtype, but found LU of type {word(LU)} and B of type {word(B)} "
        "instead",
    )
    n = LU.shape[-1]
    fits = n == B.shape[-2 if left else -1]
    sides = f"{n}x{n} and {B.shape[-2]}x{B.shape[-1]}"
    check(fits, f"{name}: Incompatible shapes of A and B for the equation {'AX = B' if left else 'XA = B'} ({sides})")
    check(
        pivots.shape[-1:] == (n,),
        f"{name}: Number of pivots per batch should be same as the dimension of the matrix",
    )
    check(pivots.shape[:-1] == LU.shape[:-2],
          f"{name}: Expected LU.shape[:-1] and pivots.shape to be the same, but got pivots with shape "
          f"{listed(pivots)} instead")  # fmt: skip
    kernel(LU, "lu_solve_cpu")
    if left:
        return solve_factored(LU, pivots - 1, B, adjoint)
    return _flip(solve_factored(LU, pivots - 1, _flip(B), not adjoint))


@op("*.lu_solve")
def lu_solve(input: Array, LU_data: Array, LU_pivots: Array):
    """X with `A @ X = input`, of what `lu_factor(A)` returned."""
    return linalg_lu_solve(LU_data, LU_pivots, input)
