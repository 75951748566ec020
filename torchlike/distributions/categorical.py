"""The categorical distribution."""

from __future__ import annotations

from typing import Any

from torchlike.core.graph import no_grad
from torchlike.core.size import Size
from torchlike.distributions import constraints
from torchlike.distributions.binary import ProbsOrLogits
from torchlike.distributions.distribution import Distribution
from torchlike.tensor import Tensor


class Categorical(ProbsOrLogits, Distribution):
    """0 ... K-1 with probabilities along the last dimension of `probs` (made to sum to one) or of `logits`.

    >>> import torchlike as torch
    >>> torch.distributions.Categorical(torch.tensor([1.0, 3.0])).probs
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}  # noqa: RUF012
    has_enumerate_support = True
    _binary = False

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None):
        def prepare(x: Tensor) -> Tensor:
            if x.dim() < 1:
                name = "logits" if probs is None else "probs"
                raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
            return x / x.sum(-1, keepdim=True) if probs is not None else x - x.logsumexp(-1, keepdim=True)

        self._take(probs, logits, prepare)
        self._num_events = self._param.size()[-1]
        Distribution.__init__(self, self._param.size()[:-1], validate_args=validate_args)

    def _expand_more(self, new: Any, batch_shape: Any) -> None:
        super()._expand_more(new, batch_shape)
        new._num_events = self._num_events

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:  # type: ignore[override]
        """0 ... K-1."""
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        """NaN: categories have none."""
        return self.probs.new_full(self._extended_shape(), float("nan"))

    variance = mean

    @property
    def mode(self) -> Tensor:
        """The most likely category."""
        return self.probs.argmax(dim=-1)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Categories, int64."""
        import torchlike as torch

        sample_shape = Size(sample_shape)
        with no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            drawn = torch.multinomial(rows, sample_shape.numel(), True).T
            return drawn.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability."""
        import torchlike as torch

        value = self._checked(value).long().unsqueeze(-1)
        value, logits = torch.broadcast_tensors(value, self.logits)
        return logits.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Tensor:
        """The entropy."""
        import torchlike as torch

        logits = self.logits.clamp(min=torch.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 ... K-1."""
        import torchlike as torch

        values = torch.arange(self._num_events, dtype=torch.long, device=self._param.device)
        values = values.view((-1, *[1] * len(self._batch_shape)))
        return values.expand((-1, *self._batch_shape)) if expand else values
