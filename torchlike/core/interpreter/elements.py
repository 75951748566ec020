"""Rules for what is done to one element at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jax import lax

from torchlike.core.interpreter.table import NoRule, functions, kind, primitive

_MANY = 2**12  # elements from which it matters what NumPy does with each

# --- exact, or rounded once

functions("iufch", add=np.add, add_any=np.add, sub=np.subtract, neg=np.negative)
functions("iufch", mul=np.multiply)
functions("iufc", square=np.square)
functions("biufch", eq=np.equal, ne=np.not_equal, copy=lambda x: x, stop_gradient=lambda x: x)
functions("biufh", lt=np.less, le=np.less_equal, gt=np.greater, ge=np.greater_equal, max=np.maximum, min=np.minimum)
functions("biu", **{"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor, "not": np.invert})
functions("iufch", abs=np.abs)
functions("fh", floor=np.floor, ceil=np.ceil, is_finite=np.isfinite)
functions("f", sqrt=np.sqrt, nextafter=np.nextafter, rsqrt=lambda x: np.reciprocal(np.sqrt(x)))
functions("c", real=np.real, imag=np.imag)
functions("iu", shift_left=np.left_shift)
functions("i", shift_right_arithmetic=np.right_shift)
functions("iufh", clamp=lambda low, x, high: np.minimum(np.maximum(x, low), high))
functions("iuf", sign=lambda x: np.where(x == 0, x, np.sign(x)))


@primitive("iu", "shift_right_logical", sized=False)
def _shift_right_logical(eqn):
    dtype = eqn.invars[0].aval.dtype
    unsigned = np.dtype(f"u{dtype.itemsize}")
    return lambda x, n: np.right_shift(x.view(unsigned), n.view(unsigned)).view(dtype)


@primitive("iu", "population_count", sized=False)
def _population_count(eqn):
    dtype = eqn.invars[0].aval.dtype
    return lambda x: np.bitwise_count(x.view(np.dtype(f"u{dtype.itemsize}"))).astype(dtype)


@primitive("iuf", "div", sized=False)
def _div(eqn):
    if kind(eqn.invars[0]) == "f":
        return np.divide
    by_zero = np.array(-1).astype(eqn.outvars[0].aval.dtype)  # as XLA has it

    def towards_zero(x, y):
        quotient = np.floor_divide(x, y)
        quotient = quotient + ((quotient * y != x) & ((x < 0) != (y < 0)))
        return np.where(y == 0, by_zero, quotient).astype(by_zero.dtype)

    return towards_zero


@primitive("iuf", "rem", sized=False)
def _rem(eqn):
    if kind(eqn.invars[0]) == "f":
        return np.fmod
    return lambda x, y: np.where(y == 0, x, np.fmod(x, y))


@primitive("fh", "round", sized=False)
def _round(eqn):
    if eqn.params["rounding_method"] != lax.RoundingMethod.TO_NEAREST_EVEN:
        raise NoRule
    return np.rint


@primitive("iuf", "integer_pow", sized=False)
def _integer_pow(eqn):
    """By repeated squaring, in the order in which JAX multiplies."""
    exponent = eqn.params["y"]

    def power(x):
        n, result = abs(exponent), None
        while n:
            if n & 1:
                result = x if result is None else result * x
            n >>= 1
            if n:
                x = x * x
        result = np.ones_like(x) if result is None else result
        return np.reciprocal(result) if exponent < 0 else result

    if exponent < 0 and kind(eqn.invars[0]) != "f":
        raise NoRule
    return power


@primitive("f", "complex")
def _complex(eqn):
    shape, dtype = eqn.outvars[0].aval.shape, eqn.outvars[0].aval.dtype

    def together(real, imag):
        made = np.empty(shape, dtype)
        made.real, made.imag = real, imag
        return made

    return together


@primitive("c", "conj", sized=False)
def _conj(eqn):
    return np.conj


@primitive("biufch", "select_n", sized=False)
def _select(eqn):
    which, *cases = eqn.invars
    if len(cases) != 2 or kind(which) != "b":
        raise NoRule
    dtype = cases[0].aval.dtype
    if dtype.itemsize > 8:
        return lambda which, no, yes: np.where(which, yes, no)
    bits = np.dtype(f"u{dtype.itemsize}")
    every = np.invert(bits.type(0))

    def select(which, no, yes):
        """By bits: `np.where` guesses at every element, and takes ten times as long where it guesses wrong."""
        if which.size < _MANY:
            return np.where(which, yes, no)
        no = no.view(bits)
        made = no ^ yes.view(bits)
        made &= which.view(np.uint8) * every
        made ^= no
        return made.view(dtype)

    return select


@primitive("biufch", "convert_element_type", sized=False)
def _convert(eqn):
    old, new = eqn.invars[0].aval.dtype, eqn.params["new_dtype"]
    before, after = kind(eqn.invars[0]), kind(eqn.outvars[0])
    if before == "c" != after:
        if after != "f":
            raise NoRule
        return lambda x: x.real.astype(new, copy=False)
    if after == "b":
        return lambda x: np.not_equal(x, 0)
    if after == "h" and old != np.float32 and old != new and before != "b":
        raise NoRule  # more than one way of rounding twice
    if after not in "iu" or before in "biu":
        return lambda x: x.astype(new, copy=False)
    wide = np.dtype(np.float32) if before == "h" else old
    info = np.iinfo(new)
    least, beyond = wide.type(info.min), wide.type(2.0 ** (new.itemsize * 8 - (after == "i")))

    def saturated(x):
        """What does not fit becomes the nearest integer and nan becomes 0, as XLA has it."""
        x = x.astype(wide, copy=False)
        fits = (x > least) & (x < beyond)
        made = np.where(fits, x, 0).astype(new)
        return made if fits.all() else np.where(x >= beyond, info.max, np.where(x <= least, info.min, made)).astype(new)

    return saturated


@primitive("iuf", "bitcast_convert_type", sized=False)
def _bitcast(eqn):
    new = eqn.params["new_dtype"]
    if kind(eqn.outvars[0]) not in "iuf" or new.itemsize != eqn.invars[0].aval.dtype.itemsize:
        raise NoRule
    return lambda x: x.view(new)


# --- elementary functions, to the last digits

def _in_float32(function: Callable) -> Callable:
    """Of halves too, computed as XLA computes them: in float32, rounded once."""

    def of_any(*arrays):
        dtype = arrays[0].dtype
        if dtype.itemsize > 2:
            return function(*arrays)
        return function(*[x.astype(np.float32) for x in arrays]).astype(dtype)

    return of_any


def _special(name: str) -> Callable:
    def function(x):
        from scipy import special  # JAX needs it too

        return getattr(special, name)(x)

    return function


_ELEMENTARY: dict[str, Callable] = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log": np.log, "log1p": np.log1p, "sin": np.sin, "cos": np.cos,
    "tan": np.tan, "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh, "asin": np.arcsin, "acos": np.arccos,
    "atan": np.arctan, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "atan2": np.arctan2,
    "pow": np.power, "cbrt": np.cbrt, "logistic": lambda x: np.reciprocal(1 + np.exp(-x)),
    "erf": _special("erf"), "erfc": _special("erfc"), "erf_inv": _special("erfinv"),
    "lgamma": lambda x: _special("gammaln")(np.where(np.isinf(x), np.inf, x)), "digamma": _special("psi"),
}  # fmt: skip
functions("fh", **{name: _in_float32(function) for name, function in _ELEMENTARY.items()})
