"""Functions of one number, element by element: the table of those that JAX has, then those with rules of their own.

Integers give the default floating type unless the text says otherwise.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.dtype import category
from torchlike.core.op import SLOT, Array, Scalar, composite, op
from torchlike.core.variable import apply
from torchlike.ops.checks import check, need, word
from torchlike.ops.promotion import elementwise, promote_float, result_type, widely


def _in_double(f):
    """f computed in double and rounded, where float32's quotient of logarithms would miss whole powers."""

    def exact(x):
        return f(x.astype(jnp.float64)).astype(x.dtype) if category(x.dtype) == 2 else f(x)

    return exact


def _sigmoid(x):
    if category(x.dtype) < 3:
        return jax.nn.sigmoid(x)
    sure = jnp.isposinf(x.real)  # whatever the imaginary part: C's exp(-inf + iy) is 0, XLA's not a number
    return jnp.where(sure, 1, jax.nn.sigmoid(jnp.where(sure, 0, x)))


def _rsqrt(x):
    # XLA's own of an infinite complex number is 0 even where the number is none
    return lax.rsqrt(x) if category(x.dtype) < 3 else jnp.reciprocal(jnp.sqrt(x))


_FLOATING: dict[str, tuple] = {
    "acos": (jnp.arccos, "The angle in [0, π] whose cosine is x.", "arccos"),
    "acosh": (jnp.arccosh, "The number at least 0 whose hyperbolic cosine is x.", "arccosh"),
    "asin": (jnp.arcsin, "The angle in [-π/2, π/2] whose sine is x.", "arcsin"),
    "asinh": (jnp.arcsinh, "The number whose hyperbolic sine is x.", "arcsinh"),
    "atan": (jnp.arctan, "The angle in [-π/2, π/2] whose tangent is x.", "arctan"),
    "atanh": (jnp.arctanh, "The number whose hyperbolic tangent is x.", "arctanh"),
    "cos": (jnp.cos, "The cosine of x, x in radians."),
    "cosh": (jnp.cosh, "The hyperbolic cosine of x."),
    "deg2rad": (lambda x: x * (math.pi / 180), "Degrees as radians."),
    "exp": (jnp.exp, "e to the power of x."),
    "exp2": (jnp.exp2, "2 to the power of x.", "special.exp2"),
    "expm1": (jnp.expm1, "exp(x) - 1, without cancellation.", "special.expm1"),
    "log": (jnp.log, "The natural logarithm."),
    "log10": (_in_double(jnp.log10), "The logarithm to base 10."),
    "log1p": (jnp.log1p, "log(1 + x), without cancellation.", "special.log1p"),
    "log2": (_in_double(jnp.log2), "The logarithm to base 2."),
    "rad2deg": (lambda x: x * (180 / math.pi), "Radians as degrees."),
    "reciprocal": (jnp.reciprocal, "1 / x."),
    "rsqrt": (_rsqrt, "1 / √x."),
    "sigmoid": (_sigmoid, "1 / (1 + exp(-x)).", "special.expit"),
    "sin": (jnp.sin, "The sine of x, x in radians."),
    "sinc": (jnp.sinc, "sin(πx) / (πx), and 1 at 0.", "special.sinc"),
    "sinh": (jnp.sinh, "The hyperbolic sine of x."),
    "sqrt": (jnp.sqrt, "The square root of x."),
    "tan": (jnp.tan, "The tangent of x, x in radians."),
    "tanh": (jnp.tanh, "The hyperbolic tangent of x."),
}
"""Name: the function of a floating (or complex) array, what it is, and further names."""

def _file(name: str, f, text: str, *others: str) -> None:
    def body(input: Array):
        if name in ("deg2rad", "rad2deg"):
            check(not jnp.iscomplexobj(input), f"{name} is not supported for complex tensors.")
        return widely(f)(*promote_float(input))

    body.__name__, body.__doc__ = name, text
    names = [f"*.{n}{end}" for n in (name, *others) if "." not in n for end in ("", "_")]
    op(*names, *[n for n in others if "." in n])(body)


for _name, _entry in _FLOATING.items():
    _file(_name, *_entry)


# --- signs and absolute values ----------------------------------------------------------------------------------------


@op("*.neg", "*.negative", "*.neg_", "*.negative_", "Tensor.__neg__")
def neg(input: Array):
    """-x."""
    check(
        input.dtype != bool,
        "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the "
        "`~` or `logical_not()` operator instead.",
    )
    return -input


@composite("*.positive", "Tensor.__pos__")
def positive(input):
    """The tensor itself."""
    check(input._aval().dtype != bool, "The `+` operator, on a bool tensor is not supported.")
    return input


def inert(x):
    """x; what is not a number comes through, but without a gradient, as from PyTorch's kernels that compare."""
    return jnp.where(x != x, lax.stop_gradient(x), x) if category(x.dtype) == 2 else x


def magnitude(x):
    """|x| with derivative 0 at 0, where that of `jnp.abs` is 1, and where x is not a number."""
    return jnp.abs(x) if jnp.iscomplexobj(x) or category(x.dtype) < 2 else _magnitude(x)


@jax.custom_jvp
def _magnitude(x):
    return jnp.abs(x)


@_magnitude.defjvp
def _magnitude_jvp(primals, tangents):
    (x,) = primals
    return _magnitude(x), tangents[0] * jnp.where(x != x, 0, lax.sign(x))


def _sign(x):
    """As a difference of comparisons, so that what is not a number gives 0."""
    return ((x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)) if category(x.dtype) else x


@op("*.abs", "*.absolute", "*.abs_", "Tensor.absolute_", "Tensor.__abs__")
def abs(input: Array):
    """|x|, with gradient 0 at 0; of complex numbers their length."""
    need(input, "abs_cpu", 1)
    return magnitude(input)


@op("*.sign", "Tensor.sign_")
def sign(input: Array):
    """-1, 0 or 1."""
    check(
        not jnp.iscomplexobj(input),
        "Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead.",
        NotImplementedError,
    )
    return _sign(input)


@op("*.sgn", "Tensor.sgn_")
def sgn(input: Array):
    """The sign of x; of complex numbers x / |x|, and 0 at 0."""
    if not jnp.iscomplexobj(input):
        return _sign(input)
    length = jnp.abs(input)
    return jnp.where(length == 0, 0, input / jnp.where(length == 0, 1, length))


@op("*.signbit", differentiable=False)
def signbit(input: Array):
    """Whether the sign bit is set: also for -0.0."""
    check(not jnp.iscomplexobj(input), "signbit is not implemented for complex tensors.", NotImplementedError)
    return jnp.signbit(input) if category(input.dtype) == 2 else input < jnp.zeros((), input.dtype)


@op("*.angle")
def angle(input: Array):
    """The argument of complex numbers in radians; of real ones 0 or, where negative, π."""
    (x,) = promote_float(input)
    if category(x.dtype) == 3:
        return jnp.angle(x)
    turned = jnp.where(x < 0, jnp.asarray(math.pi, x.dtype), jnp.zeros((), x.dtype))
    return lax.stop_gradient(jnp.where(x != x, x, turned))


@op("Tensor.conj_physical_", grad="ConjBackward0")
def conj_(input: Array):
    """The complex conjugate, written into the tensor."""
    return jnp.conj(input)


@composite("*.conj", "*.conj_physical")
def conj(input):
    """The complex conjugate; a real tensor itself. Differs from PyTorch: the conjugate is no view."""
    return apply(conj_.op, (SLOT,), [input]) if input.dtype.is_complex else input


@op("torch.complex")
def complex(real: Array, imag: Array):
    """Complex numbers from their parts, both of one floating type."""
    check(
        category(real.dtype) == category(imag.dtype) == 2,
        f"Expected both inputs to be Half, Float or Double tensors but got {word(real)} and {word(imag)}",
    )
    check(
        real.dtype == imag.dtype,
        f"Expected object of scalar type {word(real)} but got scalar type {word(imag)} for second argument",
    )
    return lax.complex(*jnp.broadcast_arrays(*elementwise(real, imag)))


complex.op.exact = True


@op("torch.polar")
def polar(abs: Array, angle: Array):
    """Complex numbers from their lengths and angles."""
    return complex(abs * jnp.cos(angle), abs * jnp.sin(angle))


# --- rounding ---------------------------------------------------------------------------------------------------------


def _rounding(name: str, f, text: str, *others: str) -> None:
    def body(input: Array):
        check(name == "round" or not jnp.iscomplexobj(input), f"{name} is not supported for complex inputs",
              NotImplementedError)  # fmt: skip
        need(input, f"{name}_vml_cpu", 1, 2)
        return f(input) if category(input.dtype) == 2 else input

    body.__name__, body.__doc__ = name, text
    op(*[f"*.{n}{end}" for n in (name, *others) for end in ("", "_")])(body)


_rounding("floor", jnp.floor, "The greatest integer that is not above x; integers stay as they are.")
_rounding("ceil", jnp.ceil, "The least integer that is not below x; integers stay as they are.")
_rounding("trunc", jnp.trunc, "x rounded towards 0; integers stay as they are.", "fix")


@op("*.round", "*.round_", "special.round", grad=lambda template, avals: f"RoundBackward{int(bool(template[1]))}")
def round(input: Array, *, decimals: int = 0):
    """x rounded to the nearest number of so many decimals, halves to the even one; integers stay as they are."""
    if not decimals:
        need(input, "round_vml_cpu", 1, 2)
        return jnp.round(input) if category(input.dtype) == 2 else input
    need(input, "round_cpu", 2, 2)
    scale = jnp.asarray(10.0 ** np.abs(decimals), input.dtype)
    return jnp.round(input * scale) / scale if decimals > 0 else jnp.round(input / scale) * scale


@op("*.frac", "*.frac_")
def frac(input: Array):
    """x - trunc(x)."""
    need(input, "frac_cpu", 2, 2)
    return input - jnp.trunc(input)


# --- powers and repairs -----------------------------------------------------------------------------------------------


@op("*.square", "*.square_", grad="PowBackward0")
def square(input: Array):
    """x · x."""
    return lax.square(input.astype(jnp.int64) if input.dtype == bool else input)


@op("*.logit", "*.logit_", "special.logit")
def logit(input: Array, eps: float | None = None):
    """log(x / (1 - x)), with x held between eps and 1 - eps if that is given."""
    (x,) = promote_float(input)
    if eps is not None:
        x = jnp.where(x < eps, jnp.asarray(eps, x.dtype), jnp.where(x > 1 - eps, jnp.asarray(1 - eps, x.dtype), x))
        x = inert(x)
        return jnp.log(x / (1 - x))
    return _logit(x)


@jax.custom_jvp
def _logit(x):
    return jnp.log(x / (1 - x))


@_logit.defjvp
def _logit_jvp(primals, tangents):
    """The derivative is no number where the value is none."""
    (x,) = primals
    inside = (x >= 0) & (x <= 1)
    return _logit(x), tangents[0] * jnp.where(inside, 1 / jnp.where(inside, x * (1 - x), 1), jnp.nan)


@op("*.nan_to_num", "*.nan_to_num_")
def nan_to_num(input: Array, nan: float | None = None, posinf: float | None = None, neginf: float | None = None):
    """x with not-a-numbers and infinities replaced: by 0 and the greatest and least finite numbers by default."""
    if category(input.dtype) < 2:
        return input
    return jnp.nan_to_num(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


@op("*.isnan", differentiable=False)
def isnan(input: Array):
    """Whether x is not a number."""
    return jnp.isnan(input)


@op("*.isinf", differentiable=False)
def isinf(input: Array):
    """Whether x is infinite."""
    return jnp.isinf(input)


@op("*.isposinf", differentiable=False)
def isposinf(input: Array):
    """Whether x is +∞."""
    check(not jnp.iscomplexobj(input), "isposinf does not support complex inputs.")
    return input == jnp.inf


@op("*.isneginf", differentiable=False)
def isneginf(input: Array):
    """Whether x is -∞."""
    check(not jnp.iscomplexobj(input), "isneginf does not support complex inputs.")
    return input == -jnp.inf


@op("*.isfinite", differentiable=False)
def isfinite(input: Array):
    """Whether x is neither infinite nor not a number."""
    return jnp.isfinite(input)


@op("*.isreal", differentiable=False)
def isreal(input: Array):
    """Whether x has no imaginary part."""
    return jnp.isreal(input)


# --- two operands -----------------------------------------------------------------------------------------------------


@op("*.atan2", "*.arctan2", "Tensor.atan2_", "Tensor.arctan2_")
def atan2(input: Array, other: Array):
    """The angle of the point (x=other, y=input), in [-π, π]."""
    return _atan2(*jnp.broadcast_arrays(*elementwise(input, other, floating=True)))


@jax.custom_jvp
def _atan2(y, x):
    return jnp.arctan2(y, x)


@_atan2.defjvp
def _atan2_jvp(primals, tangents):
    (y, x), (d_y, d_x) = primals, tangents
    square = y * y + x * x
    scale = jnp.where(square == 0, 0, 1 / jnp.where(square == 0, 1, square))
    return _atan2(y, x), d_y * (x * scale) - d_x * (y * scale)


@op("*.hypot", "Tensor.hypot_")
def hypot(input: Array, other: Array):
    """√(input² + other²), without overflow."""
    a, b = elementwise(input, other)
    need(a, "hypot_cpu", 2)
    return widely(_hypot)(*jnp.broadcast_arrays(a, b))


@jax.custom_jvp
def _hypot(a, b):
    return jnp.hypot(a, b)


@_hypot.defjvp
def _hypot_jvp(primals, tangents):
    a, b = primals
    h = _hypot(a, b)
    return h, tangents[0] * (a / h) + tangents[1] * (b / h)


@op("*.logaddexp")
def logaddexp(input: Array, other: Array):
    """log(exp(input) + exp(other)), without overflow."""
    a, b = elementwise(input, other)
    need(a, "logaddexp_cpu", 2)
    return complex_logaddexp(a, b) if jnp.iscomplexobj(a) else widely(jnp.logaddexp)(a, b)


def complex_logaddexp(a, b):
    """On the branch of the number with the greater real part, which PyTorch's result lies on too."""
    first = a.real >= b.real
    high, low = jnp.where(first, a, b), jnp.where(first, b, a)
    gone = jnp.isneginf(low.real)
    return jnp.where(gone, high, high + jnp.log1p(jnp.exp(jnp.where(gone, 0, low - high))))


@op("*.logaddexp2")
def logaddexp2(input: Array, other: Array):
    """log2(2**input + 2**other), without overflow."""
    a, b = elementwise(input, other)
    need(a, "logaddexp2_cpu", 2)
    return widely(jnp.logaddexp2)(a, b)


@op("*.heaviside", "Tensor.heaviside_", grad="NotImplemented")
def heaviside(input: Array, values: Array):
    """0 where input is negative, 1 where it is positive, `values` where it is 0."""
    check(
        result_type(input) == result_type(values),
        "heaviside is not yet implemented for tensors with different dtypes.",
    )
    x, values = elementwise(input, values)
    return jnp.where(x == 0, values, (x > 0).astype(x.dtype))


@op("*.copysign", "Tensor.copysign_")
def copysign(input: Array, other: Scalar):
    """The size of input with the sign of other; its gradient towards input is 0 where input is 0."""
    x, y = elementwise(input, other, floating=True)
    x = lax.sign(x) * x
    return jnp.where(jnp.signbit(lax.stop_gradient(y)), -x, x)
