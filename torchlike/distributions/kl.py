"""kl_divergence: how far one distribution is from another, by formulas for pairs of families."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torchlike.distributions.bernoulli import Bernoulli
from torchlike.distributions.beta import Beta
from torchlike.distributions.categorical import Categorical
from torchlike.distributions.cauchy import Cauchy
from torchlike.distributions.continuous_bernoulli import ContinuousBernoulli
from torchlike.distributions.counts import Binomial
from torchlike.distributions.dirichlet import Dirichlet
from torchlike.distributions.distribution import Distribution, ExponentialFamily, finish
from torchlike.distributions.exponential import Exponential
from torchlike.distributions.gamma import Gamma
from torchlike.distributions.geometric import Geometric
from torchlike.distributions.gumbel import Gumbel
from torchlike.distributions.independent import Independent
from torchlike.distributions.laplace import Laplace
from torchlike.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from torchlike.distributions.made_of_normal import HalfNormal
from torchlike.distributions.multivariate_normal import MultivariateNormal
from torchlike.distributions.normal import Normal
from torchlike.distributions.one_hot_categorical import OneHotCategorical
from torchlike.distributions.pareto import Pareto
from torchlike.distributions.poisson import Poisson
from torchlike.distributions.transformed_distribution import TransformedDistribution
from torchlike.distributions.uniform import Uniform
from torchlike.distributions.utils import euler_constant
from torchlike.tensor import Tensor

__all__ = ["register_kl", "kl_divergence"]

_formulas: dict[tuple[type, type], Callable] = {}


def register_kl(type_p: type, type_q: type) -> Callable:
    """A decorator: `fn(p, q)` is the divergence of these families; subclasses included, the nearest pair counts."""
    for kind in (type_p, type_q):
        if not (isinstance(kind, type) and issubclass(kind, Distribution)):
            raise TypeError(f"Expected type_p to be a Distribution subclass but got {kind}")

    def file(fn: Callable) -> Callable:
        _formulas[type_p, type_q] = fn
        return fn

    return file


def _found(p: type, q: type) -> Callable | None:
    pairs = [(a, b) for a, b in _formulas if issubclass(p, a) and issubclass(q, b)]
    if not pairs:
        return None
    return _formulas[min(pairs, key=lambda ab: (p.__mro__.index(ab[0]) + q.__mro__.index(ab[1])))]


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """The integral of p log(p / q), for each element of the batch; NotImplementedError where no formula is known.

    >>> import torchlike as torch
    >>> from torchlike.distributions import Normal, kl_divergence
    >>> kl_divergence(Normal(0.0, 1.0), Normal(1.0, 1.0))
    tensor(0.5000)
    """
    fn = _found(type(p), type(q))
    if fn is None:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
        )
    return fn(p, q)


@register_kl(Normal, Normal)
def _(p: Any, q: Any) -> Tensor:
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _(p: Any, q: Any) -> Tensor:
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(TransformedDistribution, TransformedDistribution)
def _(p: Any, q: Any) -> Tensor:
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)


@register_kl(Independent, Independent)
def _(p: Any, q: Any) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return finish(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(Uniform, Uniform)
def _(p: Any, q: Any) -> Tensor:
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return result.masked_fill((q.low > p.low) | (q.high < p.high), math.inf)


@register_kl(Bernoulli, Bernoulli)
def _(p: Any, q: Any) -> Tensor:
    from torchlike.nn.functional import softplus

    first = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    first = first.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0)
    second = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    return first + second.masked_fill(q.probs == 1, math.inf).masked_fill(p.probs == 1, 0)


@register_kl(Categorical, Categorical)
def _(p: Any, q: Any) -> Tensor:
    t = p.probs * (p.logits - q.logits)
    t = t.masked_fill((q.probs == 0).expand(t.shape), math.inf)
    return t.masked_fill((p.probs == 0).expand(t.shape), 0).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _(p: Any, q: Any) -> Tensor:
    return kl_divergence(p._categorical, q._categorical)


@register_kl(Gamma, Gamma)
def _(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    return (
        b * (p.rate / q.rate).log() + b.lgamma() - a.lgamma() + (a - b) * a.digamma()
        + (q.rate - p.rate) * (a / p.rate)
    )  # fmt: skip


@register_kl(Exponential, Exponential)
def _(p: Any, q: Any) -> Tensor:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(Dirichlet, Dirichlet)
def _(p: Any, q: Any) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1)
    inner = (a - b) * (a.digamma() - total.digamma().unsqueeze(-1))
    return total.lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1) + inner.sum(-1)


@register_kl(Beta, Beta)
def _(p: Any, q: Any) -> Tensor:
    return kl_divergence(p._dirichlet, q._dirichlet)


@register_kl(Poisson, Poisson)
def _(p: Any, q: Any) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Geometric, Geometric)
def _(p: Any, q: Any) -> Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Laplace, Laplace)
def _(p: Any, q: Any) -> Tensor:
    ratio, d = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + d / q.scale + ratio * (-d / p.scale).exp() - 1


@register_kl(Cauchy, Cauchy)
def _(p: Any, q: Any) -> Tensor:
    return ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log() - (4 * p.scale * q.scale).log()


@register_kl(Gumbel, Gumbel)
def _(p: Any, q: Any) -> Tensor:
    ratio, d = p.scale / q.scale, (p.loc - q.loc) / q.scale
    return -ratio.log() + d + ratio * euler_constant + ((1 + ratio).lgamma() - d).exp() - (1 + euler_constant)


@register_kl(Binomial, Binomial)
def _(p: Any, q: Any) -> Tensor:
    if bool((p.total_count < q.total_count).any()):
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    kl = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    return kl.masked_fill(p.total_count > q.total_count, math.inf)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _(p: Any, q: Any) -> Tensor:
    mine, theirs = [d._cont_bern_log_norm() + (-d.probs).log1p() for d in (p, q)]
    return p.mean * (p.logits - q.logits) + mine - theirs


@register_kl(Pareto, Pareto)
def _(p: Any, q: Any) -> Tensor:
    ratio = q.alpha / p.alpha
    result = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return result.masked_fill(p.scale < q.scale, math.inf)


@register_kl(ExponentialFamily, ExponentialFamily)
def _(p: Any, q: Any) -> Tensor:
    """By the Bregman divergence of the log normalizers (F. Nielsen and R. Nock, https://arxiv.org/abs/1105.0807)."""
    import torchlike as torch

    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed using Bregman "
            "divergences"
        )
    mine = [t.detach().requires_grad_() for t in p._natural_params]
    normalizer = p._log_normalizer(*mine)
    slopes = torch.autograd.grad(normalizer.sum(), mine, create_graph=True)
    result, event = q._log_normalizer(*q._natural_params) - normalizer, len(q.event_shape)
    for a, b, slope in zip(mine, q._natural_params, slopes, strict=True):
        result = result - finish((b - a) * slope, min(event, (b - a).dim() - len(q.batch_shape)))
    return result


@register_kl(MultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _(p: Any, q: Any) -> Tensor:
    import torchlike as torch

    low = [isinstance(d, LowRankMultivariateNormal) for d in (p, q)]
    if p.event_shape != q.event_shape:
        which = "Low Rank " if all(low) else "(Low Rank) " if any(low) else ""
        gap = " " * 26 if any(low) else " "
        raise ValueError(
            f"KL-divergence between two {which}Multivariate Normals with{gap}different event shapes cannot be computed"
        )
    mine = p.scale_tril if low[0] else p._unbroadcasted_scale_tril
    d = q.loc - p.loc
    if low[1]:
        half, away = 0.5 * q._log_det(), q._mahalanobis(d)
        first = (mine / q._d.sqrt().unsqueeze(-1)).pow(2).sum((-2, -1))
        spread = first - (q._whitening() @ mine).pow(2).sum((-2, -1))
    else:
        theirs = q._unbroadcasted_scale_tril
        half = theirs.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        spread = torch.linalg.solve_triangular(theirs, mine, upper=False).pow(2).sum((-2, -1))
        away = torch.linalg.solve_triangular(theirs, d.unsqueeze(-1), upper=False).pow(2).sum((-2, -1))
    own = mine.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return half - own + 0.5 * (spread + away - p.event_shape[0])


import torchlike.distributions.kl_between  # noqa: E402, F401  which files the pairs of different families here
