"""kl_divergence between different families: the cross entropy of p with q, less the entropy of p.

The cross entropy is minus the mean of q's log density over p. Most densities' logarithms are sums of a few functions of
x, so a formula stands here once for each q, in terms of those functions' means.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torchlike.distributions.bernoulli import Bernoulli
from torchlike.distributions.beta import Beta
from torchlike.distributions.continuous_bernoulli import ContinuousBernoulli
from torchlike.distributions.counts import Binomial
from torchlike.distributions.exponential import Exponential
from torchlike.distributions.gamma import Gamma
from torchlike.distributions.gumbel import Gumbel
from torchlike.distributions.kl import register_kl
from torchlike.distributions.laplace import Laplace
from torchlike.distributions.normal import Normal
from torchlike.distributions.pareto import Pareto
from torchlike.distributions.poisson import Poisson
from torchlike.distributions.uniform import Uniform
from torchlike.distributions.utils import euler_constant
from torchlike.tensor import Tensor


def _infinite(p: Any, q: Any) -> Tensor:
    """Infinity for every element of the batch, of the shape of p's parameters."""
    import torchlike as torch

    return torch.full(tuple(p.batch_shape), math.inf, dtype=p.mean.dtype, device=p.mean.device)


_BEYOND: tuple[tuple[type, tuple[type, ...]], ...] = (  # p may take values that q cannot
    (Beta, (Pareto,)),
    (ContinuousBernoulli, (Pareto,)),
    (Exponential, (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (Gamma, (Beta, ContinuousBernoulli, Pareto, Uniform)),
    (Gumbel, (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Laplace, (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Normal, (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform)),
    (Pareto, (Beta, ContinuousBernoulli, Uniform)),
    (Poisson, (Bernoulli, Binomial)),
)
for _kind, _others in _BEYOND:
    for _other in _others:
        register_kl(_kind, _other)(_infinite)


def _log_mean(p: Any) -> Tensor:
    """The mean of log x."""
    if isinstance(p, Beta):
        return p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    if isinstance(p, Exponential):
        return -euler_constant - p.rate.log()
    if isinstance(p, Pareto):
        return p.scale.log() + p.alpha.reciprocal()
    return (_x_log_x(p.high) - _x_log_x(p.low)) / (p.high - p.low) - 1


def _x_log_x(x: Tensor) -> Tensor:
    import torchlike as torch

    return torch.special.xlogy(x, x)


def _exp_mean(p: Any, loc: Tensor, scale: Tensor) -> Tensor:
    """The mean of exp(-(x - loc) / scale)."""
    if isinstance(p, Exponential):
        return (loc / scale).exp() * (p.rate * scale) / (p.rate * scale + 1)
    if isinstance(p, Gamma):
        return (loc / scale).exp() * (1 + (p.rate * scale).reciprocal()).pow(-p.concentration)
    if isinstance(p, Normal):
        return ((loc - p.loc) / scale + 0.5 * (p.scale / scale).pow(2)).exp()
    ends = ((loc - p.low) / scale).exp() - ((loc - p.high) / scale).exp()
    return scale / (p.high - p.low) * ends


def _normal(p: Any, q: Normal) -> Tensor:
    away = (p.variance + (p.mean - q.loc).pow(2)) / (2 * q.scale.pow(2))
    return 0.5 * math.log(2 * math.pi) + q.scale.log() + away


def _exponential(p: Any, q: Exponential) -> Tensor:
    return q.rate * p.mean - q.rate.log()


def _gamma(p: Any, q: Gamma) -> Tensor:
    a = q.concentration
    return a.lgamma() - a * q.rate.log() - (a - 1) * _log_mean(p) + q.rate * p.mean


def _gumbel(p: Any, q: Gumbel) -> Tensor:
    return q.scale.log() + (p.mean - q.loc) / q.scale + _exp_mean(p, q.loc, q.scale)


def _laplace(p: Normal, q: Laplace) -> Tensor:
    d = p.loc - q.loc
    away = math.sqrt(2 / math.pi) * p.scale * (-0.5 * (d / p.scale).pow(2)).exp()
    return (2 * q.scale).log() + (away + d * (math.sqrt(0.5) * d / p.scale).erf()) / q.scale


def _continuous_bernoulli(p: Any, q: ContinuousBernoulli) -> Tensor:
    return -p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()


def _uniform(p: Any, q: Uniform) -> Tensor:
    return (q.high - q.low).log()


def _beta(p: Uniform, q: Beta) -> Tensor:
    a, b = q.concentration1, q.concentration0
    scale = a.lgamma() + b.lgamma() - (a + b).lgamma()
    other = (_x_log_x(1 - p.low) - _x_log_x(1 - p.high)) / (p.high - p.low) - 1  # the mean of log(1 - x)
    return scale - (a - 1) * _log_mean(p) - (b - 1) * other


def _pareto(p: Uniform, q: Pareto) -> Tensor:
    return (q.alpha + 1) * _log_mean(p) - (q.alpha * q.scale.pow(q.alpha)).log()


def _poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return q.rate - p.probs * q.rate.log()


def _outside(p: Any, q: Any) -> Any:
    """Where p reaches over the ends of q; PyTorch draws the border in its own way for each pair."""
    if isinstance(p, Beta) and isinstance(q, Uniform):
        return (q.low > 0) | (q.high < 1)
    if isinstance(p, ContinuousBernoulli) and isinstance(q, Uniform):
        return (q.low >= 0) | (q.high <= 1)
    if isinstance(p, Uniform):
        if isinstance(q, Beta):
            return (p.high > 1) | (p.low < 0)
        if isinstance(q, ContinuousBernoulli):
            return (p.high >= 1) | (p.low <= 0)
        if isinstance(q, Exponential | Gamma):
            return p.low < 0
        if isinstance(q, Pareto):
            return p.low < q.scale
    if isinstance(p, Pareto):
        return p.alpha <= (2 if isinstance(q, Normal) else 1)
    return None


def _file(p_kind: type, q_kind: type, cross: Callable) -> None:
    @register_kl(p_kind, q_kind)
    def divergence(p: Any, q: Any) -> Tensor:
        result = cross(p, q) - p.entropy()
        outside = _outside(p, q)
        return result if outside is None else result.masked_fill(outside, math.inf)


_CROSS: tuple[tuple[tuple[type, ...], type, Callable], ...] = (
    ((Beta, ContinuousBernoulli, Exponential, Gamma, Gumbel, Laplace, Pareto, Uniform), Normal, _normal),
    ((Beta, ContinuousBernoulli, Gamma, Pareto, Uniform), Exponential, _exponential),
    ((Beta, Exponential, Pareto, Uniform), Gamma, _gamma),
    ((Exponential, Gamma, Normal, Uniform), Gumbel, _gumbel),
    ((Normal,), Laplace, _laplace),
    ((Beta, Uniform), ContinuousBernoulli, _continuous_bernoulli),
    ((Beta, ContinuousBernoulli), Uniform, _uniform),
    ((Uniform,), Beta, _beta),
    ((Uniform,), Pareto, _pareto),
    ((Bernoulli,), Poisson, _poisson),
)
for _kinds, _other, _cross in _CROSS:
    for _kind in _kinds:
        _file(_kind, _other, _cross)
