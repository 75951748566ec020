"""The gamma distribution, and chi squared."""

from __future__ import annotations

from typing import Any

from torchlike.distributions import constraints
from torchlike.distributions.distribution import ExponentialFamily
from torchlike.distributions.sampling import standard_gamma
from torchlike.distributions.utils import broadcast_all
from torchlike.tensor import Tensor


class Gamma(ExponentialFamily):
    """The gamma distribution of shape `concentration` and inverse scale `rate`."""

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}  # noqa: RUF012
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None):
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """concentration / rate."""
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        """(concentration - 1) / rate, not below 0."""
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        """concentration / rate²."""
        return self.concentration / self.rate.pow(2)

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Values that gradients flow through (reads the concentration: a barrier)."""
        import torchlike as torch

        shape = self._extended_shape(sample_shape)
        value = standard_gamma(self.concentration.expand(shape)) / self.rate.expand(shape)
        return value.clamp(min=torch.finfo(value.dtype).tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        import torchlike as torch

        a, value = self.concentration, torch.as_tensor(value, dtype=self.rate.dtype, device=self.rate.device)
        self._checked(value)
        return torch.xlogy(a, self.rate) + torch.xlogy(a - 1, value) - self.rate * value - torch.lgamma(a)

    def entropy(self) -> Tensor:
        """The entropy."""
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1.0 - a) * a.digamma()

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a value not larger."""
        import torchlike as torch

        self._checked(value)
        special: Any = torch.special
        return special.gammainc(self.concentration, self.rate * value)
