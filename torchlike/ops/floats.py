"""Floating numbers as a mantissa and a power of two, and their neighbours."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.dtype import category
from torchlike.core.op import Array, op
from torchlike.ops.arithmetic import mul, pow
from torchlike.ops.checks import check, need
from torchlike.ops.promotion import elementwise
from torchlike.ops.results import named


@op("*.ldexp", "Tensor.ldexp_")
def ldexp(input: Array, other: Array):
    """input · 2**other."""
    return mul(input, pow(2.0, other))


@jax.custom_jvp
def _frexp(x):
    wide = x.astype(jnp.float32) if x.dtype.itemsize == 2 else x
    mantissa, exponent = jnp.frexp(wide)
    return mantissa.astype(x.dtype), exponent.astype(jnp.int32)


@_frexp.defjvp
def _frexp_jvp(primals, tangents):
    mantissa, exponent = _frexp(*primals)
    scale = jnp.exp2(-exponent.astype(mantissa.dtype))
    return (mantissa, exponent), (tangents[0] * scale, jnp.zeros(exponent.shape, jax.dtypes.float0))


@op("*.frexp", result=named("frexp", "mantissa", "exponent"))
def frexp(input: Array):
    """(mantissa, exponent) with input = mantissa · 2**exponent and a mantissa in [0.5, 1)."""
    check(category(input.dtype) == 2, "torch.frexp() only supports floating-point dtypes")
    return _frexp(input)


@jax.custom_jvp
def _nextafter(a, b):
    return lax.nextafter(a, b)


_nextafter.defjvp(lambda primals, tangents: (_nextafter(*primals), tangents[0] + 0 * tangents[1]))


@op("*.nextafter", "Tensor.nextafter_")
def nextafter(input: Array, other: Array):
    """The number next to `input` in the direction of `other`; its gradient goes to `input` alone."""
    a, b = elementwise(input, other)
    need(a, "nextafter_cpu", 2, 2)
    return _nextafter(*jnp.broadcast_arrays(a, b))
