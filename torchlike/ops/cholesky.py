"""The Cholesky factorization of Hermitian positive-definite matrices, and solving with it.

Only one triangle of the matrix is read. A matrix that is not positive-definite has an `info` that says which leading
minor fails; the plain functions read it (a barrier) and raise.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, composite, op
from torchlike.ops.checks import check
from torchlike.ops.matrix_checks import (
    adjoint,
    batched,
    diagonal_of,
    floating,
    given,
    hermitian,
    kernel,
    raised,
    singular,
    square,
    use,
)
from torchlike.ops.results import named


def _order_of_failure(a):
    """The order of the first leading minor of a Hermitian matrix that is not positive, by plain elimination."""

    def step(k, state):
        a, info = state
        pivot = a[k, k].real
        info = jnp.where((info == 0) & ~(pivot > 0), k + 1, info)
        column = a[:, k]
        return a - jnp.outer(column, column.conj()) / pivot.astype(a.dtype), info

    return lax.fori_loop(0, a.shape[0], step, (a, jnp.int32(0)))[1].astype(jnp.int32)


def _rule_of(upper: bool):
    @jax.custom_jvp
    def lower(a):
        return lax.linalg.cholesky(hermitian(a, upper), symmetrize_input=False)

    @lower.defjvp
    def _(primals, tangents):
        """dL = L Φ(L⁻¹ dA L⁻ᴴ), Φ the lower triangle of the Hermitian part, its diagonal halved.

        Murray, "Differentiation of the Cholesky decomposition" (2016), 3.1. As in PyTorch the diagonal keeps what
        imaginary part the tangent has.
        """
        low = lower(*primals)
        inside = lax.linalg.triangular_solve(
            low, tangents[0], left_side=False, lower=True, transpose_a=True, conjugate_a=True
        )
        inside = lax.linalg.triangular_solve(low, inside, left_side=True, lower=True)
        half = jnp.tril(inside + adjoint(inside), -1) + diagonal_of(inside)[..., None] * jnp.eye(low.shape[-1])
        return low, low @ (half / 2).astype(low.dtype)

    return lower


_LOWER = {upper: _rule_of(upper) for upper in (False, True)}


def _factor(a, upper: bool):
    """(factor, info). The factor is not a number where info is not 0."""
    if 0 in a.shape:
        return a, jnp.zeros(a.shape[:-2], jnp.int32)
    low = _LOWER[upper](a)
    batch = a.shape[:-2]
    orders = _order_of_failure
    for _ in batch:
        orders = jax.vmap(orders)
    bad = jnp.isnan(diagonal_of(low)).any()
    info = lax.cond(bad, orders, lambda x: jnp.zeros(batch, jnp.int32), hermitian(lax.stop_gradient(a), upper))
    return (adjoint(low) if upper else low), info


@op("_.linalg_cholesky_ex", result=named("linalg_cholesky_ex", "L", "info"))
def linalg_cholesky_ex(A: Array, upper: bool, name: str):
    square(A, name)
    if name != "cholesky":
        floating(A, name)
    kernel(A, "cholesky_cpu")
    return _factor(A, upper)


def _minor(code: int) -> str:
    return (
        "The factorization could not be completed because the input is not positive-definite (the leading minor of "
        f"order {code} is not positive-definite)."
    )


@composite("linalg.cholesky_ex")
def cholesky_ex(A, *, upper: bool = False, check_errors: bool = False, out=None):
    """(L, info): the Cholesky factor and, as int32, 0 or the order of the first leading minor that is not positive.

    A where that is not 0 has a factor of NaN (PyTorch leaves what it had got to). No value is read, unless
    `check_errors` asks for an error.
    """
    result = use(linalg_cholesky_ex.op, A, upper, "linalg.cholesky")
    if check_errors:
        raised(result.info, _minor, "linalg.cholesky_ex")
    return given("linalg_cholesky_ex", result, out)


def _cholesky(A, upper, out, name):
    factor, info = use(linalg_cholesky_ex.op, A, upper, name)
    raised(info, _minor, name)
    return given(name, factor, out)


@composite("linalg.cholesky")
def linalg_cholesky(A, *, upper: bool = False, out=None):
    """The lower triangular L with `A = L @ L.mH` (or the upper U with `A = U.mH @ U`) of (..., n, n) matrices.

    Reads only that triangle of A. Raises LinAlgError if a matrix is not positive-definite (a barrier).
    """
    return _cholesky(A, upper, out, "linalg.cholesky")


@composite("*.cholesky")
def cholesky(input, upper: bool = False, *, out=None):
    """As `linalg.cholesky`."""
    return _cholesky(input, upper, out, "cholesky")


# --- with a given factor ----------------------------------------------------------------------------------------------


def _solved(rhs, factor, upper: bool):
    """`A⁻¹ rhs` with the factor of A: two triangular solves."""
    factor, rhs = batched(factor, rhs)
    if 0 in rhs.shape:
        return rhs
    half = lax.linalg.triangular_solve(
        factor, rhs, left_side=True, lower=not upper, transpose_a=upper, conjugate_a=upper
    )
    return lax.linalg.triangular_solve(
        factor, half, left_side=True, lower=not upper, transpose_a=not upper, conjugate_a=not upper
    )


def _moved(factor, t, upper: bool):
    """The tangent of `L @ L.mH` (or `U.mH @ U`). The whole tangent counts, as in PyTorch, not one triangle of it."""
    part = adjoint(t) @ factor if upper else t @ adjoint(factor)
    return part + adjoint(part)


def _rule(upper: bool):
    @jax.custom_jvp
    def solve(rhs, factor):
        return _solved(rhs, factor, upper)

    @solve.defjvp
    def _(primals, tangents):
        """A dX = dB - dA X, by way of A⁻¹: a triangular solve differentiated again would see one triangle only."""
        (rhs, factor), (drhs, dfactor) = primals, tangents
        x = solve(rhs, factor)
        inverse = solve(jnp.broadcast_to(jnp.eye(factor.shape[-1], dtype=factor.dtype), factor.shape), factor)
        return x, inverse @ (drhs - _moved(factor, dfactor, upper) @ x)

    return solve


_SOLVE = {upper: _rule(upper) for upper in (False, True)}


@op("*.cholesky_solve")
def cholesky_solve(input: Array, L: Array, upper: bool = False):
    """X with `A @ X = input`, where L is the Cholesky factor of A (with `upper` the upper one). Batches broadcast."""
    check(input.ndim >= 2, f"b should have at least 2 dimensions, but has {input.ndim} dimensions instead")
    check(L.ndim >= 2, f"u should have at least 2 dimensions, but has {L.ndim} dimensions instead")
    square(L, "")
    check(input.dtype == L.dtype, f"Expected b and A to have the same dtype, but found b of type {input.dtype} and A "
          f"of type {L.dtype} instead.")  # fmt: skip
    check(
        L.shape[-1] == input.shape[-2],
        f"Incompatible matrix sizes for cholesky_solve: each A matrix is {L.shape[-1]} by {L.shape[-1]} but each b "
        f"matrix is {input.shape[-2]} by {input.shape[-1]}",
    )
    kernel(input, "cholesky_solve_cpu")
    return _SOLVE[upper](input, L)


@op("_.cholesky_inverse", grad="CholeskyInverseBackward0")
def cholesky_inverse_(input: Array, upper: bool):
    square(input, "cholesky_inverse")
    kernel(input, "cholesky_inverse_out_cpu")
    eye = jnp.broadcast_to(jnp.eye(input.shape[-1], dtype=input.dtype), input.shape)
    zero = diagonal_of(input) == 0
    info = jnp.where(zero.any(-1), zero.argmax(-1) + 1, 0) if zero.shape[-1] else jnp.zeros(zero.shape[:-1])
    return _SOLVE[upper](eye, input), info.astype(jnp.int32)


@composite("*.cholesky_inverse")
def cholesky_inverse(input, upper: bool = False, *, out=None):
    """The inverse of the (..., n, n) matrices whose Cholesky factor is given.

    Raises LinAlgError for a factor with a zero on its diagonal (a barrier).
    """
    inverse, info = use(cholesky_inverse_.op, input, upper)
    raised(info, singular, "cholesky_inverse")
    return given("cholesky_inverse", inverse, out)
