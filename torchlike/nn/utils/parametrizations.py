"""Ready-made parametrisations of weights."""

from __future__ import annotations

import enum
from typing import Any

from torchlike.nn import functional as F
from torchlike.nn.modules.module import Module
from torchlike.nn.utils.parametrize import register_parametrization
from torchlike.nn.utils.spectral_norm import as_matrix, improve, outputs_of
from torchlike.nn.utils.weight_norm import norm_except_dim, scaled
from torchlike.tensor import Tensor

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return scaled(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int = 0) -> Module:
    """A weight as length times direction (https://arxiv.org/abs/1602.07868): `original0` and `original1`.

    There is one length for each index of `dim`, one for the whole weight for None. Checkpoints with `<name>_g` and
    `<name>_v` can be loaded.
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def from_older(state_dict: dict, prefix: str, *rest: Any) -> None:
        g, v = f"{prefix}{name}_g", f"{prefix}{name}_v"
        if g in state_dict and v in state_dict:
            state_dict[f"{prefix}parametrizations.{name}.original0"] = state_dict.pop(g)
            state_dict[f"{prefix}parametrizations.{name}.original1"] = state_dict.pop(v)

    module._register_load_state_dict_pre_hook(from_older)
    return module


class _SpectralNorm(Module):
    _u: Any
    _v: Any

    def __init__(self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if not -weight.dim() <= dim < weight.dim():
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{weight.dim()}, {weight.dim() - 1}] but got "
                f"{dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % weight.dim()
        self.eps = eps
        if weight.dim() > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight.detach(), self.dim)
            u, v = (matrix.new_empty(n).normal_(0, 1) for n in matrix.shape)
            u, v = (F.normalize(x, dim=0, eps=eps) for x in (u, v))
            u, v = improve(matrix, u, v, 15, eps)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)

    def forward(self, weight: Any) -> Any:
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        u, v = self._u, self._v
        if self.training:
            u, v = improve(matrix, u, v, self.n_power_iterations, self.eps)
            self._u.copy_(u)
            self._v.copy_(v)
        return weight / u.dot(matrix.mv(v))

    def right_inverse(self, value: Any) -> Any:
        return value


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """A weight divided by its largest singular value (https://arxiv.org/abs/1802.05957).

    Each look in training mode improves the singular vectors by `n_power_iterations` steps. `dim` counts the outputs.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    dim = outputs_of(module) if dim is None else dim
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))


def _orthonormal(tall: Any) -> Any:
    """The Q of tall = QR with a positive diagonal of R."""
    import torchlike as torch

    reflectors, tau = torch.geqrf(tall)
    signs = reflectors.diagonal(dim1=-2, dim2=-1).sgn()
    return torch.linalg.householder_product(reflectors, tau) * signs.unsqueeze(-2)


def _is_orthonormal(q: Any) -> bool:
    import torchlike as torch

    tolerance = 10.0 * q.size(-2) * torch.finfo(q.dtype).eps
    return torch.allclose(q.mH @ q, torch.eye(q.size(-1), dtype=q.dtype, device=q.device), atol=tolerance)


class _OrthMaps(enum.Enum):
    matrix_exp = 1
    cayley = 2
    householder = 3


class _Orthogonal(Module):
    base: Any

    def __init__(self, weight: Any, orthogonal_map: _OrthMaps, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map is _OrthMaps.householder:
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Any) -> Any:
        """A matrix with orthonormal columns, or rows if it is wide, from any matrix."""
        wide = X.size(-2) < X.size(-1)
        q = self._tall(X.mT if wide else X)
        if hasattr(self, "base"):
            q = self.base @ q
        return q.mT if wide else q

    def _tall(self, x: Any) -> Any:
        import torchlike as torch

        n, k = x.size(-2), x.size(-1)
        if self.orthogonal_map is _OrthMaps.householder:
            # the diagonal says which columns are turned round; no gradient goes there
            lower = x.tril(diagonal=-1)
            tau = 2.0 / (1.0 + (lower * lower).sum(dim=-2))
            signs = x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)
            return torch.linalg.householder_product(lower, tau) * signs
        lower = x.tril()
        if n != k:
            lower = torch.cat([lower, lower.new_zeros(*x.shape[:-1], n - k)], dim=-1)
        skew = lower - lower.mH
        if self.orthogonal_map is _OrthMaps.matrix_exp:
            q = torch.matrix_exp(skew)
        else:  # (I - A / 2)⁻¹ (I + A / 2)
            one = torch.eye(n, dtype=x.dtype, device=x.device)
            q = torch.linalg.solve(one - 0.5 * skew, one + 0.5 * skew)
        return q[..., :k] if n != k else q

    def right_inverse(self, Q: Any) -> Any:
        """What has to be stored so that the weight becomes `Q`; a `Q` that is not orthogonal is made so first."""
        import torchlike as torch

        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}."
            )
        with torch.no_grad():
            wide = Q.size(-2) < Q.size(-1)
            tall = Q.mT if wide else Q
            n, k = tall.size(-2), tall.size(-1)
            if not hasattr(self, "base"):
                if self.orthogonal_map is not _OrthMaps.householder:
                    raise NotImplementedError(
                        "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                        "use_trivialization=False."
                    )
                reflectors, tau = torch.geqrf(tall)
                signs = reflectors.diagonal(dim1=-2, dim2=-1).sign()
                signs = torch.where(tau == 0, -signs, signs)
                reflectors.diagonal(dim1=-2, dim2=-1).copy_(signs)
                return reflectors.mT if wide else reflectors
            if n == k:
                self.base = tall.clone() if _is_orthonormal(tall) else _orthonormal(tall)
            else:
                more = torch.randn(*tall.shape[:-2], n, n - k, dtype=tall.dtype, device=tall.device)
                self.base = _orthonormal(torch.cat([tall, more], dim=-1))
            # the Householder product of zeros is the identity if the diagonal is -1
            stored = torch.zeros_like(Q)
            stored.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
            return stored


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """A weight whose columns, or rows if it is wide, are orthonormal (https://arxiv.org/abs/1901.08428).

    Args:
        orthogonal_map: how any matrix becomes an orthogonal one: "matrix_exp", "cayley" or "householder". Unless given,
            "matrix_exp" for a square or complex weight, "householder" for others.
        use_trivialization: keep the weight at the time of the call (made orthogonal) as a base, and learn the way from
            there; only then can a weight be assigned with the first two maps.

    ValueError for a weight of fewer than two dimensions, an unknown map, or a complex weight with "householder".

    >>> import torchlike as torch
    >>> layer = torch.nn.utils.parametrizations.orthogonal(torch.nn.Linear(3, 3))
    >>> torch.allclose(layer.weight.T @ layer.weight, torch.eye(3), atol=1e-5)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.dim() < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions.")
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1)
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    chosen = getattr(_OrthMaps, orthogonal_map, None)
    if chosen is None:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    made = _Orthogonal(weight, chosen, use_trivialization=use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)
