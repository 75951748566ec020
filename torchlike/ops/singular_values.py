"""The singular value decomposition, and what is made of it: pseudo-inverses, ranks.

Singular vectors are unique up to their sign (phase); only functions that do not see it have a meaningful gradient.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.dtype import category
from torchlike.core.op import Array, Scalar, composite, op
from torchlike.ops.checks import check, listed, word
from torchlike.ops.eigen import eigh_of
from torchlike.ops.matrix_checks import adjoint, diagonal_of, floating, given, kernel, matrices, real_type, use
from torchlike.ops.results import named


def _reciprocal(x):
    """1 / x, and 0 for 0."""
    zero = x == 0
    return jnp.where(zero, 0, 1 / jnp.where(zero, 1, x))


def _decompose(a, full: bool):
    m, n = a.shape[-2:]
    if 0 not in a.shape:
        u, s, vh = lax.linalg.svd(a, full_matrices=full)
        return u, s, vh
    k = min(m, n)
    batch = a.shape[:-2]

    def eye(rows, columns):
        return jnp.broadcast_to(jnp.eye(rows, columns, dtype=a.dtype), (*batch, rows, columns))

    return eye(m, m if full else k), jnp.zeros((*batch, k), real_type(a)), eye(n if full else k, n)


def _rule(full: bool):
    @jax.custom_jvp
    def svd(a):
        return _decompose(a, full)

    @svd.defjvp
    def _(primals, tangents):
        """The derivative of the thin decomposition; what completes it to `full` has no part in it, as in PyTorch.

        Townsend, "Differentiating the Singular Value Decomposition" (2016). For complex matrices the imaginary
        diagonal, a free choice of phase, goes to U.
        """
        (a,), (da,) = primals, tangents
        u_all, s, vh_all = svd(a)
        k = s.shape[-1]
        u, vh = u_all[..., :k], vh_all[..., :k, :]
        v = adjoint(vh)
        inside = adjoint(u) @ da @ v
        row, column = s[..., None, :], s[..., :, None]
        f = _reciprocal((row - column) * (row + column)).astype(a.dtype)
        row, column = row.astype(a.dtype), column.astype(a.dtype)
        inner_u = f * (inside * row + column * adjoint(inside))
        inner_v = f * (column * inside + adjoint(inside) * row)
        if jnp.iscomplexobj(a):
            phase = 1j * diagonal_of(inside).imag * _reciprocal(s)
            inner_u = inner_u + phase[..., None] * jnp.eye(k, dtype=a.dtype)
        inverse = _reciprocal(s)[..., None, :].astype(a.dtype)
        du, dv = u @ inner_u, v @ inner_v
        m, n = a.shape[-2:]
        if m > k:
            away = da @ v
            du = du + (away - u @ (adjoint(u) @ away)) * inverse
        if n > k:
            away = adjoint(da) @ u
            dv = dv + (away - v @ (vh @ away)) * inverse
        du = jnp.concatenate([du, jnp.zeros_like(u_all[..., k:])], -1)
        dvh = jnp.concatenate([adjoint(dv), jnp.zeros_like(vh_all[..., k:, :])], -2)
        return (u_all, s, vh_all), (du, diagonal_of(inside).real, dvh)

    return svd


_SVD = {full: _rule(full) for full in (False, True)}


def _checked(A) -> None:
    matrices(A, "linalg.svd")
    floating(A, "linalg.svd")
    kernel(A, "linalg_svd_cpu")


def _driver(driver) -> None:
    check(
        driver is None,
        "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend.",
    )


@op("linalg.svd", result=named("linalg_svd", "U", "S", "Vh"))
def linalg_svd(A: Array, full_matrices: bool = True, *, driver=None):
    """(U, S, Vh) with `A = U @ diag(S) @ Vh` for (..., m, n) matrices; S descends.

    U is (m, m) and Vh (n, n); without `full_matrices` (m, k) and (k, n), k = min(m, n). The gradient needs different
    singular values, and of full matrices sees the first k vectors. `driver` is for CUDA.
    """
    _checked(A)
    _driver(driver)
    return _SVD[full_matrices](A)


def singular_values(A):
    """The singular values, descending, with PyTorch's checks."""
    _checked(A)
    return _SVD[False](A)[1]


@op("linalg.svdvals", grad="LinalgSvdBackward0")
def linalg_svdvals(A: Array, *, driver=None):
    """The singular values of (..., m, n) matrices, descending: (..., min(m, n))."""
    _driver(driver)
    return singular_values(A)


@op("*.svd", result=named("svd", "U", "S", "V"), grad="LinalgSvdBackward0")
def svd(input: Array, some: bool = True, compute_uv: bool = True):
    """(U, S, V) with `input = U @ diag(S) @ V.mH`; without `some` U and V are square, without `compute_uv` zeros."""
    check(
        input.ndim >= 2,
        f"linalg.svd: input should have at least 2 dimensions, but has {input.ndim} dimensions instead",
    )
    _checked(input)
    if compute_uv:
        u, s, vh = _SVD[not some](input)
        return u, s, adjoint(vh)
    m, n = input.shape[-2:]
    zeros = [jnp.zeros((*input.shape[:-2], size, size), input.dtype) for size in (m, n)]
    return zeros[0], _SVD[False](input)[1], zeros[1]


# --- pseudo-inverse and rank ------------------------------------------------------------------------------------------


def _pinv_rule(hermitian: bool):
    def invert(a, atol, rtol):
        if 0 in a.shape:
            return jnp.zeros((*a.shape[:-2], a.shape[-1], a.shape[-2]), a.dtype)
        if hermitian:
            values, u = eigh_of(a)
            size, v = jnp.abs(values), u
        else:
            u, values, vh = _SVD[False](a)
            size, v = values, adjoint(vh)
        limit = jnp.maximum(atol, rtol * size.max(-1))
        kept = size > limit[..., None]
        inverse = jnp.where(kept, 1 / jnp.where(kept, values, 1), 0).astype(a.dtype)
        return (v * inverse[..., None, :]) @ adjoint(u)

    pinv = jax.custom_jvp(invert)

    @pinv.defjvp
    def _(primals, tangents):
        """Golub and Pereyra, "The Differentiation of Pseudo-Inverses and Nonlinear Least Squares Problems Whose
        Variables Separate" (1973), (4.12); for a constant rank.
        """
        (a, *tolerances), (t, *_) = primals, tangents
        p = pinv(a, *tolerances)
        ph, th = adjoint(p), adjoint(t)
        m, n = a.shape[-2:]
        if m <= n:
            far = th @ (ph @ p)
            moved = -p @ (t @ p) + (p @ ph) @ (th - (th @ a) @ p) + far - p @ (a @ far)
        else:
            far = (p @ ph) @ th
            moved = -(p @ t) @ p + far - (far @ a) @ p + (th - p @ (a @ th)) @ (ph @ p)
        return p, moved

    return pinv


_PINV = {hermitian: _pinv_rule(hermitian) for hermitian in (False, True)}


def pinv_of(a, rtol):
    """The pseudo-inverse; singular values up to rtol times the greatest count as 0."""
    return _PINV[False](a, jnp.zeros((), real_type(a)), rtol)


def _tolerances(a, atol, rtol):
    """The two limits as real arrays, by default none and max(m, n) times the dtype's epsilon."""
    kind = real_type(a)
    if rtol is None:
        default = jnp.asarray(jnp.finfo(kind).eps * max(a.shape[-2:]), kind)
        rtol = default if atol is None else jnp.where(jnp.asarray(atol) > 0, 0, default)
    atol = 0 if atol is None else atol
    return jnp.asarray(atol).astype(kind), jnp.asarray(rtol).astype(kind)


@op("_.linalg_pinv")
def linalg_pinv(A: Array, atol: Scalar | None, rtol: Scalar | None, hermitian: bool):
    check(
        A.ndim >= 2 and category(np.dtype(A.dtype)) >= 2 and np.dtype(A.dtype).itemsize > 2,
        f"linalg.pinv({word(A)}{{{listed(A)}}}): expected a tensor with 2 or more dimensions of float, double, cfloat "
        "or cdouble types",
    )
    return _PINV[hermitian](A, *map(lax.stop_gradient, _tolerances(A, atol, rtol)))


@composite("linalg.pinv")
def pinv(A, rcond=None, hermitian: bool = False, *, atol=None, rtol=None, out=None):
    """The pseudo-inverse of (..., m, n) matrices, (..., n, m).

    Singular values up to max(atol, rtol * the greatest) count as 0; `rtol` is by default max(m, n) times the dtype's
    epsilon, 0 if `atol` is positive. Both may be tensors for a batch. `rcond` is an older name of `rtol`. With
    `hermitian` only the lower triangle is read.
    """
    if rcond is not None:
        if atol is not None or rtol is not None:
            raise TypeError("linalg_pinv() received an invalid combination of arguments: rcond beside atol or rtol")
        atol, rtol = 0.0, rcond
    return given("linalg_pinv", use(linalg_pinv.op, A, atol, rtol, hermitian), out)


@composite("*.pinverse")
def pinverse(input, rcond=1e-15):
    """The pseudo-inverse; singular values up to `rcond` times the greatest count as 0."""
    return use(linalg_pinv.op, input, 0.0, rcond, False)


@op("_.linalg_matrix_rank", differentiable=False)
def linalg_matrix_rank(A: Array, atol: Scalar | None, rtol: Scalar | None, hermitian: bool):
    name = "torch.linalg.matrix_rank"
    matrices(A, name, "input")
    check(
        category(np.dtype(A.dtype)) >= 2 and np.dtype(A.dtype).itemsize > 2,
        "This function doesn't handle types other than float and double",
    )
    for which, x in (("atol", atol), ("rtol", rtol)):
        check(not jnp.iscomplexobj(x), f"{name}: {which} tensor of complex type is not supported. Got "
              f"{'' if x is None else word(jnp.asarray(x))}")  # fmt: skip
    atol, rtol = _tolerances(A, atol, rtol)
    sizes = jnp.abs(eigh_of(A)[0]) if hermitian else singular_values(A)
    if not sizes.shape[-1]:
        return jnp.zeros(sizes.shape[:-1], jnp.int64)
    limit = jnp.maximum(atol, rtol * sizes.max(-1))
    return (sizes > limit[..., None]).sum(-1, dtype=jnp.int64)


@composite("linalg.matrix_rank")
def matrix_rank(A, tol=None, hermitian: bool = False, *, atol=None, rtol=None, out=None):
    """How many singular values of (..., m, n) matrices are greater than max(atol, rtol * the greatest), as int64.

    Defaults of `atol` and `rtol` as in `pinv`; `tol` is an absolute limit alone. With `hermitian` eigenvalues of the
    lower triangle are counted.
    """
    if isinstance(tol, bool):
        tol, hermitian = None, tol
    if tol is not None:
        atol, rtol = tol, 0.0
    return given("linalg_matrix_rank", use(linalg_matrix_rank.op, A, atol, rtol, hermitian), out)
