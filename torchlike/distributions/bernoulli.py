"""The Bernoulli distribution."""

from __future__ import annotations

from typing import Any

from torchlike.core.graph import no_grad
from torchlike.distributions import constraints
from torchlike.distributions.binary import ProbsOrLogits
from torchlike.distributions.distribution import ExponentialFamily
from torchlike.distributions.utils import broadcast_all
from torchlike.tensor import Tensor


class Bernoulli(ProbsOrLogits, ExponentialFamily):
    """1 with probability `probs` (or odds of logarithm `logits`), otherwise 0."""

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}  # noqa: RUF012
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None):
        self._take(probs, logits, lambda x: broadcast_all(x)[0])
        ExponentialFamily.__init__(self, self._param.size(), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        """`probs`."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """1 or 0; NaN where both are equally likely."""
        mode = (self.probs >= 0.5).to(self.probs)
        return mode.masked_fill(self.probs == 0.5, float("nan"))

    @property
    def variance(self) -> Tensor:
        """p (1 - p)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Zeros and ones."""
        import torchlike as torch

        with no_grad():
            return torch.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability."""
        from torchlike.nn.functional import binary_cross_entropy_with_logits

        logits, value = broadcast_all(self.logits, self._checked(value))
        return -binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        """The entropy."""
        from torchlike.nn.functional import binary_cross_entropy_with_logits

        return binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 and 1."""
        import torchlike as torch

        values = torch.arange(2, dtype=self._param.dtype, device=self._param.device)
        values = values.view((-1, *[1] * len(self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values
