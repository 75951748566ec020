"""Orthogonal polynomials of degree n at x, element by element, for float32 and float64.

The degree may be a tensor too; its whole part counts, and a negative one gives 0. No gradients, as in PyTorch.
Inside the interval of orthogonality the Chebyshev polynomials are cosines, elsewhere all are computed by their
recurrences (https://dlmf.nist.gov/18.9), as many steps as the greatest degree asks for.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Scalar, op
from torchlike.ops.checks import not_two_numbers
from torchlike.ops.promotion import elementwise, real_float


def _recurrence(x, n, first, step):
    """p₀ = 1, p₁ = `first`, pₖ₊₁ = `step(k, pₖ, pₖ₋₁)`, each element up to its own degree."""

    def more(state):
        k, _, before = state[0], state[1], state[2]
        return jnp.any((k < n) & ~jnp.isnan(before))

    def advance(state):
        k, p, q = state
        go = k < n
        return k + 1, jnp.where(go, q, p), jnp.where(go, step(k.astype(x.dtype), q, p), q)

    one = jnp.ones_like(x)
    value = lax.while_loop(more, advance, (jnp.ones((), n.dtype), one, first))[2]
    return jnp.where(n < 0, 0, jnp.where(n == 0, one, value))


def _on_borders(x, n, value, at_one, at_minus_one):
    """`value` with the exact values at 1 and -1; even degrees first."""
    even = n % 2 == 0
    minus = jnp.where(even, *at_minus_one)
    exact = jnp.where(x == 1, at_one, jnp.where(x == -1, minus, value).astype(x.dtype))
    return jnp.where(n < 0, 0, exact.astype(x.dtype))


def _by_angle(x, n, f, first, borders):
    """A Chebyshev polynomial: f(θ, n) for x = cos θ inside (-1, 1) and high degrees, the recurrence elsewhere."""
    inside = (jnp.abs(x) < 1) & (n > 6)
    theta = jnp.arccos(jnp.where(inside, x, 0))
    slow = _recurrence(x, jnp.where(inside | (jnp.abs(x) == 1), 0, n), first, lambda k, q, p: 2 * x * q - p)
    return _on_borders(x, n, jnp.where(inside, f(theta, n.astype(x.dtype)), slow), *borders)


def _chebyshev_t(x, n):
    return _by_angle(x, n, lambda t, n: jnp.cos(n * t), x, (1, (1, -1)))


def _chebyshev_u(x, n):
    return _by_angle(x, n, lambda t, n: jnp.sin((n + 1) * t) / jnp.sin(t), 2 * x, (n + 1, (n + 1, -n - 1)))


def _chebyshev_v(x, n):
    borders = (1, (2 * n + 1, -2 * n - 1))
    return _by_angle(x, n, lambda t, n: jnp.cos((n + 0.5) * t) / jnp.cos(t / 2), 2 * x - 1, borders)


def _chebyshev_w(x, n):
    borders = (2 * n + 1, (1, -1))
    return _by_angle(x, n, lambda t, n: jnp.sin((n + 0.5) * t) / jnp.sin(t / 2), 2 * x + 1, borders)


def _limited(x, n, value):
    """Not a number for degrees at which the recurrence overflows whatever x is."""
    return jnp.where(n > (128 if x.dtype == jnp.float32 else 512), jnp.nan, value)


def _hermite_h(x, n):
    return _limited(x, n, _recurrence(x, n, 2 * x, lambda k, q, p: 2 * x * q - 2 * k * p))


def _hermite_he(x, n):
    return _limited(x, n, _recurrence(x, n, x, lambda k, q, p: x * q - k * p))


def _laguerre_l(x, n):
    value = _recurrence(x, n, 1 - x, lambda k, q, p: ((2 * k + 1 - x) * q - k * p) / (k + 1))
    return jnp.where((x == 0) & (n >= 0), 1, value)


def _legendre_p(x, n):
    value = _recurrence(x, n, x, lambda k, q, p: ((2 * k + 1) * x * q - k * p) / (k + 1))
    return _on_borders(x, n, value, 1, (1, -1))


def _shifted(f):
    return lambda x, n: f(2 * x - 1, n)


_POLYNOMIALS = {
    "chebyshev_polynomial_t": (_chebyshev_t, "The Chebyshev polynomial of the first kind Tₙ(x)."),
    "chebyshev_polynomial_u": (_chebyshev_u, "The Chebyshev polynomial of the second kind Uₙ(x)."),
    "chebyshev_polynomial_v": (_chebyshev_v, "The Chebyshev polynomial of the third kind Vₙ(x)."),
    "chebyshev_polynomial_w": (_chebyshev_w, "The Chebyshev polynomial of the fourth kind Wₙ(x)."),
    "hermite_polynomial_h": (_hermite_h, "The physicist's Hermite polynomial Hₙ(x)."),
    "hermite_polynomial_he": (_hermite_he, "The probabilist's Hermite polynomial Heₙ(x)."),
    "laguerre_polynomial_l": (_laguerre_l, "The Laguerre polynomial Lₙ(x)."),
    "legendre_polynomial_p": (_legendre_p, "The Legendre polynomial Pₙ(x)."),
    "shifted_chebyshev_polynomial_t": (_shifted(_chebyshev_t), "Tₙ(2x - 1), orthogonal on [0, 1]."),
    "shifted_chebyshev_polynomial_u": (_shifted(_chebyshev_u), "Uₙ(2x - 1), orthogonal on [0, 1]."),
    "shifted_chebyshev_polynomial_v": (_shifted(_chebyshev_v), "Vₙ(2x - 1), orthogonal on [0, 1]."),
    "shifted_chebyshev_polynomial_w": (_shifted(_chebyshev_w), "Wₙ(2x - 1), orthogonal on [0, 1]."),
}


def _file(name: str, f, text: str) -> None:
    def body(input: Scalar, n: Scalar):
        not_two_numbers(f"special_{name}", input, n)
        x, degree = jnp.broadcast_arrays(*elementwise(input, n, floating=True))
        real_float(x, f"{name}_cpu", half=False)
        return f(x, degree.astype(jnp.int64))

    body.__name__, body.__doc__ = name, f"{text} No gradient, as in PyTorch."
    op(f"special.{name}", differentiable=False)(body)


for _name, _entry in _POLYNOMIALS.items():
    _file(_name, *_entry)
