"""The Wishart distribution of positive definite matrices."""

from __future__ import annotations

import math
import warnings
from typing import Any

from torchlike.distributions import constraints
from torchlike.distributions.chi2 import Chi2
from torchlike.distributions.distribution import ExponentialFamily
from torchlike.distributions.utils import lazy_property
from torchlike.tensor import Tensor


class Wishart(ExponentialFamily):
    """The sum of x xᵀ over `df` normal vectors x of a `covariance_matrix`, its inverse or its factor `scale_tril`.

    `df` may be any number above the number of rows less 1. AssertionError unless exactly one of the three matrices is
    given, ValueError for a `df` too small. Draws by M. S. Bartlett's factor. Differs from PyTorch, which takes each of
    its samples for a singular one, warns, and returns a second draw: here the first is returned.
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0

    @property
    def arg_constraints(self) -> dict[str, Any]:  # type: ignore[override]
        """The bound of `df` depends on the size of the matrices."""
        return {
            "covariance_matrix": constraints.positive_definite, "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky, "df": constraints.greater_than(self.event_shape[-1] - 1),
        }  # fmt: skip

    def __init__(
        self, df: Any, covariance_matrix: Any = None, precision_matrix: Any = None, scale_tril: Any = None,
        validate_args: bool | None = None,
    ):  # fmt: skip
        import torchlike as torch

        given = {"covariance_matrix": covariance_matrix, "precision_matrix": precision_matrix, "scale_tril": scale_tril}
        given = {k: v for k, v in given.items() if v is not None}
        if len(given) != 1:
            raise AssertionError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
            )
        ((name, matrix),) = given.items()
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        batch, event = tuple(matrix.shape[:-2]), tuple(matrix.shape[-2:])
        if isinstance(df, Tensor):
            batch = tuple(torch.broadcast_shapes(batch, df.shape))
            self.df = df.expand(batch)
        else:
            self.df = torch.tensor(df, dtype=matrix.dtype, device=matrix.device)
        if bool((self.df <= event[-1] - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {event[-1] - 1}.")
        if bool((self.df < event[-1]).any()):
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < ndim.",
                stacklevel=2,
            )
        self.__dict__[name] = matrix.expand((*batch, -1, -1))
        super().__init__(batch, event, validate_args=validate_args)
        if name == "scale_tril":
            factor = matrix
        else:
            factor = torch.linalg.cholesky(matrix if name == "covariance_matrix" else torch.linalg.inv(matrix))
        self._unbroadcasted_scale_tril = factor
        self._dist_chi2 = self._chi2()

    def _chi2(self) -> Chi2:
        import torchlike as torch

        return Chi2(self.df.unsqueeze(-1) - torch.arange(self._event_shape[-1], dtype=self.df.dtype))

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to a larger batch shape."""
        new = self._get_checked_instance(Wishart, _instance)
        new._event_shape = self._event_shape
        return super().expand(batch_shape, new)

    def _expand_more(self, new: Any, batch_shape: Any) -> None:
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        new._dist_chi2 = new._chi2()

    def _full(self, x: Tensor) -> Tensor:
        return x.expand((*self._batch_shape, *self._event_shape))

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The lower triangular factor of the covariance."""
        return self._full(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance of the vectors."""
        factor = self._unbroadcasted_scale_tril
        return self._full(factor @ factor.mT)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """Its inverse."""
        import torchlike as torch

        return self._full(torch.cholesky_inverse(self._unbroadcasted_scale_tril))

    def _matrix(self, x: Tensor) -> Tensor:
        return x.reshape((*self._batch_shape, 1, 1))

    @property
    def mean(self) -> Tensor:
        """df times the covariance."""
        return self._matrix(self.df) * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        """(df - n - 1) times the covariance, nan unless that is positive."""
        import torchlike as torch

        factor = self.df - self._event_shape[-1] - 1
        return self._matrix(torch.where(factor <= 0, math.nan, factor)) * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        """The variance of each element."""
        v = self.covariance_matrix
        d = v.diagonal(dim1=-2, dim2=-1)
        return self._matrix(self.df) * (v.pow(2) + d.unsqueeze(-1) * d.unsqueeze(-2))

    def rsample(self, sample_shape: Any = (), max_try_correction: Any = None) -> Tensor:
        """Values that gradients flow through (reads the parameters: a barrier)."""
        import torchlike as torch

        n = self._event_shape[-1]
        roots = self._dist_chi2.rsample(sample_shape).sqrt()
        roots = roots.clamp(min=torch.finfo(roots.dtype).eps)
        below = torch.randn((*sample_shape, *self._batch_shape, n * (n - 1) // 2), dtype=roots.dtype)
        factor = roots.diag_embed()
        rows, columns = torch.tril_indices(n, n, offset=-1)
        factor[..., rows, columns] = below
        whole = self._unbroadcasted_scale_tril @ factor
        return whole @ whole.mT

    def _log_scale(self) -> Tensor:
        """n / 2 log 2 and half the logarithm of the covariance's determinant."""
        diagonal = self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1)
        return self._event_shape[-1] * math.log(2) / 2 + diagonal.log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        import torchlike as torch

        value, n = self._checked(value), self._event_shape[-1]
        trace = torch.cholesky_solve(value, self._unbroadcasted_scale_tril).diagonal(dim1=-2, dim2=-1).sum(-1)
        log_det = torch.linalg.slogdet(value).logabsdet
        return (
            -self.df * self._log_scale() - torch.mvlgamma(self.df / 2, n) + (self.df - n - 1) / 2 * log_det - trace / 2
        )

    def entropy(self) -> Tensor:
        """The entropy."""
        import torchlike as torch

        n, half = self._event_shape[-1], self.df / 2
        digammas = (half.unsqueeze(-1) - torch.arange(n, dtype=half.dtype) / 2).digamma().sum(-1)
        return (
            (n + 1) * self._log_scale() + torch.mvlgamma(half, n) - (self.df - n - 1) / 2 * digammas + self.df * n / 2
        )

    @property
    def _natural_params(self) -> tuple:
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x: Tensor, y: Tensor) -> Tensor:
        import torchlike as torch

        n = self._event_shape[-1]
        power = y + (n + 1) / 2
        return power * (math.log(2) * n - torch.linalg.slogdet(-2 * x).logabsdet) + torch.mvlgamma(power, n)
