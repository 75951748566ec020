"""Least squares: the x with the smallest ‖A x - b‖."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.dtype import category
from torchlike.core.op import Array, Scalar, composite, op
from torchlike.ops.checks import check, word
from torchlike.ops.matrix_checks import adjoint, given, real_type, use
from torchlike.ops.orthogonal import reduced
from torchlike.ops.results import constant, named
from torchlike.ops.singular_values import pinv_of, singular_values

_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def _full_rank(a, b):
    """By QR, for matrices of full rank: of A for tall ones, of Aᴴ for wide ones (the solution of least norm)."""
    m, n = a.shape[-2:]
    q, r = reduced(a if m >= n else adjoint(a))
    if m >= n:
        return lax.linalg.triangular_solve(r, adjoint(q) @ b, left_side=True)
    return q @ lax.linalg.triangular_solve(r, b, left_side=True, transpose_a=True, conjugate_a=True)


def _rule(by_qr: bool):
    @jax.custom_jvp
    def solve(a, b, rtol):
        if 0 in a.shape or 0 in b.shape:
            return jnp.zeros((*a.shape[:-2], a.shape[-1], b.shape[-1]), a.dtype)
        return _full_rank(a, b) if by_qr else pinv_of(a, rtol) @ b

    @solve.defjvp
    def _(primals, tangents):
        """The solution is A⁺ b, whichever way it was found: (A⁺)' b + A⁺ b'."""
        a, b, rtol = primals
        da, db, _ = tangents
        p, dp = jax.jvp(lambda x: pinv_of(x, rtol), (a,), (da,))
        return solve(a, b, rtol), dp @ b + p @ db

    return solve


_SOLVE = {by_qr: _rule(by_qr) for by_qr in (False, True)}


_LSTSQ = named("linalg_lstsq", "solution", "residuals", "rank", "singular_values")


@op("_.linalg_lstsq", result=constant(_LSTSQ, 3))
def linalg_lstsq(A: Array, B: Array, rcond: Scalar | None, driver: str):
    name = "torch.linalg.lstsq"
    check(A.ndim >= 2, f"{name}: input must have at least 2 dimensions.")
    check(B.ndim >= 1, f"{name}: other must have at least 1 dimension.")
    check(
        A.dtype == B.dtype,
        f"{name}: Expected input and other to have the same dtype, but got input's dtype {word(A)} and other's dtype "
        f"{word(B)}",
    )
    gap = A.ndim - B.ndim
    check(
        0 <= gap <= 1,
        f"{name}: input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) <= 1",
    )
    batch = A.shape[:-2]
    vector = gap == 1 and B.shape == A.shape[:-1]
    if vector or gap == 1:
        check(A.shape[-2] == B.shape[-1], f"{name}: input.size(-2) should match other.size(-1)")
        vector = True
    else:
        check(A.shape[-2] == B.shape[-2], f"{name}: input.size(-2) should match other.size(-2)")
    check(
        category(np.dtype(A.dtype)) >= 2 and A.dtype.itemsize > 2,
        "This function doesn't handle types other than float and double",
    )
    b = B[..., None] if vector else B
    batch = jnp.broadcast_shapes(batch, b.shape[:-2])
    a = jnp.broadcast_to(A, (*batch, *A.shape[-2:]))
    b = jnp.broadcast_to(b, (*batch, *b.shape[-2:]))
    m, n = a.shape[-2:]
    kind = real_type(a)
    if rcond is None:
        rtol = jnp.asarray(jnp.finfo(kind).eps * max(m, n), kind)
    else:
        rtol = lax.stop_gradient(jnp.asarray(rcond).astype(kind))
        rtol = jnp.where(rtol < 0, jnp.finfo(kind).eps, rtol)
    x = _SOLVE[driver == "gels"](a, b, rtol)
    none = jnp.zeros((0,), kind)
    values = lax.stop_gradient(singular_values(a)) if driver != "gels" else None
    rank = jnp.zeros((0,), jnp.int64)
    if values is not None:
        top = values.max(-1, keepdims=True) if values.shape[-1] else values
        rank = (values > rtol * top).sum(-1, dtype=jnp.int64)
    residuals = none
    if m > n and driver != "gelsy":
        rest = a @ x - b
        residuals = (rest.real**2 + rest.imag**2 if jnp.iscomplexobj(rest) else rest * rest).sum(-2)
    return (x[..., 0] if vector else x), residuals, rank, values if driver in ("gelsd", "gelss") else none


@composite("linalg.lstsq")
def lstsq(A, B, rcond=None, *, driver=None, out=None):
    """(solution, residuals, rank, singular_values) of `min ‖A X - B‖` for (..., m, n) A and (..., m, k) or (..., m) B.

    `driver`: "gels" takes the rank as full; "gelsy" (the default), "gelsd" and "gelss" count singular values up to
    `rcond` times the greatest as 0 (here all by the singular value decomposition). Residuals are the squared distances,
    for m > n and full rank; what a driver does not give is empty.
    """
    check(
        driver is None or driver in _DRIVERS,
        f"torch.linalg.lstsq: parameter `driver` should be one of ({', '.join(_DRIVERS)})",
    )
    made = use(linalg_lstsq.op, A, B, rcond, driver or "gelsy")
    n = A.shape[-1]
    if made.residuals.numel() and made.rank.numel() and not made.rank._aval().traced and (made.rank < n).any():
        made = _LSTSQ((made.solution, made.residuals.new_empty((0,)), made.rank, made.singular_values))
    return given("linalg_lstsq", made, out)
