"""Element-wise arithmetic."""

from __future__ import annotations

import jax.numpy as jnp

from torchlike.core.op import Array, Scalar, op
from torchlike.ops.promotion import promote


@op("*.add", "Tensor.add_", "Tensor.__add__", "Tensor.__radd__", "Tensor.__iadd__")
def add(input: Array, other: Array, *, alpha: Scalar = 1):
    """`input + alpha * other`, element by element, broadcasting."""
    input, other = promote(input, other)
    return input + other * jnp.asarray(alpha, other.dtype)


@op("*.mul", "*.multiply", "Tensor.mul_", "Tensor.multiply_", "Tensor.__mul__", "Tensor.__rmul__", "Tensor.__imul__")
def mul(input: Array, other: Array):
    """`input * other`, element by element, broadcasting."""
    input, other = promote(input, other)
    return input * other
