"""Results that are unique only up to sign, phase or order, brought to a form that is unique.

Each function takes the library, the arguments of the call and the result, and gives what is compared: the factors put
together again, what is unique in them, and that the rest is orthogonal.
"""

from __future__ import annotations


def _joined(u, s, vh):
    k = s.shape[-1]
    return (u[..., :k] * s.unsqueeze(-2)) @ vh[..., :k, :]


def _gram(q):
    return q.mH @ q


def svd(lib, args, kwargs, result):
    u, s, v = result
    if not u.numel() or not v.numel() or kwargs.get("compute_uv") is False:
        return [s, *(x.shape for x in (u, v))]
    s = s.to(u.dtype)
    return [result[1], _joined(u, s, v.mH), _gram(u), _gram(v)]


def linalg_svd(lib, args, kwargs, result):
    u, s, vh = result
    return [s, _joined(u, s.to(u.dtype), vh), _gram(u), _gram(vh.mH)] if u.numel() and vh.numel() else [s, u.shape]


def low_rank(lib, args, kwargs, result):
    u, s, v = result
    return [s, _joined(u, s.to(u.dtype), v.mH)]


def eigh(lib, args, kwargs, result):
    values, vectors = result
    return [values, (vectors * values.to(vectors.dtype).unsqueeze(-2)) @ vectors.mH, _gram(vectors)]


def eig(lib, args, kwargs, result):
    """A v = v w, eigenvalues in the order of their parts, vectors of length 1."""
    values, vectors = result
    a = args[0].to(vectors.dtype)
    gap = a @ vectors - vectors * values.unsqueeze(-2)
    return [ordered(lib, values), gap.abs() < 1e-3 * (1 + a.abs().max() if a.numel() else 1), _lengths(vectors)]


def _lengths(vectors):
    return (vectors.abs() ** 2).sum(-2).sqrt()


def ordered(lib, values):
    key = lib.round(values.real, decimals=3) * 1000 + lib.round(values.imag, decimals=3)
    return values.gather(-1, key.argsort(dim=-1))


def eigvals(lib, args, kwargs, result):
    return [ordered(lib, result)]


def qr(lib, args, kwargs, result):
    q, r = result
    return [q @ r, _gram(q), r.abs()] if q.numel() else [r.abs(), q.shape]


def _picked(x, indices, dim):
    return x.gather(dim, indices) if x.ndim else x


def sort(lib, args, kwargs, result):
    """Equal elements may come in any order unless `stable` is asked."""
    if kwargs.get("stable"):
        return list(result)
    dim = kwargs.get("dim", next((a for a in args[1:2] if not isinstance(a, bool)), -1))
    return [result[0], result[1].shape, _picked(args[0], result[1], dim)]


def argsort(lib, args, kwargs, result):
    if kwargs.get("stable"):
        return result
    dim = kwargs.get("dim", next((a for a in args[1:2] if not isinstance(a, bool)), -1))
    return [result.shape, _picked(args[0], result, dim)]


def chosen(lib, args, kwargs, result):
    """Which of equal elements is named is left open."""
    values, indices = result
    dim = kwargs.get("dim", args[2] if len(args) > 2 and isinstance(args[2], int) else -1)
    keep = indices.ndim == args[0].ndim
    at = indices if keep else indices.unsqueeze(dim)
    found = _picked(args[0], at, dim)
    return [values, found if keep else found.squeeze(dim)]


def mode(lib, args, kwargs, result):
    """Which of the equal elements is named is left open."""
    return chosen(lib, args, {"dim": -1, **dict(zip(("dim", "keepdim"), args[1:], strict=False)), **kwargs}, result)


INVARIANT = {
    "sort": sort, "argsort": argsort, "topk": chosen, "kthvalue": chosen, "mode": mode,
    "svd": svd, "linalg.svd": linalg_svd, "svd_lowrank": low_rank, "pca_lowrank": low_rank, "linalg.eigh": eigh,
    "linalg.eig": eig, "linalg.eigvals": eigvals, "qr": qr, "linalg.qr": qr,
}  # fmt: skip
