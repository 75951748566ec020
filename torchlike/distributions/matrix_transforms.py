"""Maps onto matrices: Cholesky factors, positive definite matrices, factors of correlation matrices."""

from __future__ import annotations

import math
from typing import Any

from torchlike.distributions import constraints
from torchlike.distributions.transforms import Transform
from torchlike.tensor import Tensor

__all__ = ["CorrCholeskyTransform", "LowerCholeskyTransform", "PositiveDefiniteTransform"]


class LowerCholeskyTransform(Transform):
    """From a matrix to a lower triangular one with a positive diagonal."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(Transform):
    """From a matrix to a positive definite one, by its Cholesky factor."""

    domain, codomain = constraints.independent(constraints.real, 2), constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Tensor) -> Tensor:
        import torchlike as torch

        return LowerCholeskyTransform().inv(torch.linalg.cholesky(y))


def _below(n: int, diagonal: int) -> Any:
    """(rows, columns) of the triangle up to a diagonal."""
    import torchlike as torch

    return tuple(torch.tril_indices(n, n, offset=diagonal))


class CorrCholeskyTransform(Transform):
    """From D (D - 1) / 2 numbers to the Cholesky factor of a (D, D) correlation matrix.

    tanh of each number is the part, with its sign, that an element takes of what the row has left of its length 1.
    """

    domain, codomain = constraints.real_vector, constraints.corr_cholesky
    bijective = True

    def _call(self, x: Tensor) -> Tensor:
        import torchlike as torch
        from torchlike.nn.functional import pad

        n = self.forward_shape(x.shape)[-1]
        eps = torch.finfo(x.dtype).eps
        r = x.new_zeros((*x.shape[:-1], n, n))
        r[(..., *_below(n, -1))] = x.tanh().clamp(min=-1 + eps, max=1 - eps)
        left = (1 - r**2).sqrt().cumprod(-1)
        return (r + torch.eye(n, dtype=r.dtype, device=r.device)) * pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y: Tensor) -> Tensor:
        from torchlike.nn.functional import pad

        left = pad(1 - (y * y).cumsum(-1)[..., :-1], [1, 0], value=1)
        at = (..., *_below(y.shape[-1], -1))
        return (y[at] / left[at].sqrt()).atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """That of the way to the elements below the diagonal."""
        from torchlike.nn.functional import softplus

        left = (1 - (y * y).cumsum(-1))[(..., *_below(y.shape[-1], -2))]
        return 0.5 * left.log().sum(-1) - 2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        """From (..., N) to (..., D, D)."""
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        n = round((0.25 + 2 * shape[-1]) ** 0.5 + 0.5)
        if n * (n - 1) // 2 != shape[-1]:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return (*shape[:-1], n, n)

    def inverse_shape(self, shape: Any) -> Any:
        """From (..., D, D) to (..., N)."""
        if len(shape) < 2:
            raise ValueError("Too few dimensions on input")
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return (*shape[:-2], shape[-1] * (shape[-1] - 1) // 2)
