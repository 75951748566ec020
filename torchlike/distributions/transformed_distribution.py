"""TransformedDistribution: a distribution seen through maps."""

from __future__ import annotations

from typing import Any

from torchlike.core.graph import no_grad
from torchlike.distributions import constraints
from torchlike.distributions.distribution import Distribution, finish
from torchlike.distributions.independent import Independent
from torchlike.distributions.transforms import ComposeTransform, Transform
from torchlike.tensor import Tensor


class TransformedDistribution(Distribution):
    """The distribution of `transforms[-1](...(x))` for `x` from `base_distribution`."""

    arg_constraints: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, base_distribution: Any, transforms: Any, validate_args: bool | None = None):
        if isinstance(transforms, Transform):
            transforms = [transforms]
        if not isinstance(transforms, list) or not all(isinstance(t, Transform) for t in transforms):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        self.transforms = transforms
        whole = ComposeTransform(transforms)
        base_shape = (*base_distribution.batch_shape, *base_distribution.event_shape)
        need = whole.domain.event_dim
        if len(base_shape) < need:
            raise ValueError(f"base_distribution needs to have shape with size at least {need}, but got {base_shape}.")
        shape = tuple(whole.forward_shape(base_shape))
        full = tuple(whole.inverse_shape(shape))
        if tuple(base_shape) != full:
            base_distribution = base_distribution.expand(full[: len(full) - len(base_distribution.event_shape)])
        missing = need - len(base_distribution.event_shape)
        self.base_dist = Independent(base_distribution, missing) if missing > 0 else base_distribution
        event = whole.codomain.event_dim + max(len(base_distribution.event_shape) - need, 0)
        cut = len(shape) - event
        super().__init__(shape[:cut], shape[cut:], validate_args=validate_args)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to a larger batch shape."""
        whole = ComposeTransform(self.transforms)
        base_shape = tuple(whole.inverse_shape((*batch_shape, *self._event_shape)))
        new = self._get_checked_instance(TransformedDistribution, _instance)
        new.transforms = self.transforms
        new.base_dist = self.base_dist.expand(base_shape[: len(base_shape) - len(self.base_dist.event_shape)])
        Distribution.__init__(new, batch_shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:  # type: ignore[override]
        """Where the last map ends."""
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        extra = len(self._event_shape) - support.event_dim
        return constraints.independent(support, extra) if extra > 0 else support

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """The base's."""
        return self.base_dist.has_rsample

    def _through(self, x: Tensor) -> Tensor:
        for t in self.transforms:
            x = t(x)
        return x

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Values, out of the graph."""
        with no_grad():
            return self._through(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = ()) -> Tensor:
        """Values that gradients flow through."""
        return self._through(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        self._checked(value)
        event, total, y = len(self._event_shape), 0.0, value
        for t in reversed(self.transforms):
            x = t.inv(y)
            event += t.domain.event_dim - t.codomain.event_dim
            total = total - finish(t.log_abs_det_jacobian(x, y), event - t.domain.event_dim)
            y = x
        return total + finish(self.base_dist.log_prob(y), event - len(self.base_dist.event_shape))

    def _sign(self) -> Any:
        sign: Any = 1
        for t in self.transforms:
            sign = sign * t.sign
        return sign

    def _turned(self, value: Tensor) -> Tensor:
        sign = self._sign()
        return value if isinstance(sign, int) and sign == 1 else sign * (value - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a value not larger, where the maps rise or fall."""
        for t in reversed(self.transforms):
            value = t.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._turned(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        """The value whose `cdf` is this."""
        return self._through(self.base_dist.icdf(self._turned(value)))
