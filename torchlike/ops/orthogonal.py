"""QR, and products of the Householder reflections that it is kept as."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.op import SLOT, Array, composite, op
from torchlike.core.variable import apply
from torchlike.ops.checks import check, word
from torchlike.ops.matrix_checks import adjoint, diagonal_of, floating, given, kernel, matrices
from torchlike.ops.results import named

# --- QR ---------------------------------------------------------------------------------------------------------------


def _factors(a, complete: bool):
    m, n = a.shape[-2:]
    if 0 not in a.shape:
        return tuple(lax.linalg.qr(a, full_matrices=complete))
    k = m if complete else min(m, n)
    q = jnp.broadcast_to(jnp.eye(m, k, dtype=a.dtype), (*a.shape[:-2], m, k))
    return q, jnp.zeros((*a.shape[:-2], k, n), a.dtype)


@jax.custom_jvp
def reduced(a):
    """The reduced factors (Q, R)."""
    return _factors(a, False)


@reduced.defjvp
def _reduced_jvp(primals, tangents):
    """dQ = Q Ω + (dA R⁻¹ less its part in Q), dR by the product rule; Ω is anti-Hermitian and keeps R upper.

    Walter et al., "On evaluating higher-order derivatives of the QR decomposition of tall matrices with full column
    rank in forward and reverse mode algorithmic differentiation" (2010). A wide A = (A1, A2) has A1 = Q R1 and
    R2 = Qᴴ A2.
    """
    (a,), (da,) = primals, tangents
    q, r = reduced(a)
    k = q.shape[-1]
    left, dleft = r[..., :k], da[..., :k]
    over = lax.linalg.triangular_solve(left, dleft, left_side=False, lower=False)
    inside = adjoint(q) @ over
    lower = jnp.tril(inside, -1)
    turn = lower - adjoint(lower)
    if jnp.iscomplexobj(a):
        turn = turn + 1j * diagonal_of(inside).imag[..., None] * jnp.eye(k, dtype=a.dtype)
    dq = q @ (turn - inside) + over
    dr = jnp.triu(inside - turn) @ left
    if a.shape[-1] > k:
        dr = jnp.concatenate([dr, adjoint(dq) @ a[..., k:] + adjoint(q) @ da[..., k:]], -1)
    return (q, r), (dq, dr)


def _checked(A) -> None:
    matrices(A, "linalg.qr")
    floating(A, "linalg.qr")
    kernel(A, "geqrf_cpu")


_QR = named("linalg_qr", "Q", "R")
_OLD_QR = named("qr", "Q", "R")


@op("_.linalg_qr")
def linalg_qr(A: Array):
    _checked(A)
    return reduced(A)


@op("_.linalg_qr_whole", grad="NotImplemented")
def linalg_qr_whole(A: Array, mode: str):
    """What PyTorch has no derivative of: Q beyond the columns of A, or R without Q."""
    _checked(A)
    q, r = _factors(lax.stop_gradient(A), mode == "complete")
    return (q if mode == "complete" else jnp.zeros((0,), A.dtype)), r


def _qr(A, mode: str):
    check(
        mode in ("reduced", "complete", "r"),
        f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'",
    )
    if mode == "reduced" or mode == "complete" and A.ndim > 1 and A.shape[-2] <= A.shape[-1]:
        return apply(linalg_qr.op, (SLOT,), [A])
    return apply(linalg_qr_whole.op, (SLOT, mode), [A])


@composite("linalg.qr")
def qr(A, mode: str = "reduced", *, out=None):
    """(Q, R) with `A = Q @ R` for (..., m, n) matrices: Q orthonormal columns, R upper triangular.

    "reduced": Q (m, k), R (k, n), k = min(m, n). "complete": Q (m, m), R (m, n). "r": R of the reduced form alone, and
    an empty Q. There is no gradient with "r", nor with "complete" for more rows than columns.
    """
    return given("linalg_qr", _QR(_qr(A, mode)), out)


@composite("*.qr")
def old_qr(input, some: bool = True, *, out=None):
    """(Q, R), reduced, or complete without `some`."""
    return given("qr", _OLD_QR(_qr(input, "reduced" if some else "complete")), out)


# --- reflections ------------------------------------------------------------------------------------------------------


@op("*.geqrf", result=named("geqrf", "a", "tau"), grad="NotImplemented")
def geqrf(input: Array):
    """QR as LAPACK keeps it: R on and above the diagonal, below it the vectors of the reflections, and their factors.

    For (..., m, n) matrices a is (..., m, n) and tau (..., min(m, n)). No gradient.
    """
    check(input.ndim >= 2, "torch.geqrf: input must have at least 2 dimensions.")
    kernel(input, "geqrf_cpu")
    if 0 in input.shape:
        return input, jnp.zeros((*input.shape[:-2], min(input.shape[-2:])), input.dtype)
    packed, tau = jnp.linalg.qr(lax.stop_gradient(input), mode="raw")
    return packed.mT, tau


def _vectors(a, k: int):
    """The vectors of the first k reflections in the columns of (..., m, k): ones on the diagonal, zeros above."""
    return jnp.tril(a[..., :k], -1) + jnp.eye(a.shape[-2], k, dtype=a.dtype)


def _reflected(a, tau, c, *, forwards: bool, conjugate: bool):
    """c with the reflections I - τ v vᴴ applied from the left, from the first to the last or the other way."""
    k = tau.shape[-1]
    if k == 0 or 0 in c.shape:
        return c
    v = jnp.moveaxis(_vectors(a, k), -1, 0)
    t = jnp.moveaxis(jnp.conj(tau) if conjugate else tau, -1, 0)

    def step(c, reflection):
        v, t = reflection
        row = jnp.conj(v)[..., None, :] @ c
        return c - (t[..., None] * v)[..., None] * row, None

    return lax.scan(step, c, (v, t), reverse=not forwards)[0]


def _plain_product(a, tau):
    c = jnp.broadcast_to(jnp.eye(*a.shape[-2:], dtype=a.dtype), a.shape)
    return _reflected(a, tau, c, forwards=False, conjugate=False)


@jax.custom_jvp
def _product(a, tau):
    """By LAPACK; its derivative is that of the reflections one by one."""
    return _plain_product(a, tau) if 0 in a.shape or not tau.shape[-1] else lax.linalg.householder_product(a, tau)


@_product.defjvp
def _product_jvp(primals, tangents):
    return _product(*primals), jax.jvp(_plain_product, primals, tangents)[1]


@op("linalg.householder_product", "*.orgqr")
def linalg_householder_product(A: Array, tau: Array):
    """The first n columns of H1 H2 ... Hk for (..., m, n) A, where Hi = I - tau[i] v vᴴ has v in column i of A."""
    name = "torch.linalg.householder_product"
    m, n = A.shape[-2:] if A.ndim > 1 else (0, 0)
    check(A.ndim >= 2, f"{name}: input must have at least 2 dimensions.")
    check(m >= n, f"{name}: input.shape[-2] must be greater than or equal to input.shape[-1]")
    check(
        tau.ndim != A.ndim - 1 or n >= tau.shape[-1],
        f"{name}: input.shape[-1] must be greater than or equal to tau.shape[-1]",
    )
    check(
        tau.ndim == A.ndim - 1,
        f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to {tau.ndim} and "
        f"input.ndim is equal to {A.ndim}",
    )
    check(
        tau.shape[:-1] == A.shape[:-2],
        f"{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], but got {list(tau.shape[:-1])}",
    )
    check(tau.dtype == A.dtype, f"{name}: tau dtype {word(tau)} does not match input dtype {word(A)}")
    kernel(A, "orgqr_cpu")
    return _product(A, tau)


@op("*.ormqr")
def ormqr(input: Array, tau: Array, other: Array, left: bool = True, transpose: bool = False):
    """`Q @ other` (or `other @ Q` without `left`), Q the whole (m, m) product of the reflections; transposed: Q.mH."""
    name = "torch.ormqr"
    side = -2 if left else -1
    check(input.ndim >= 2, f"{name}: input must have at least 2 dimensions.")
    check(other.ndim >= 2, f"{name}: other must have at least 2 dimensions.")
    check(
        other.shape[side] >= tau.shape[-1],
        f"{name}: other.shape[{side}] must be greater than or equal to tau.shape[-1]",
    )
    check(other.shape[side] == input.shape[-2], f"{name}: other.shape[{side}] must be equal to input.shape[-2]")
    check(
        tau.shape[-1] <= input.shape[-1],
        f"{name}: tau.shape[-1] must be equal to min(other.shape[{side}], input.shape[-1])",
    )
    check(
        input.ndim - tau.ndim == 1,
        f"{name}: Expected tau to have one dimension less than input, but got tau.ndim equal to {tau.ndim} and "
        f"input.ndim is equal to {input.ndim}",
    )
    check(
        input.ndim == other.ndim,
        f"{name}: Expected other to have the same number of dimensions as input, but got other.ndim equal to "
        f"{other.ndim} and input.ndim is equal to {input.ndim}",
    )
    for what, batch in (("tau", tau.shape[:-1]), ("other", other.shape[:-2])):
        check(batch == input.shape[:-2], f"{name}: Expected batch dimensions of {what} to be equal to "
              f"input.shape[:-2], but got {list(batch)}")  # fmt: skip
    for what, x in (("tau", tau), ("other", other)):
        check(x.dtype == input.dtype, f"{name}: Expected input and {what} to have the same dtype, but input has dtype"
              f"{word(input)} and {what} has dtype {word(x)}")  # fmt: skip
    kernel(input, "ormqr_cpu")
    apply_q = functools.partial(_reflected, input, tau)
    if left:
        return apply_q(other, forwards=transpose, conjugate=transpose)
    turned = apply_q(adjoint(other), forwards=not transpose, conjugate=not transpose)
    return adjoint(turned)
