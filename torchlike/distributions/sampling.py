"""Gamma and Dirichlet draws, number for number those of PyTorch's CPU generator, and how gradients flow through them.

Gamma by G. Marsaglia and W. Tsang, A Simple Method for Generating Gamma Variables (2000). Gradients are implicit:
dx/da = -(dF/da)(x; a) / f(x; a), M. Figurnov, S. Mohamed, A. Mnih, https://arxiv.org/abs/1805.08498.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core import random as _random
from torchlike.core.op import SLOT, Array, Op
from torchlike.core.variable import apply
from torchlike.random import draw
from torchlike.tensor import Tensor


class _Stream:
    """Uniform and normal doubles one by one. Words are taken in blocks, and the generator is set to what was used."""

    def __init__(self, g: _random.Generator):
        self.g, self.start, self.used = g, g.get_state(), 0
        self.block: list[float] = []
        self.cached = g._cached_normal

    def uniform(self) -> float:
        """In [0, 1)."""
        if not self.block:
            self.block = self.g._uniform64(1024)[::-1].tolist()
        self.used += 1
        return self.block.pop()

    def normal(self) -> float:
        """Of mean 0 and variance 1: Box and Muller's pairs, of which the second half waits for the next call."""
        if self.cached is not None:
            value, self.cached = self.cached, None
            return value
        angle, radius = 2 * math.pi * self.uniform(), self.uniform()
        radius = math.sqrt(-2 * math.log1p(-radius))
        self.cached = radius * math.sin(angle)
        return radius * math.cos(angle)

    def close(self) -> None:
        """Leave the generator where PyTorch's would be."""
        self.g.set_state(self.start)
        if self.used:
            self.g.random64(self.used)
        self.g._cached_normal = self.cached


def _gamma(alpha: float, stream: _Stream) -> float:
    scale = 1.0
    if alpha < 1:
        if alpha == 0:
            return 0.0
        scale = (1 - stream.uniform()) ** (1 / alpha)
        alpha += 1
    d = alpha - 1 / 3
    c = 1 / math.sqrt(9 * d)
    while True:
        y = 0.0
        while y <= 0:
            x = stream.normal()
            y = 1 + c * x
        v = y * y * y
        u = 1 - stream.uniform()
        if u < 1 - 0.0331 * x**4 or math.log(u) < 0.5 * x * x + d * (1 - v + math.log(v)):
            return scale * d * v


def gammas(g: _random.Generator, alphas: np.ndarray) -> np.ndarray:
    """One draw of Gamma(alpha, 1) for each element, as float64."""
    stream = _Stream(g)
    made = [_gamma(a, stream) for a in alphas.astype(np.float64).ravel().tolist()]
    stream.close()
    return np.array(made, np.float64).reshape(alphas.shape)


def _tiny(dtype: np.dtype) -> Any:
    return jnp.finfo(dtype).tiny


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
    alphas, d = concentration.detach()._host(), concentration.dtype.np
    sample = draw(lambda g: np.maximum(gammas(g, alphas).astype(d), _tiny(d)), generator, concentration.device)
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
    alphas, d = concentration.detach()._host(), concentration.dtype.np

    def sample(g: _random.Generator) -> np.ndarray:
        parts = gammas(g, alphas)
        return np.maximum((parts / parts.sum(-1, keepdims=True)).astype(d), _tiny(d))

    return apply(_DIRICHLET, (SLOT, SLOT), [concentration, draw(sample, generator, concentration.device)])
