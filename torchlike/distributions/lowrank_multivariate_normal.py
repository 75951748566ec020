"""Normal distributions of vectors whose covariance is a diagonal and a matrix of low rank."""

from __future__ import annotations

import math
from typing import Any

from torchlike.distributions import constraints
from torchlike.distributions.distribution import Distribution
from torchlike.distributions.utils import lazy_property
from torchlike.tensor import Tensor


class LowRankMultivariateNormal(Distribution):
    """Vectors of mean `loc` and covariance cov_factor @ cov_factor.T + diag(cov_diag).

    Args:
        loc: (..., n).
        cov_factor: (..., n, m), with m much smaller than n.
        cov_diag: (..., n), positive.

    Determinants and inverses are those of I + cov_factor.T @ diag(1 / cov_diag) @ cov_factor, an (m, m) matrix
    (https://en.wikipedia.org/wiki/Woodbury_matrix_identity).
    """

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real_vector, "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }  # fmt: skip
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None):
        import torchlike as torch

        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError("cov_factor must be at least two-dimensional, with optional leading batch dimensions")
        if cov_factor.shape[-2:-1] != event:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event[0]} x m")
        if cov_diag.shape[-1:] != event:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event}")
        try:
            batch = torch.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        except RuntimeError as e:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, cov_diag {cov_diag.shape}"
            ) from e
        self.loc, self.cov_diag = loc.expand((*batch, -1)), cov_diag.expand((*batch, -1))
        self.cov_factor = cov_factor.expand((*batch, -1, -1))
        self._w, self._d = cov_factor, cov_diag
        small = self._weighted() @ cov_factor
        self._capacitance_tril = torch.linalg.cholesky(small + torch.eye(small.shape[-1], dtype=small.dtype))
        super().__init__(batch, event, validate_args=validate_args)

    def _expand_more(self, new: Any, batch_shape: Any) -> None:
        new._w, new._d, new._capacitance_tril = self._w, self._d, self._capacitance_tril

    def _weighted(self) -> Tensor:
        """cov_factor.T / cov_diag."""
        return self._w.mT / self._d.unsqueeze(-2)

    def _whitening(self) -> Tensor:
        """A such that the inverse of the covariance is diag(1 / cov_diag) - A.T @ A."""
        import torchlike as torch

        return torch.linalg.solve_triangular(self._capacitance_tril, self._weighted(), upper=False)

    def _log_det(self) -> Tensor:
        """The logarithm of the covariance's determinant."""
        return 2 * self._capacitance_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1) + self._d.log().sum(-1)

    def _mahalanobis(self, x: Tensor) -> Tensor:
        """xᵀ covariance⁻¹ x."""
        import torchlike as torch

        y = self._weighted() @ x.unsqueeze(-1)
        y = torch.linalg.solve_triangular(self._capacitance_tril, y, upper=False)
        return (x.pow(2) / self._d).sum(-1) - y.squeeze(-1).pow(2).sum(-1)

    def _full(self, x: Tensor) -> Tensor:
        return x.expand((*self._batch_shape, *self._event_shape, *self._event_shape))

    @property
    def mean(self) -> Tensor:
        """`loc`."""
        return self.loc

    mode = mean

    @lazy_property
    def variance(self) -> Tensor:  # type: ignore[override]
        """The diagonal of the covariance."""
        return (self._w.pow(2).sum(-1) + self._d).expand((*self._batch_shape, *self._event_shape))

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower triangular factor of the covariance."""
        import torchlike as torch

        root = self._d.sqrt().unsqueeze(-1)
        w = self._w / root
        inner = w @ w.mT + torch.eye(self._event_shape[0], dtype=w.dtype)
        return self._full(root * torch.linalg.cholesky(inner))

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self._full(self._w @ self._w.mT + self._d.diag_embed())

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """Its inverse."""
        a = self._whitening()
        return self._full(self._d.reciprocal().diag_embed() - a.mT @ a)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Values that gradients flow through."""
        import torchlike as torch

        shape, like = self._extended_shape(sample_shape), {"dtype": self.loc.dtype, "device": self.loc.device}
        inner = torch.randn((*shape[:-1], self.cov_factor.shape[-1]), **like)
        return self.loc + (self._w @ inner.unsqueeze(-1)).squeeze(-1) + self._d.sqrt() * torch.randn(shape, **like)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        away = self._mahalanobis(self._checked(value) - self.loc)
        return -0.5 * (self._event_shape[0] * math.log(2 * math.pi) + self._log_det() + away)

    def entropy(self) -> Tensor:
        """The entropy."""
        entropy = 0.5 * (self._event_shape[0] * (1.0 + math.log(2 * math.pi)) + self._log_det())
        return entropy.expand(tuple(self._batch_shape)) if self._batch_shape else entropy
