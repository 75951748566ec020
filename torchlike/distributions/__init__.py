"""torch.distributions: families of probability distributions with samples, densities, entropies and divergences.

Under one seed the samples are PyTorch's. Parameters and values are checked (a barrier) unless `validate_args=False`.
"""

import importlib as _importlib

from torchlike.distributions import constraints as constraints
from torchlike.distributions import kl as kl
from torchlike.distributions import transforms as transforms
from torchlike.distributions import utils as utils
from torchlike.distributions.bernoulli import Bernoulli as Bernoulli
from torchlike.distributions.beta import Beta as Beta
from torchlike.distributions.categorical import Categorical as Categorical
from torchlike.distributions.cauchy import Cauchy as Cauchy
from torchlike.distributions.chi2 import Chi2 as Chi2
from torchlike.distributions.constraint_registry import biject_to as biject_to
from torchlike.distributions.constraint_registry import transform_to as transform_to
from torchlike.distributions.continuous_bernoulli import ContinuousBernoulli as ContinuousBernoulli
from torchlike.distributions.counts import Binomial as Binomial
from torchlike.distributions.counts import Multinomial as Multinomial
from torchlike.distributions.counts import NegativeBinomial as NegativeBinomial
from torchlike.distributions.dirichlet import Dirichlet as Dirichlet
from torchlike.distributions.distribution import Distribution as Distribution
from torchlike.distributions.distribution import ExponentialFamily as ExponentialFamily
from torchlike.distributions.exponential import Exponential as Exponential
from torchlike.distributions.fishersnedecor import FisherSnedecor as FisherSnedecor
from torchlike.distributions.gamma import Gamma as Gamma
from torchlike.distributions.generalized_pareto import GeneralizedPareto as GeneralizedPareto
from torchlike.distributions.geometric import Geometric as Geometric
from torchlike.distributions.gumbel import Gumbel as Gumbel
from torchlike.distributions.half_cauchy import HalfCauchy as HalfCauchy
from torchlike.distributions.independent import Independent as Independent
from torchlike.distributions.inverse_gamma import InverseGamma as InverseGamma
from torchlike.distributions.kl import kl_divergence as kl_divergence
from torchlike.distributions.kl import register_kl as register_kl
from torchlike.distributions.kumaraswamy import Kumaraswamy as Kumaraswamy
from torchlike.distributions.laplace import Laplace as Laplace
from torchlike.distributions.lkj_cholesky import LKJCholesky as LKJCholesky
from torchlike.distributions.logistic_normal import LogisticNormal as LogisticNormal
from torchlike.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal as LowRankMultivariateNormal
from torchlike.distributions.made_of_normal import HalfNormal as HalfNormal
from torchlike.distributions.made_of_normal import LogNormal as LogNormal
from torchlike.distributions.mixture_same_family import MixtureSameFamily as MixtureSameFamily
from torchlike.distributions.multivariate_normal import MultivariateNormal as MultivariateNormal
from torchlike.distributions.normal import Normal as Normal
from torchlike.distributions.one_hot_categorical import OneHotCategorical as OneHotCategorical
from torchlike.distributions.one_hot_categorical import (
    OneHotCategoricalStraightThrough as OneHotCategoricalStraightThrough,
)
from torchlike.distributions.pareto import Pareto as Pareto
from torchlike.distributions.poisson import Poisson as Poisson
from torchlike.distributions.relaxed import RelaxedBernoulli as RelaxedBernoulli
from torchlike.distributions.relaxed import RelaxedOneHotCategorical as RelaxedOneHotCategorical
from torchlike.distributions.studentT import StudentT as StudentT
from torchlike.distributions.transformed_distribution import TransformedDistribution as TransformedDistribution
from torchlike.distributions.transforms import *  # noqa: F403
from torchlike.distributions.uniform import Uniform as Uniform
from torchlike.distributions.von_mises import VonMises as VonMises
from torchlike.distributions.weibull import Weibull as Weibull
from torchlike.distributions.wishart import Wishart as Wishart

_PLACES = ("binomial", "half_normal", "log_normal", "multinomial", "negative_binomial", "relaxed_bernoulli",
           "relaxed_categorical")  # fmt: skip


def __getattr__(name: str):
    if name in _PLACES:
        return _importlib.import_module(f"torchlike.distributions.{name}")
    raise AttributeError(f"module 'torch.distributions' has no attribute '{name}'")
