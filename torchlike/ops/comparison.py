"""Comparisons and logic, element by element. Results of comparisons are bool."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp

from torchlike.core.dtype import category
from torchlike.core.op import SLOT, Array, Op, Scalar, composite, op
from torchlike.core.variable import Variable, apply
from torchlike.ops.checks import check, need, not_two_numbers, word
from torchlike.ops.dims import broadcast_shape
from torchlike.ops.promotion import elementwise


def _comparison(name: str, f, text: str, other_name: str) -> None:
    def body(input: Array, other: Scalar):
        a, b = elementwise(input, other)
        need(a, f"{name}_cpu", 0, 3 if name in ("eq", "ne") else 2)
        return f(a, b)

    body.__name__, body.__doc__ = name, text
    names = [f"{space}.{n}" for n in (name, other_name) for space in ("*",)]
    writing = [f"Tensor.{n}_" for n in (name, other_name)]
    op(*names, *writing, f"Tensor.__{name}__", differentiable=False)(body)


_comparison("ne", jnp.not_equal, "Where `input` is different from `other`.", "not_equal")
_comparison("lt", jnp.less, "Where `input` is less than `other`.", "less")
_comparison("le", jnp.less_equal, "Where `input` is at most `other`.", "less_equal")
_comparison("gt", jnp.greater, "Where `input` is greater than `other`.", "greater")
_comparison("ge", jnp.greater_equal, "Where `input` is at least `other`.", "greater_equal")


@op("*.eq", "Tensor.eq_", "Tensor.__eq__", differentiable=False)
def eq(input: Array, other: Scalar):
    """Where `input` and `other` are the same."""
    return jnp.equal(*elementwise(input, other))


@op("*.isclose", differentiable=False)
def isclose(input: Array, other: Array, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False):
    """Where |input - other| ≤ atol + rtol · |other|."""
    check(input.dtype == other.dtype, f"{word(input)} did not match {word(other)}")
    check(rtol >= 0, f"rtol must be greater than or equal to zero, but got {rtol}")
    check(atol >= 0, f"atol must be greater than or equal to zero, but got {atol}")
    a, b = elementwise(input, other)
    if category(a.dtype) < 2:
        a, b = a.astype(jnp.float64), b.astype(jnp.float64)
    gap = jnp.abs(a - b)
    close = (a == b) | (jnp.isfinite(gap) & (gap <= atol + jnp.abs(rtol * b)))
    return close | (jnp.isnan(a) & jnp.isnan(b)) if equal_nan else close


@composite("*.allclose")
def allclose(input, other, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close in the sense of `isclose` (a barrier)."""
    close = apply(isclose.op, (SLOT, SLOT, rtol, atol, equal_nan), [input, other])
    return bool(apply(_ALL, (SLOT,), [close]).item())


_ALL = Op("all", lambda input: jnp.all(input), differentiable=False)


@composite("*.equal")
def equal(input, other) -> bool:
    """Whether two tensors have the same size and elements (a barrier)."""
    for name, x, i in (("input", input, 1), ("other", other, 2)):
        if not isinstance(x, Variable):
            raise TypeError(f"equal(): argument '{name}' (position {i}) must be Tensor, not {type(x).__name__}")
    if input._aval().shape != other._aval().shape:
        return False
    return bool(apply(_ALL, (SLOT,), [apply(eq.op, (SLOT, SLOT), [input, other])]).item())


@composite("Tensor.__contains__")
def contains(self, element) -> bool:
    """Whether some element is equal to a number or tensor (a barrier)."""
    if not isinstance(element, Variable | int | float | complex):
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
        )
    return bool(apply(_ANY, (SLOT,), [apply(eq.op, (SLOT, SLOT), [self, element])]).item())


_ANY = Op("any", lambda input: jnp.any(input), differentiable=False)


# --- logic ------------------------------------------------------------------------------------------------------------


def _logical(name: str, f, text: str) -> None:
    def body(input: Array, other: Array):
        broadcast_shape(input.shape, other.shape)
        return f(input != 0, other != 0)

    body.__name__, body.__doc__ = name, text
    op(f"*.{name}", f"Tensor.{name}_", differentiable=False)(body)


_logical("logical_and", jnp.logical_and, "Where both are different from 0.")
_logical("logical_or", jnp.logical_or, "Where at least one is different from 0.")
_logical("logical_xor", jnp.logical_xor, "Where exactly one is different from 0.")


@op("*.logical_not", "Tensor.logical_not_", differentiable=False)
def logical_not(input: Array):
    """Where `input` is 0."""
    return input == 0


def _bitwise(name: str, f, text: str) -> None:
    kernel = f"bitwise_{name}_cpu"

    def body(input: Scalar, other: Scalar):
        not_two_numbers(f"bitwise_{name}", input, other)
        a, b = elementwise(input, other)
        need(a, kernel, 0, 1)
        return f(a, b)

    body.__name__, body.__doc__ = f"bitwise_{name}", text
    dunders = [f"Tensor.__{prefix}{name}__" for prefix in ("", "r", "i")]
    op(f"*.bitwise_{name}", f"Tensor.bitwise_{name}_", *dunders, differentiable=False)(body)


_bitwise("and", jnp.bitwise_and, "The bits set in both; for bools, logical and.")
_bitwise("or", jnp.bitwise_or, "The bits set in at least one; for bools, logical or.")
_bitwise("xor", jnp.bitwise_xor, "The bits set in exactly one; for bools, logical xor.")


@op("*.bitwise_not", "Tensor.bitwise_not_", differentiable=False)
def bitwise_not(input: Array):
    """Every bit turned over; for bools, logical not."""
    need(input, "bitwise_not_cpu", 0, 1)
    return jnp.bitwise_not(input)


@op("Tensor.__invert__", differentiable=False)
def invert(input: Array):
    """Every bit turned over; for bools, logical not."""
    check(
        category(input.dtype) < 2,
        "~ (operator.invert) is only implemented on integer and Boolean-type tensors",
        TypeError,
    )
    return jnp.bitwise_not(input)


def _shift(side: str, f, text: str) -> None:
    def body(input: Scalar, other: Scalar):
        not_two_numbers(f"bitwise_{side}_shift", input, other)
        a, b = elementwise(input, other)
        need(a, f"{side[0]}shift_cpu", 1, 1)
        return f(a, b)

    body.__name__, body.__doc__ = f"bitwise_{side}_shift", text
    dunders = [f"Tensor.__{prefix}{side[0]}shift__" for prefix in ("", "r", "i")]
    op(f"*.bitwise_{side}_shift", f"Tensor.bitwise_{side}_shift_", *dunders, differentiable=False)(body)


_shift("left", jnp.left_shift, "input · 2**other, the bits moved to the left.")
_shift("right", jnp.right_shift, "input / 2**other rounded down, the bits moved to the right; the sign stays.")


# --- the greater and the lesser ---------------------------------------------------------------------------------------


def _ordered(a, b, name: str):
    a, b = elementwise(a, b)
    check(not jnp.iscomplexobj(a), f"{name} not implemented for complex tensors.")
    return a, b


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _one_of(greatest: bool, a, b):
    return (jnp.maximum if greatest else jnp.minimum)(a, b)


@_one_of.defjvp
def _one_of_jvp(greatest, primals, tangents):
    """The other one's gradient is 0, whatever comes; equals share it, and not-a-numbers give all of it to both."""
    (a, b), (da, db) = primals, tangents
    low, high = (a, b) if greatest else (b, a)
    share = jnp.where(a == b, jnp.asarray(0.5, a.dtype), 1)
    return _one_of(greatest, a, b), jnp.where(low < high, 0, share * da) + jnp.where(high < low, 0, share * db)


@op("*.maximum")
def maximum(input: Array, other: Array):
    """The greater of both; not a number where one is not. Equal elements share the gradient."""
    return _one_of(True, *_ordered(input, other, "maximum"))


@op("*.minimum")
def minimum(input: Array, other: Array):
    """The lesser of both; not a number where one is not. Equal elements share the gradient."""
    return _one_of(False, *_ordered(input, other, "minimum"))


@op("*.fmax")
def fmax(input: Array, other: Array):
    """The greater of both; where one is not a number, the other. Of equal ones the first gets the gradient."""
    a, b = _ordered(input, other, "fmax")
    return jnp.where((a >= b) | (b != b), a, b)


@op("*.fmin")
def fmin(input: Array, other: Array):
    """The lesser of both; where one is not a number, the other. Of equal ones the first gets the gradient."""
    a, b = _ordered(input, other, "fmin")
    return jnp.where((a <= b) | (b != b), a, b)
