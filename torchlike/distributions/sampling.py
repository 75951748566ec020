"""Gamma and Dirichlet draws and how gradients flow through them.

Gradients are implicit:
dx/da = -(dF/da)(x; a) / f(x; a), M. Figurnov, S. Mohamed, A. Mnih, https://arxiv.org/abs/1805.08498.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.op import SLOT, Array, Op
from torchlike.core.variable import apply
from torchlike.drawing import draw
from torchlike.tensor import Tensor


@jax.custom_jvp
def _with_gamma_gradient(concentration, sample):
    return sample


@_with_gamma_gradient.defjvp
def _gamma_jvp(primals, tangents):
    concentration, sample = primals
    wide = jnp.promote_types(concentration.dtype, jnp.float32)
    slope = lax.random_gamma_grad(concentration.astype(wide), sample.astype(wide)).astype(sample.dtype)
    return sample, slope * tangents[0]


def _standard_gamma(input: Array, sample: Array):
    return _with_gamma_gradient(input, sample)


_STANDARD_GAMMA = Op("standard_gamma", _standard_gamma)


def standard_gamma(concentration: Tensor, generator: Any = None) -> Tensor:
    """A draw of Gamma(concentration, 1) for each element (reads them: a barrier); gradients flow through."""
    sample = draw(
        "gamma", tuple(concentration.shape), concentration, dtype=concentration.dtype.np, generator=generator,
        device=concentration.device,
    )  # fmt: skip
    return apply(_STANDARD_GAMMA, (SLOT, SLOT), [concentration, sample])


# --- Dirichlet --------------------------------------------------------------------------------------------------------

_h = 0.05
_k = np.arange(-75, 76) * _h
_nodes = 1 / (1 + np.exp(-np.pi * np.sinh(_k)))  # tanh-sinh quadrature on (0, 1)
_weights = _h * np.pi * np.cosh(_k) * _nodes * (1 / (1 + np.exp(np.pi * np.sinh(_k))))


def _beta_slope(x, a, b):
    """dx/da of a draw x of Beta(a, b): -(dI/da)(x) / pdf(x), by quadrature of the side on which x lies."""
    log_beta = lax.lgamma(a) + lax.lgamma(b) - lax.lgamma(a + b)
    low = x <= a / (a + b)
    p, q = jnp.where(low, a, b)[..., None], jnp.where(low, b, a)[..., None]
    end = jnp.where(low, x, 1 - x)[..., None]
    # the integral of t^(p-1) f(t) from 0 to `end` is end^p / p times that of f(end s^(1/p)) over s in (0, 1)
    log_s = jnp.log(jnp.asarray(_nodes)) / p
    t = end * jnp.exp(log_s)
    rest = jnp.log1p(-t)
    factor = jnp.where(low[..., None], jnp.log(end) + log_s, rest)
    body = jnp.exp((q - 1) * rest)
    scale = jnp.exp(p[..., 0] * jnp.log(end[..., 0]) - log_beta) / p[..., 0]
    whole = scale * jnp.sum(_weights * body, -1)
    moment = scale * jnp.sum(_weights * body * factor, -1)
    slope = moment - whole * (lax.digamma(a) - lax.digamma(a + b))
    log_pdf = (a - 1) * jnp.log(x) + (b - 1) * jnp.log1p(-x) - log_beta
    return jnp.where(low, -1.0, 1.0) * slope * jnp.exp(-log_pdf)


@jax.custom_jvp
def _with_dirichlet_gradient(concentration, sample):
    return sample


@_with_dirichlet_gradient.defjvp
def _dirichlet_jvp(primals, tangents):
    concentration, sample = primals
    a, x = concentration.astype(jnp.float64), sample.astype(jnp.float64)
    x = jnp.clip(x, 1e-300, 1 - 1e-16)
    slope = _beta_slope(x, a, a.sum(-1, keepdims=True) - a) / (1 - x)
    # a larger part i moves x_i up, and all parts down in proportion
    push = slope * tangents[0].astype(jnp.float64)
    return sample, (push - x * push.sum(-1, keepdims=True)).astype(sample.dtype)


def _dirichlet(input: Array, sample: Array):
    return _with_dirichlet_gradient(input, sample)


_DIRICHLET = Op("dirichlet", _dirichlet)


def dirichlet(concentration: Tensor, generator: Any = None) -> Tensor:
    """A draw of Dirichlet(concentration) for each row (reads the concentration: a barrier); gradients flow through."""
    sample = draw(
        "dirichlet", tuple(concentration.shape), concentration, dtype=concentration.dtype.np, generator=generator,
        device=concentration.device,
    )  # fmt: skip
    return apply(_DIRICHLET, (SLOT, SLOT), [concentration, sample])
