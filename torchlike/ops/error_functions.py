"""The error function and its kin: the normal distribution, entropy, logarithms that allow a factor 0.

The approximation of erfcx is that of the Cephes Mathematical Library 2.8 (S. Moshier, 2000,
https://www.netlib.org/cephes/, ndtr.c).
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, Scalar, op
from torchlike.ops.bessel import polynomial
from torchlike.ops.checks import not_two_numbers
from torchlike.ops.promotion import elementwise, is_half, real_float, rounded, widely

_2_SQRT_PI = 2 / math.sqrt(math.pi)


@op("*.erf", "*.erf_", "special.erf")
def erf(input: Array):
    """The error function: 2/√π times the integral of exp(-t²) from 0 to x."""
    return lax.erf(real_float(input, "erf_vml_cpu"))


@op("*.erfc", "*.erfc_", "special.erfc")
def erfc(input: Array):
    """1 - erf(x), without cancellation."""
    return lax.erfc(real_float(input, "erfc_vml_cpu"))


# --- erfinv, ndtri ----------------------------------------------------------------------------------------------------


@jax.custom_jvp
def _erfinv(x):
    return widely(_erfinv_wide)(x)


def _erfinv_wide(x):
    # XLA's series loses digits near ±1, where the quantile of the normal distribution takes 1 - |x| as it is
    a = jnp.abs(x)
    tail = -jax.scipy.special.ndtri((1 - jnp.clip(a, 0.5, 1)) / 2) / math.sqrt(2)
    return jnp.where(a <= 0.5, lax.erf_inv(jnp.where(a <= 0.5, x, 0)), jnp.where(a > 1, jnp.nan, jnp.sign(x) * tail))


@_erfinv.defjvp
def _erfinv_jvp(primals, tangents):
    y = _erfinv(*primals)
    return y, tangents[0] * (jnp.exp(y * y) / _2_SQRT_PI)


@op("*.erfinv", "*.erfinv_", "special.erfinv")
def erfinv(input: Array):
    """The number whose error function is x."""
    return _erfinv(real_float(input, "erfinv_vml_cpu"))


@jax.custom_jvp
def _ndtri(p):
    inside = (p > 0) & (p < 1)
    edge = jnp.where(p == 0, -jnp.inf, jnp.where(p == 1, jnp.inf, jnp.nan)).astype(p.dtype)
    return jnp.where(inside, jax.scipy.special.ndtri(jnp.where(inside, p, 0.5)), edge)


@_ndtri.defjvp
def _ndtri_jvp(primals, tangents):
    y = _ndtri(*primals)
    return y, tangents[0] * (math.sqrt(2 * math.pi) * jnp.exp(y * y / 2))


@op("special.ndtri", grad="SpecialNdtriBackward0")
def ndtri(input: Array):
    """The quantile of the standard normal distribution: the inverse of `ndtr`."""
    return _ndtri(real_float(input, "ndtri_cpu", half=False))


# --- erfcx, ndtr ------------------------------------------------------------------------------------------------------

_NEAR = (
    (2.46196981473530512524e-10, 5.64189564831068821977e-1, 7.46321056442269912687, 4.86371970985681366614e1,
     1.96520832956077098242e2, 5.26445194995477358631e2, 9.34528527171957607540e2, 1.02755188689515710272e3,
     5.57535335369399327526e2),
    (1.0, 1.32281951154744992508e1, 8.67072140885989742329e1, 3.54937778887819891062e2, 9.75708501743205489753e2,
     1.82390916687909736289e3, 2.24633760818710981792e3, 1.65666309194161350182e3, 5.57535340817727675546e2),
)  # fmt: skip
_FAR = (
    (5.64189583547755073984e-1, 1.27536670759978104416, 5.01905042251180477414, 6.16021097993053585195,
     7.40974269950448939160, 2.97886665372100240670),
    (1.0, 2.26052863220117276590, 9.39603524938001434673, 1.20489539808096656605e1, 1.70814450747565897222e1,
     9.60896809063285878198, 3.36907645100081516050),
)  # fmt: skip


@jax.custom_jvp
def _erfcx(x):
    """exp(x²) erfc(x); the parts of the middle and the far interval are quotients of polynomials."""
    a = jnp.abs(x)
    middle, far = jnp.clip(a, 1, 8), jnp.clip(a, 8, 1e6)
    small = jnp.clip(x, -1, 1)
    series = jnp.exp(small * small) * lax.erfc(small)
    quotient = polynomial(middle, *_NEAR[0]) / polynomial(middle, *_NEAR[1])
    # beyond 10⁶ only the first term of the expansion, 1 / (x√π), is left
    tail = polynomial(far, *_FAR[0]) / polynomial(far, *_FAR[1])
    tail = jnp.where(a > 1e5, 1 / (jnp.where(a > 1e5, a, 1) * math.sqrt(math.pi)), tail)
    outside = jnp.where(a < 8, quotient, tail)
    mirrored = 2 * jnp.exp(x * x) - outside
    return jnp.where(a < 1, series, jnp.where(x < 0, mirrored, outside)) + jnp.where(x == x, 0, x)


@_erfcx.defjvp
def _erfcx_jvp(primals, tangents):
    (x,) = primals
    y = _erfcx(x)
    return y, tangents[0] * (2 * x * y - _2_SQRT_PI)


@op("special.erfcx", grad="SpecialErfcxBackward0")
def erfcx(input: Array):
    """exp(x²) · `erfc(x)`, without underflow."""
    return _erfcx(real_float(input, "erfcx_cpu", half=False))


@op("special.ndtr", grad="MulBackward1")
def ndtr(input: Array):
    """The probability that a standard normal number is at most x."""
    return widely(lambda x: lax.erfc(x * -math.sqrt(0.5)) / 2)(real_float(input, "erf_vml_cpu"))


@jax.custom_jvp
def _log_ndtr(x):
    t = x * math.sqrt(0.5)
    left = x < -1
    low, high = jnp.where(left, t, -1), jnp.where(left, 0, t)
    return jnp.where(left, jnp.log(_erfcx(-low) / 2) - low * low, jnp.log1p(-lax.erfc(high) / 2))


@_log_ndtr.defjvp
def _log_ndtr_jvp(primals, tangents):
    (x,) = primals
    return _log_ndtr(x), tangents[0] * (math.sqrt(2 / math.pi) / _erfcx(x * -math.sqrt(0.5)))


@op("special.log_ndtr", grad="SpecialLogNdtrBackward0")
def log_ndtr(input: Array):
    """log(ndtr(x)), without underflow."""
    return _log_ndtr(real_float(input, "log_ndtr_cpu", half=False))


# --- with logarithms --------------------------------------------------------------------------------------------------


@jax.custom_jvp
def _entr(x):
    positive = x > 0
    value = jnp.where(positive, -x * jnp.log(jnp.where(positive, x, 1)), jnp.where(x < 0, -jnp.inf, 0).astype(x.dtype))
    return jnp.where(x == x, value, x)


@_entr.defjvp
def _entr_jvp(primals, tangents):
    (x,) = primals
    return _entr(x), tangents[0] * (-jnp.log(x) - 1)


@op("special.entr", grad="SpecialEntrBackward0")
def entr(input: Array):
    """-x · log(x), 0 at 0 and -∞ below."""
    return widely(_entr)(real_float(input, "entr_cpu"))


def _two_sided(name: str):
    return lambda template, avals: f"{name}Backward{1 if avals[0].weak else 2 * avals[1].weak}"


def _x_times_log(name: str, log, slope, lowest: float):
    """x · log(y) that is 0 where x is 0 (and y a number); `slope(y)` is the derivative of log, y > `lowest` its
    domain."""

    @jax.custom_jvp
    def value(x, y):
        zero = (x == 0) & (y == y)
        return jnp.where(zero, 0, x * _stepwise(log, jnp.where(zero, 1, y)))

    @value.defjvp
    def rule(primals, tangents):
        (x, y), (d_x, d_y) = primals, tangents
        zero = (x == 0) & (y <= lowest)
        return value(x, y), d_x * jnp.where(zero, 0, log(jnp.where(zero, 1, y))) + d_y * (x * slope(y))

    def apply(x, y):
        not_two_numbers(name if name == "xlogy" else f"special_{name}", x, y)
        x, y = elementwise(x, y, floating=True)
        real_float(x, f"{name}_cpu")
        return value(*jnp.broadcast_arrays(x, y))

    return apply


def _stepwise(log, y):
    """The logarithm rounded to half precision where its argument is that, as PyTorch rounds it before it multiplies."""
    if not is_half(y.dtype):
        return log(y)
    return rounded(log(y.astype(jnp.float32)), y.dtype).astype(y.dtype)


_xlogy = _x_times_log("xlogy", jnp.log, lambda y: 1 / y, 0)
_xlog1py = _x_times_log("xlog1py", jnp.log1p, lambda y: 1 / (1 + y), -1)


@op("*.xlogy", "*.xlogy_", "special.xlogy", grad=_two_sided("Xlogy"))
def xlogy(input: Scalar, other: Scalar):
    """input · log(other), and 0 where input is 0."""
    return _xlogy(input, other)


@op("special.xlog1py", grad=_two_sided("SpecialXlog1Py"))
def xlog1py(input: Scalar, other: Scalar):
    """input · log(1 + other), and 0 where input is 0."""
    return _xlog1py(input, other)
