"""Decompositions of low rank from random projections.

Halko, Martinsson and Tropp, "Finding structure with randomness" (2009), algorithms 4.4 and 5.1.
"""

from __future__ import annotations

from torchlike.core.op import composite


def _call(name: str, *args, **kwargs):
    from torchlike import linalg

    return getattr(linalg, name)(*args, **kwargs)


def _basis(A, q: int, niter: int):
    """An orthonormal basis of about the range of A, by power iterations from a random start."""
    import torchlike

    start = torchlike.randn(A.shape[-1], q, dtype=A.dtype, device=A.device)
    Q = _call("qr", A @ start).Q
    for _ in range(niter):
        Q = _call("qr", A.mH @ Q).Q
        Q = _call("qr", A @ Q).Q
    return Q


@composite("torch.svd_lowrank")
def svd_lowrank(A, q: int | None = 6, niter: int | None = 2, M=None):
    """(U, S, V) with `A ≈ U @ diag(S) @ V.mH` of rank q, by `niter` power iterations on a random projection.

    A is (..., m, n); M, of A's shape (or broadcast to it), is subtracted first.
    """
    q = 6 if q is None else q
    m, n = A.shape[-2:]
    if M is not None:
        A = A - M.expand(A.shape)
    if m < n:
        A = A.mH
    Q = _basis(A, q, 2 if niter is None else niter)
    U, S, Vh = _call("svd", Q.mH @ A, full_matrices=False)
    U, V = Q @ U, Vh.mH
    return (V, S, U) if m < n else (U, S, V)


@composite("torch.pca_lowrank")
def pca_lowrank(A, q: int | None = None, center: bool = True, niter: int = 2):
    """(U, S, V) of the principal components of the rows of A (..., m, n): `svd_lowrank` with the means of the columns
    taken away (`center`). q is by default min(6, m, n).
    """
    m, n = A.shape[-2:]
    if q is None:
        q = min(6, m, n)
    elif not 0 <= q <= min(m, n):
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={min(m, n)}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(-2, True) if center else A, q, niter)
