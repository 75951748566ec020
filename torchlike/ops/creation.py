"""Arrays from nothing but a size, a range or one number."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, Op, Scalar, Sizes, op
from torchlike.ops.overflow import check_fits
from torchlike.ops.promotion import as_np, rounded


@op("_make.full")
def full(size: Sizes, fill_value: Scalar, dtype):
    """One value everywhere."""
    return jnp.full(size, fill_value, as_np(dtype))


@op("_make.arange")
def arange(start: Scalar, step: Scalar, n: int, dtype):
    """`n` numbers from `start` by `step`, computed as start + i·step like PyTorch's."""
    d: Any = as_np(dtype)
    wide = jnp.int64 if d.kind in "iub" else jnp.float64
    return (jnp.asarray(start, wide) + lax.iota(wide, n) * jnp.asarray(step, wide)).astype(d)


@op("_make.linspace")
def linspace(start: Scalar, end: Scalar, steps: int, dtype):
    """`steps` numbers from `start` to `end`, both included; the second half counts back from the end, as PyTorch's."""
    d: Any = as_np(dtype)
    if steps == 1:
        return jnp.asarray(start, d).reshape(1)
    wide = jnp.dtype(d) if d.kind in "fc" else jnp.dtype(jnp.float64)
    start, end = jnp.asarray(start, wide), jnp.asarray(end, wide)
    gaps = lax.optimization_barrier(jnp.asarray(steps - 1, wide))  # XLA would multiply by a rounded 1 / gaps
    step = (end - start) / gaps
    i = jnp.arange(steps).astype(wide)
    return jnp.where(i < steps // 2, start + step * i, end - step * (steps - 1 - i)).astype(d)


@op("_make.logspace")
def logspace(start: Scalar, end: Scalar, steps: int, base: Scalar, dtype):
    """base to the power of `linspace(start, end, steps)`."""
    d: Any = as_np(dtype)
    wide = jnp.complex128 if d.kind == "c" else jnp.float64
    first, last = jnp.asarray(start, wide), jnp.asarray(end, wide)
    if jnp.issubdtype(d, jnp.floating) and steps > 1:  # the ends are numbers of the result's type
        first, last = rounded(first, d), rounded(last, d)
    exponents = jnp.linspace(first, last, steps)
    return jnp.power(jnp.asarray(base, wide), exponents).astype(d)


@op("_make.eye")
def eye(n: int, m: int, dtype):
    """Ones on the diagonal."""
    return jnp.eye(n, m, dtype=as_np(dtype))


class Fill(Op):
    """Refuses a number that the tensor's dtype cannot hold."""

    def bind(self, args: tuple, kwargs: dict) -> tuple[tuple, list]:
        template, inputs = super().bind(args, kwargs)
        if len(inputs) == 2 and isinstance(inputs[1], bool | int | float | complex):
            check_fits(inputs[1], inputs[0]._aval().dtype)
        return template, inputs


@op("*.fill", "Tensor.fill_", kind=Fill)
def fill(input: Array, value: Scalar):
    """A tensor like `input` with `value` (a number or a 0-dim tensor) everywhere."""
    if getattr(value, "ndim", 0):
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value.ndim} dimensions."
        )
    return jnp.full(input.shape, jnp.asarray(value).astype(input.dtype))


@op("Tensor.zero_", grad="ZeroBackward0")
def zero(input: Array):
    """Zeros everywhere."""
    return jnp.zeros_like(input)


fill.op.uniform = zero.op.uniform = True
