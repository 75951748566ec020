"""Element-wise arithmetic of two or three tensors or numbers, broadcasting."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.dtype import category
from torchlike.core.op import Array, Op, Scalar, composite, op
from torchlike.core.variable import apply
from torchlike.ops.checks import c_word, check, need, not_two_numbers
from torchlike.ops.promotion import elementwise, is_half, is_weak, kind, result_type, rounded, widely


def _by_one(f, input, other, floating: bool = False):
    """f of both in their common type. As in PyTorch's kernels of products and quotients, a number or a 0-dimensional
    tensor on the right of half floats is not rounded to half first."""
    a, b = elementwise(input, other, floating=floating)
    if is_half(a.dtype) and jnp.ndim(other) == 0:
        return f(a.astype(jnp.float32), jnp.asarray(other, jnp.float32)).astype(a.dtype)
    return f(a, b)


def _scaled(other, alpha, d):
    """`alpha * other` with PyTorch's rules on the type of alpha."""
    if type(alpha) is int:  # the default
        return other
    level = category(kind(alpha))
    check(level != 0 or category(d) == 0, "Boolean alpha only supported for Boolean results.")
    check(
        level < 2 or category(d) >= 2,
        "For integral input tensors, argument alpha must not be a floating point number.",
    )
    check(level < 3 or category(d) == 3, "For non-complex input tensors, argument alpha must not be a complex number.")
    return jnp.asarray(other, d) * jnp.asarray(alpha, d)


@op("*.add", "Tensor.add_", "Tensor.__add__", "Tensor.__radd__", "Tensor.__iadd__")
def add(input: Scalar, other: Scalar, *, alpha: Scalar = 1):
    """`input + alpha * other`."""
    return jnp.add(*elementwise(input, _scaled(other, alpha, result_type(input, other))))


def _no_bools(*xs) -> None:
    bools = [category(kind(x)) == 0 for x in xs]
    check(
        not all(bools),
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` "
        "operator instead.",
    )
    check(
        not any(bools),
        "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use "
        "the `~` or `logical_not()` operator instead.",
    )


@op("*.sub", "*.subtract", "Tensor.sub_", "Tensor.subtract_", "Tensor.__sub__", "Tensor.__isub__")
def sub(input: Scalar, other: Scalar, *, alpha: Scalar = 1):
    """`input - alpha * other`."""
    _no_bools(input, other)
    return jnp.subtract(*elementwise(input, _scaled(other, alpha, result_type(input, other))))


@op("torch.rsub", grad="RsubBackward1")
def rsub(input: Array, other: Scalar, *, alpha: Scalar = 1):
    """`other - alpha * input`."""
    return sub(other, input, alpha=alpha)


@op("Tensor.__rsub__", grad="RsubBackward1")
def number_minus(input: Scalar, other: Scalar):
    """`input - other`, the number on the left."""
    return sub(input, other)


@op("*.mul", "*.multiply", "Tensor.mul_", "Tensor.multiply_", "Tensor.__mul__", "Tensor.__rmul__", "Tensor.__imul__")
def mul(input: Scalar, other: Scalar):
    """`input * other`."""
    return _by_one(jnp.multiply, input, other)


# --- division ---------------------------------------------------------------------------------------------------------


class Division(Op):
    """Refuses the number 0 as the divisor of integers while it can be seen; inside the program it is only an input."""

    def bind(self, args, kwargs):
        template, inputs = super().bind(args, kwargs)
        if len(inputs) == 2 and type(inputs[1]) is int and inputs[1] == 0:
            dtype = getattr(inputs[0], "dtype", None)
            rounded = self.name != "div" or len(template) > 2 and template[2] is not None
            if rounded and dtype is not None and not (dtype.is_floating_point or dtype.is_complex):
                raise RuntimeError("ZeroDivisionError")
        return template, inputs


def _div_name(template, avals) -> str:
    return "DivBackward0" if template[2] is None else "DivBackward2"


@op(
    "*.div", "*.divide", "Tensor.div_", "Tensor.divide_", "Tensor.__truediv__",
    "Tensor.__itruediv__", "Tensor.__div__", "Tensor.__idiv__", kind=Division, grad=_div_name,
)  # fmt: skip
def div(input: Scalar, other: Scalar, *, rounding_mode: str | None = None):
    """`input / other`, always of a floating type; rounded towards zero ("trunc") or down ("floor") if that is asked."""
    if rounding_mode is None:
        return _by_one(jnp.true_divide, input, other, floating=True)
    check(
        rounding_mode in ("trunc", "floor"),
        f"div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '{rounding_mode}'",
    )
    return _whole(_floored if rounding_mode == "floor" else _truncated, rounding_mode, input, other)


@composite("Tensor.__rtruediv__", "Tensor.__rdiv__")
def rtruediv(self, other):
    """`other / self` as PyTorch reckons it: the reciprocal, times the other."""
    return self.reciprocal() * other


def _whole(f, mode: str, input, other):
    need(elementwise(input, other)[0], f"div_{mode}_cpu", 1, 2)
    return lax.stop_gradient(_by_one(f, input, other))


def _truncated(a, b):
    """The quotient rounded to its type, as PyTorch has it, and then towards zero; XLA would leave the first out."""
    if category(a.dtype) == 1:
        return lax.div(*jnp.broadcast_arrays(a, b))
    wide = jnp.promote_types(a.dtype, jnp.float32)
    return jnp.trunc(rounded(a.astype(wide) / b.astype(wide), a.dtype)).astype(a.dtype)


@op("*.true_divide", "Tensor.true_divide_", grad="DivBackward0")
def true_divide(input: Scalar, other: Scalar):
    """`input / other`."""
    return div(input, other)


@op(
    "*.floor_divide", "Tensor.floor_divide_", "Tensor.__floordiv__", "Tensor.__rfloordiv__", "Tensor.__ifloordiv__",
    kind=Division, grad="NotImplemented",
)  # fmt: skip
def floor_divide(input: Scalar, other: Scalar):
    """`input / other` rounded down. As in PyTorch it has no gradient: use `div(rounding_mode="floor")`."""
    return _whole(_floored, "floor", input, other)


def _floored(a, b):
    if category(a.dtype) == 1:
        return jnp.floor_divide(a, b)
    # through the exact remainder, so that 0.3 // 0.1 is 2; a division by 0 gives inf or nan
    quotient = a / b
    floor = jnp.floor_divide(a, b)
    floor = jnp.where(floor == 0, jnp.copysign(floor, quotient), floor)
    return jnp.where(b == 0, quotient, floor)


@op(
    "*.remainder", "Tensor.remainder_", "Tensor.__mod__", "Tensor.__imod__", kind=Division
)
def remainder(input: Scalar, other: Scalar):
    """What is left of `input` after division by `other`, with the sign of `other`: Python's %."""
    not_two_numbers("remainder", input, other)
    a, b = elementwise(input, other)
    need(a, "remainder_cpu", 1, 2)
    return jnp.remainder(a, b)


@op("Tensor.__rmod__", grad=lambda template, avals: "NotImplemented" if avals[0].weak else "RemainderBackward0")
def remainder_(input: Scalar, other: Scalar):
    """`input % other`, the number on the left; PyTorch has no gradient for a number, nor is there one here."""
    return remainder(input, other)


@op("*.fmod", "Tensor.fmod_", kind=Division)
def fmod(input: Array, other: Scalar):
    """What is left of `input` after division by `other`, with the sign of `input`: C's fmod."""
    a, b = elementwise(input, other)
    need(a, "fmod_cpu", 1, 2)
    return lax.rem(*jnp.broadcast_arrays(a, b))


@op("*.gcd", "Tensor.gcd_", differentiable=False)
def gcd(input: Array, other: Array):
    """The greatest common divisor of integers."""
    a, b = elementwise(input, other)
    need(a, "gcd_cpu", 1, 1)
    return jnp.gcd(a, b)


@op("*.lcm", "Tensor.lcm_", differentiable=False)
def lcm(input: Array, other: Array):
    """The least common multiple of integers."""
    a, b = elementwise(input, other)
    need(a, "lcm_cpu", 1, 1)
    return jnp.lcm(a, b)


# --- powers -----------------------------------------------------------------------------------------------------------

_EXACT: dict[Any, Any] = {2: 2, 3: 3, -1: -1, -2: -2, 0.5: lax.sqrt, -0.5: lax.rsqrt}


class Power(Op):
    """Keeps the exponents that PyTorch computes without a logarithm as part of the structure, and negative integers,
    which integer tensors refuse; any other exponent is an input."""

    def bind(self, args, kwargs):
        template, inputs = super().bind(args, kwargs)
        exponent = inputs[-1]
        if type(exponent) in (int, float) and (exponent in _EXACT or type(exponent) is int and exponent < 0):
            # with the name of its type: as keys, 2 and 2.0 are the same
            return (template[0], (type(exponent).__name__, exponent)), inputs[:-1]
        return template, inputs


def _pow_name(template, avals) -> str:
    return f"PowBackward{int(len(avals) > 1 and not avals[1].weak)}"


@op("*.pow", "Tensor.pow_", "Tensor.__pow__", "Tensor.__ipow__", kind=Power, grad=_pow_name)
def pow(input: Scalar, exponent: Scalar):
    """`input` to the power of `exponent`."""
    number = exponent[1] if isinstance(exponent, tuple) else None
    not_two_numbers("pow", input, exponent if number is None else number)
    base, power = elementwise(input, exponent if number is None else number)
    d = base.dtype
    need(base, "pow", 1)
    if category(d) == 1:
        check(number is None or number >= 0, "Integers to negative integer powers are not allowed.")
        return lax.integer_pow(base, number) if number in (2, 3) else _integer_power(base, power)
    exact = _EXACT.get(number)
    if exact is None or category(d) == 3 and callable(exact):
        return _power(*jnp.broadcast_arrays(base, power), is_weak(exponent) or number is not None)
    return exact(base) if callable(exact) else lax.integer_pow(base, exact)


@functools.partial(jax.custom_jvp, nondiff_argnums=(2,))
def _power(base, power, by_number: bool):
    result = jnp.power(base, power)
    if category(base.dtype) < 3:
        return result
    # JAX takes the logarithm of 0; PyTorch's 0 ** 0 is 1 only where the power is a Python number
    real, nothing = power.real, complex(math.nan, math.nan)
    of_zero = jnp.where(real > 0, 0, jnp.where(real < 0, complex(math.inf, math.nan), nothing)).astype(result.dtype)
    special = base == 0
    return jnp.where(special & (power != 0) if by_number else special, of_zero, result)


@_power.defjvp
def _power_jvp(by_number, primals, tangents):
    """PyTorch's derivatives: 0 towards the base where the power is 0, 0 towards the power where the base is 0."""
    (base, power), (d_base, d_power) = primals, tangents
    result = _power(base, power, by_number)
    none = power == 0
    by_base = jnp.where(none, 0, power * _power(base, jnp.where(none, 1, power - 1), by_number))
    idle = (base == 0) & (power.real >= 0)
    by_power = jnp.where(idle, 0, result * jnp.log(jnp.where(idle, 1, base)))
    return result, by_base * d_base + by_power * d_power


def _integer_power(base, power):
    """Integers to integer powers, wrapping around as C does; a negative power rounds to zero: 0 but for 1 and -1."""
    base, power = jnp.broadcast_arrays(base, power)

    def step(state):
        result, square, left = state
        return jnp.where(left % 2 == 1, result * square, result), square * square, left // 2

    # jnp.power looks at the last six bits of the power only
    start = jnp.ones_like(base), base, jnp.maximum(power, 0)
    result = lax.while_loop(lambda state: (state[2] > 0).any(), step, start)[0]
    if category(power.dtype) == 1 and jnp.issubdtype(power.dtype, jnp.signedinteger):
        odd = jnp.where(power % 2 == 0, jnp.ones_like(base), base)
        result = jnp.where(power < 0, jnp.where(jnp.abs(base) == 1, odd, 0), result)
    return result


@op("Tensor.__rpow__", grad="PowBackward2")
def number_to_power(input: Scalar, exponent: Scalar):
    """`input ** exponent`, the number on the left."""
    return pow(input, exponent)


@op("*.float_power", kind=Power, grad=_pow_name)
def float_power(input: Scalar, exponent: Scalar):
    """`input` to the power of `exponent` in float64 (complex128)."""
    power = exponent[1] if isinstance(exponent, tuple) else exponent
    not_two_numbers("float_power", input, power)
    complicated = category(kind(input)) == 3 or category(kind(power)) == 3
    wide = jnp.complex128 if complicated else jnp.float64
    base = jnp.asarray(input, wide)
    return pow(base, exponent if isinstance(exponent, tuple) else jnp.asarray(exponent, wide))


@composite("Tensor.float_power_")
def float_power_into(self, exponent):
    """Write `self` to the power of `exponent` into a tensor of float64 (complex128)."""
    from torchlike.facade import assign

    self._check_writable()
    made = apply(float_power.op, *float_power.op.bind((self, exponent), {}))
    check(
        made.dtype is self.dtype,
        f"the base given to float_power_ has dtype {self.dtype._scalar_name} but the operation's result requires dtype "
        f"{made.dtype._scalar_name}",
    )
    assign(self, made)
    return self


# --- between borders --------------------------------------------------------------------------------------------------


def _at_least(x, low):
    """max(x, low) whose derivative on the border is that of x; not-a-numbers of both sides come through, without."""
    return jnp.where(x >= low, x, jnp.where(x < low, low, lax.stop_gradient(x + low)))


def _at_most(x, high):
    return jnp.where(x <= high, x, jnp.where(x > high, high, lax.stop_gradient(x + high)))


@op("*.clamp", "*.clip", "*.clamp_", "*.clip_", grad=lambda template, avals: f"ClampBackward{int(avals[1].weak)}")
def clamp(input: Array, min: Scalar | None = None, max: Scalar | None = None):
    """`input` held between `min` and `max` (numbers or tensors; one may be left out); where they cross, `max`.

    The gradient on the borders is 1.
    """
    check(min is not None or max is not None, "torch.clamp: At least one of 'min' or 'max' must not be None")
    check(not jnp.iscomplexobj(input), "clamp is not supported for complex types", NotImplementedError)
    borders = [b for b in (min, max) if b is not None]
    x, *borders = elementwise(input, *borders)
    given = iter(borders)
    if min is not None:
        x = _at_least(x, next(given))
    return x if max is None else _at_most(x, next(given))


@op("*.clamp_min", "*.clamp_min_")
def clamp_min(input: Array, min: Scalar):
    """`input`, but at least `min`."""
    return clamp(input, min=min)


@op("*.clamp_max", "*.clamp_max_")
def clamp_max(input: Array, max: Scalar):
    """`input`, but at most `max`."""
    return clamp(input, max=max)


# --- three operands ---------------------------------------------------------------------------------------------------

@op("*.lerp", "Tensor.lerp_", grad=lambda template, avals: f"LerpBackward{int(not avals[2].weak)}")
def lerp(input: Array, end: Array, weight: Scalar):
    """`input + weight * (end - input)`, from the nearer side so that weight 1 gives `end` exactly."""
    for name, x in {"end": end, "weight": weight}.items():
        if name == "end" or jnp.ndim(weight):
            a, b = c_word(input), c_word(x)
            check(a == b, f"expected dtype {a} for `{name}` but got dtype {b}")
    need(input, "lerp_kernel_scalar" if is_weak(weight) else "lerp_kernel_tensor", 2)
    if is_half(input.dtype):  # the weight is not rounded to half either
        wide = [jnp.asarray(x, jnp.float32) for x in (input, end, weight)]
        return _between(*wide).astype(input.dtype)
    return _between(*elementwise(input, end, jnp.asarray(weight, input.dtype) if is_weak(weight) else weight))


def _between(input, end, weight):
    gap = end - input
    return jnp.where(jnp.abs(weight) < 0.5, input + weight * gap, end - gap * (1 - weight))


@op("*.addcmul", "Tensor.addcmul_")
def addcmul(input: Array, tensor1: Array, tensor2: Array, *, value: Scalar = 1):
    """`input + value * tensor1 * tensor2`."""
    input, tensor1, tensor2 = elementwise(input, tensor1, tensor2)
    need(input, "addcmul_cpu_out", 1)
    value = jnp.asarray(value, input.dtype)
    return widely(lambda x, a, b, v: x + v * a * b)(input, tensor1, tensor2, value)


@op("*.addcdiv", "Tensor.addcdiv_")
def addcdiv(input: Array, tensor1: Array, tensor2: Array, *, value: Scalar = 1):
    """`input + value * tensor1 / tensor2`, for floating types."""
    check(
        category(kind(tensor1)) >= 2 or category(kind(tensor2)) >= 2,
        "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a true "
        "division of tensor1 and tensor2. The historic addcdiv behavior can be implemented as (input + value * "
        "torch.trunc(tensor1 / tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) "
        "for float inputs. The future addcdiv behavior is just the latter implementation: (input + value * tensor1 / "
        "tensor2), for all dtypes.",
    )
    input, tensor1, tensor2 = elementwise(input, tensor1, tensor2)
    value = jnp.asarray(value, input.dtype)
    return widely(lambda x, a, b, v: x + v * a / b)(input, tensor1, tensor2, value)
