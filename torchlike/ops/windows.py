"""Window functions on the array side: n points of each, computed in double precision and rounded once.

Every function takes the number of points and the distance that spans the window: n - 1 if it is symmetric, n if it is
one period of a periodic one.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from torchlike.core.op import Op, Scalar


def _cosines(k, span, coefficients):
    """a0 - a1 cos(2πk/span) + a2 cos(4πk/span) - …"""
    return sum((-1) ** i * a * jnp.cos(2 * np.pi * i * k / span) for i, a in enumerate(coefficients))


def _bartlett(k, span):
    return 1 - jnp.abs(2 * k / span - 1)


def _cosine(k, span):
    return jnp.sin(np.pi * (k + 0.5) / (span + 1))


def _exponential(k, span, center, tau):
    return jnp.exp(-jnp.abs(k - center) / tau)


def _gaussian(k, span, std):
    return jnp.exp(-(((k - span / 2) / std) ** 2) / 2)


def _kaiser(k, span, beta):
    inside = jnp.maximum(1 - (2 * k / span - 1) ** 2, 0)
    # both Bessel functions without their factor exp(|x|), so that a large beta does not overflow
    x, beta = beta * jnp.sqrt(inside), jnp.abs(beta)
    return jnp.exp(jnp.abs(x) - beta) * jax.scipy.special.i0e(x) / jax.scipy.special.i0e(beta)


_SHAPES: dict[str, Any] = {"bartlett": _bartlett, "cosine": _cosine, "exponential": _exponential, "gaussian": _gaussian,
           "kaiser": _kaiser}  # fmt: skip


def _window(shape: str, n: int, periodic: bool, dtype, a: Scalar = 0.0, b: Scalar = 0.0, cosines: tuple = ()):
    if n == 1:
        return jnp.ones(1, dtype.np)
    k = jnp.arange(n, dtype=jnp.float64)
    span = n if periodic else n - 1
    if shape == "cosines":
        return jnp.asarray(_cosines(k, span, cosines), dtype.np)
    numbers = {"exponential": (a, b), "gaussian": (a,), "kaiser": (a,)}.get(shape, ())
    return _SHAPES[shape](k, span, *[jnp.asarray(x, jnp.float64) for x in numbers]).astype(dtype.np)


WINDOW = Op("window", _window)
