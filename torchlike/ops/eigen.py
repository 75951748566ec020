"""Eigenvalues and eigenvectors, of Hermitian matrices and of general ones.

Eigenvectors are unique up to their sign (phase); only functions that do not see it have a meaningful gradient.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, op
from torchlike.ops.checks import check, word
from torchlike.ops.matrix_checks import adjoint, diagonal_of, kernel, real_type, square
from torchlike.ops.results import named


def _gaps(values):
    """1 / (λj - λi) at [i, j], and 0 where the two are equal, so that a gradient of the values alone stays finite."""
    gap = values[..., None, :] - values[..., :, None]
    same = gap == 0
    return jnp.where(same, 0, 1 / jnp.where(same, 1, gap))


# --- Hermitian --------------------------------------------------------------------------------------------------------


def _hermitian(upper: bool):
    @jax.custom_jvp
    def eigh(a):
        if 0 in a.shape:
            return jnp.zeros(a.shape[:-1], real_type(a)), a
        vectors, values = lax.linalg.eigh(a, lower=not upper, symmetrize_input=False)
        return values, vectors

    @eigh.defjvp
    def _(primals, tangents):
        """dλ = diag(Vᴴ dA V), dV = V (Vᴴ dA V ∘ F), F as in `_gaps`.

        Giles, "An extended collection of matrix derivative results" (2008), 3.1. Of the tangent the Hermitian part
        counts, so that the gradient is Hermitian too.
        """
        values, vectors = eigh(*primals)
        t = (tangents[0] + adjoint(tangents[0])) / 2
        inside = adjoint(vectors) @ t @ vectors
        moved = vectors @ (inside * _gaps(values).astype(inside.dtype))
        return (values, vectors), (diagonal_of(inside).real, moved)

    return eigh


_EIGH = {upper: _hermitian(upper) for upper in (False, True)}


def eigh_of(A, UPLO: str = "L"):
    """(eigenvalues, eigenvectors), with PyTorch's checks."""
    square(A, "linalg.eigh")
    check(UPLO.upper() in ("L", "U"), f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    kernel(A, "linalg_eigh_cpu")
    return _EIGH[UPLO.upper() == "U"](A)


@op("linalg.eigh", result=named("linalg_eigh", "eigenvalues", "eigenvectors"))
def linalg_eigh(A: Array, UPLO: str = "L"):
    """(eigenvalues, eigenvectors) of Hermitian (..., n, n) matrices: ascending real values, vectors in the columns.

    Only the lower (`UPLO="U"`: upper) triangle is read. The gradient needs different eigenvalues.
    """
    return eigh_of(A, UPLO)


@op("linalg.eigvalsh", grad="LinalgEighBackward0")
def linalg_eigvalsh(A: Array, UPLO: str = "L"):
    """The ascending real eigenvalues of Hermitian (..., n, n) matrices. Only one triangle is read."""
    return eigh_of(A, UPLO)[0]


# --- general ----------------------------------------------------------------------------------------------------------


@jax.custom_jvp
def _eig(a):
    if 0 in a.shape:
        kind = jnp.promote_types(a.dtype, jnp.complex64)
        return jnp.zeros(a.shape[:-1], kind), a.astype(kind)
    return tuple(lax.linalg.eig(a, compute_left_eigenvectors=False))


@_eig.defjvp
def _eig_jvp(primals, tangents):
    """dλ = diag(V⁻¹ dA V); dV = V (V⁻¹ dA V ∘ F) without the part along each vector, whose length stays 1.

    Boeddeker et al., "On the computation of complex-valued gradients with application to statistically optimum
    beamforming" (2017), 4.77 and 4.78, with the normalization of the vectors differentiated.
    """
    values, vectors = _eig(*primals)
    inside = jnp.linalg.solve(vectors, tangents[0].astype(vectors.dtype) @ vectors)
    moved = vectors @ (inside * _gaps(values))
    along = (vectors.conj() * moved).sum(-2, keepdims=True).real
    return (values, vectors), (diagonal_of(inside), moved - vectors * along)


def _general(A, name: str):
    square(A, name)
    check(jnp.issubdtype(A.dtype, jnp.inexact), f"Unknown Complex ScalarType for {word(A)}")
    kernel(A, "linalg_eig_out_cpu")
    return _eig(A)


@op("linalg.eig", result=named("linalg_eig", "eigenvalues", "eigenvectors"))
def linalg_eig(A: Array):
    """(eigenvalues, eigenvectors) of (..., n, n) matrices, complex and in no order; vectors of length 1 in the columns.

    The gradient needs different eigenvalues.
    """
    return _general(A, "linalg.eig")


@op("linalg.eigvals", grad="LinalgEigBackward0")
def linalg_eigvals(A: Array):
    """The complex eigenvalues of (..., n, n) matrices, in no order."""
    return _general(A, "linalg.eigvals")[0]
