"""The generalized Pareto distribution."""

from __future__ import annotations

import math
from typing import Any

from torchlike.distributions import constraints
from torchlike.distributions.distribution import Distribution
from torchlike.distributions.utils import broadcast_all
from torchlike.tensor import Tensor


class GeneralizedPareto(Distribution):
    """What lies above `loc`, with tails as heavy as `concentration` says.

    The exponential distribution for concentration 0, the uniform one for -1, Pareto's for loc = scale / concentration.
    """

    arg_constraints = {  # noqa: RUF012
        "loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real,
    }  # fmt: skip
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None):
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:  # type: ignore[override]
        """From `loc` on, up to an end for a negative concentration."""
        import torchlike as torch

        end = torch.where(self.concentration < 0, self.loc - self.scale / self.concentration, math.inf)
        return constraints.interval(self.loc, end)

    def _safe(self) -> tuple[Tensor, Tensor]:
        """(whether the concentration is 0, the concentration or 1)."""
        import torchlike as torch

        zero = torch.isclose(self.concentration, torch.zeros_like(self.concentration))
        return zero, torch.where(zero, 1.0, self.concentration)

    @property
    def mean(self) -> Tensor:
        """loc + scale / (1 - concentration), nan unless the concentration is below 1."""
        import torchlike as torch

        valid = self.concentration < 1
        return torch.where(valid, self.loc + self.scale / (1 - torch.where(valid, self.concentration, 0.5)), math.nan)

    @property
    def mode(self) -> Tensor:
        """`loc`."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The variance, nan unless the concentration is below a half."""
        import torchlike as torch

        valid = self.concentration < 0.5
        c = torch.where(valid, self.concentration, 0.25)
        return torch.where(valid, self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c)), math.nan)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Values that gradients flow through."""
        import torchlike as torch

        return self.icdf(torch.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype, device=self.loc.device))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        import torchlike as torch

        zero, c = self._safe()
        z = (self._checked(value) - self.loc) / self.scale
        power = 1 / c + torch.ones_like(z)
        tail = torch.where(power == 0, power, power * (c * z).log1p())
        return -self.scale.log() - torch.where(zero, z, tail)

    def log_survival_function(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of a larger value."""
        import torchlike as torch

        zero, c = self._safe()
        z = (self._checked(value) - self.loc) / self.scale
        return torch.where(zero, -z, -(c * z).log1p() / c)

    def log_cdf(self, value: Tensor) -> Tensor:
        """The logarithm of `cdf`."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a value not larger."""
        return self.log_cdf(value).exp()

    def icdf(self, value: Tensor) -> Tensor:
        """The value whose `cdf` is this."""
        import torchlike as torch

        zero, c = self._safe()
        rest = (-value).log1p()
        return torch.where(zero, self.loc - self.scale * rest, self.loc + self.scale / c * (-c * rest).expm1())

    def entropy(self) -> Tensor:
        """The entropy."""
        return (self.scale.log() + self.concentration + 1).expand(tuple(self._batch_shape))
