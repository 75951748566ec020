"""The gamma function's logarithm, its derivatives, the incomplete gamma functions and the zeta function."""

from __future__ import annotations

import functools
import math

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, Scalar, op
from torchlike.ops.checks import check, need, not_two_numbers
from torchlike.ops.promotion import elementwise, promote_float, real_float, widely

# --- zeta -------------------------------------------------------------------------------------------------------------


@jax.custom_jvp
def _zeta(s, q):
    """Σₖ (q + k)⁻ˢ. For q < 0 and a whole s the terms below 0 are, but for the sign, a piece of another such sum:
    with f = q mod 1 and 1 - f in place of f it is ζ(s, 1 - f) - ζ(s, 1 - q). At the poles 0, -1, … it is infinite."""
    whole = s == jnp.floor(s)
    below = (q < 0) & whole
    f = jnp.where(below, q - jnp.floor(q), q)
    sign = jnp.where(s % 2 == 0, 1, -1).astype(q.dtype)
    mirrored = lax.zeta(s, jnp.where(below, 1 - f, 1)) - lax.zeta(s, jnp.where(below, 1 - q, 1))
    pole = (q <= 0) & (q == jnp.floor(q))
    value = jnp.where(pole, jnp.inf, lax.zeta(s, f) + jnp.where(below, sign * mirrored, 0))
    return jnp.where(s > 1, value, jnp.where(s == 1, jnp.inf, jnp.nan).astype(value.dtype))


@_zeta.defjvp
def _zeta_jvp(primals, tangents):
    """Towards q alone: there is no derivative towards s, and the op says so."""
    s, q = primals
    return _zeta(s, q), -s * _zeta(s + 1, q) * tangents[1]


def _zeta_name(template, avals) -> str:
    return f"SpecialZetaBackward{1 if avals[0].weak else 2 * avals[1].weak}"


@op("special.zeta", grad=_zeta_name, missing={0: "zeta"})
def zeta(input: Scalar, other: Scalar):
    """The Hurwitz zeta function Σₖ (other + k)**-input; not differentiable towards `input`."""
    not_two_numbers("special_zeta", input, other)
    s, q = jnp.broadcast_arrays(*elementwise(input, other, floating=True))
    real_float(s, "zeta_cpu", half=False)
    return _zeta(s, q)


# --- derivatives of the logarithm of gamma ----------------------------------------------------------------------------


@jax.custom_jvp
def _lgamma(x):
    y = widely(lax.lgamma)(x)
    return jnp.where((x == 1) | (x == 2), jnp.zeros_like(y), y)  # JAX leaves a rounding error there


@_lgamma.defjvp
def _lgamma_jvp(primals, tangents):
    return _lgamma(*primals), tangents[0] * _polygamma(0, *primals)


def _digamma(x):
    pole = x == 0
    return jnp.where(pole, jnp.copysign(jnp.inf, -x), lax.digamma(jnp.where(pole, 1, x)))


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _polygamma(n: int, x):
    """The derivative of order n of digamma: (-1)ⁿ⁺¹ n! ζ(n + 1, x)."""
    if n == 0:
        return widely(_digamma)(x)
    factor = (-1.0) ** (n + 1) * math.gamma(n + 1)
    return widely(lambda y: factor * jnp.where(y == jnp.inf, 0, _zeta(jnp.full_like(y, n + 1), y)))(x)


@_polygamma.defjvp
def _polygamma_jvp(n, primals, tangents):
    return _polygamma(n, *primals), tangents[0] * _polygamma(n + 1, *primals)


@op("*.lgamma", "*.lgamma_", "special.gammaln")
def lgamma(input: Array):
    """The logarithm of the absolute value of the gamma function."""
    return _lgamma(real_float(input, "lgamma_vml_cpu"))


@op("*.digamma", "*.digamma_", "special.digamma", "special.psi")
def digamma(input: Array):
    """The derivative of the logarithm of the gamma function."""
    return _polygamma(0, real_float(input, "digamma"))


def _derivative(n: int, x):
    check(n >= 0, "polygamma(n, x) does not support negative n.")
    return _polygamma(n, real_float(x, ("digamma", "trigamma", "polygamma")[min(n, 2)]))


@op("torch.polygamma", "special.polygamma")
def polygamma(n: int, input: Array):
    """The derivative of order n of `digamma`."""
    return _derivative(n, input)


@op("Tensor.polygamma", "Tensor.polygamma_", grad="PolygammaBackward0")
def own_polygamma(input: Array, n: int):
    """The derivative of order n of `digamma`."""
    return _derivative(n, input)


@op("*.mvlgamma", "Tensor.mvlgamma_", "special.multigammaln")
def mvlgamma(input: Array, p: int):
    """The logarithm of the multivariate gamma function of dimension p: p(p-1)/4 · log π + Σⱼ lgamma(x - j/2)."""
    check(p >= 1, "p has to be greater than or equal to 1")
    (x,) = promote_float(input)
    need(x, "arange_cpu", 2, 2)
    shifts = jnp.arange(p) / 2
    return widely(
        lambda y: jnp.sum(_lgamma(y[..., None] - shifts.astype(y.dtype)), -1) + p * (p - 1) / 4 * math.log(math.pi)
    )(x)


# --- incomplete -------------------------------------------------------------------------------------------------------


def _incomplete(name: str, upper: bool, text: str, *names: str) -> None:
    f = lax.igammac if upper else lax.igamma

    @jax.custom_jvp
    def value(a, x):
        # for an infinite a all the weight lies above any x
        return jnp.where(jnp.isinf(a) & (a > 0) & (x >= 0) & (x < jnp.inf), float(upper), widely(f)(a, x))

    @value.defjvp
    def rule(primals, tangents):
        a, x = primals
        density = jnp.exp((a - 1) * jnp.log(x) - x - _lgamma(a))
        return value(a, x), tangents[1] * (-density if upper else density)

    def body(input: Array, other: Array):
        a, x = jnp.broadcast_arrays(*elementwise(input, other))
        need(a, f"{name}_cpu", 2, 2)
        return value(a, x)

    body.__name__, body.__doc__ = name, text
    op(*names, missing={0: f"{name}: input"})(body)


_incomplete("igamma", False, "The regularised lower incomplete gamma function P(input, other); not differentiable "
            "towards `input`.", "*.igamma", "Tensor.igamma_", "special.gammainc")  # fmt: skip
_incomplete("igammac", True, "The regularised upper incomplete gamma function Q(input, other); not differentiable "
            "towards `input`.", "*.igammac", "Tensor.igammac_", "special.gammaincc")  # fmt: skip
