"""Distances from the mean and from zero: variance and standard deviation, norms.

`dim` and `keepdim` as in the other reductions.
"""

from __future__ import annotations

import math

import jax.numpy as jnp

from torchlike.core.dtype import category
from torchlike.core.op import Array, Op, op
from torchlike.ops.checks import check
from torchlike.ops.pointwise import magnitude
from torchlike.ops.promotion import promote_float
from torchlike.ops.reduction import filled, over, shared

# --- spread -----------------------------------------------------------------------------------------------------------


class Spread(Op):
    """The old signatures `std(input, unbiased)` and `std(input, dim, unbiased, keepdim)` as the present ones."""

    def bind(self, args, kwargs):
        if len(args) > 1 and isinstance(args[1], bool):
            kwargs = {"unbiased": args[1], **kwargs}
            args = (args[0], *args[2:])
        elif len(args) > 2:
            kwargs = {**dict(zip(("unbiased", "keepdim"), args[2:], strict=False)), **kwargs}
            args = args[:2]
        if "unbiased" in kwargs and "correction" not in kwargs:
            kwargs = {"correction": int(bool(kwargs.pop("unbiased"))), **kwargs}
        return super().bind(args, kwargs)


def _variance(x, dim, correction, keepdim, name: str, finish=lambda v: v):
    """(what `finish` makes of the variance, mean), of complex numbers from both parts."""
    check(category(x.dtype) >= 2, f"{name} only support floating point and complex dtypes")
    dims = over(dim, x.ndim)
    d = x.dtype
    x = x.astype(jnp.float32) if d.itemsize == 2 else x  # half precision is summed up in float32
    n = math.prod(x.shape[i] for i in dims) if x.ndim else 1
    centre = jnp.mean(x, dims if x.ndim else (), keepdims=True)
    gap = x - centre
    squares = gap.real**2 + gap.imag**2 if jnp.iscomplexobj(gap) else gap * gap
    left = n - (1 if correction is None else correction)
    total = jnp.sum(squares, dims if x.ndim else (), keepdims=keepdim)
    value = total / left if left > 0 else total / 0.0
    centre = centre if keepdim else centre.squeeze(dims if x.ndim else ())
    narrow = d if category(d) == 2 else value.dtype
    return finish(value).astype(narrow), centre.astype(d)


def _root(v):
    """√v with gradient 0 at 0, as PyTorch's standard deviation and norm have it."""
    zero = v == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, v)))


@op("*.var", kind=Spread)
def var(input: Array, dim: int | tuple | None = None, *, correction: float | None = None, keepdim: bool = False):
    """The variance: squared distances from the mean, summed and divided by n - correction (default 1)."""
    return _variance(input, dim, correction, keepdim, "var")[0]


@op("*.std", kind=Spread)
def std(input: Array, dim: int | tuple | None = None, *, correction: float | None = None, keepdim: bool = False):
    """The standard deviation, √var; its gradient is 0 where it is 0."""
    return _variance(input, dim, correction, keepdim, "std and var", _root)[0]


@op("torch.var_mean", kind=Spread)
def var_mean(input: Array, dim: int | tuple | None = None, *, correction: float | None = None, keepdim: bool = False):
    """(variance, mean)."""
    return _variance(input, dim, correction, keepdim, "var_mean")


@op("torch.std_mean", kind=Spread)
def std_mean(input: Array, dim: int | tuple | None = None, *, correction: float | None = None, keepdim: bool = False):
    """(standard deviation, mean)."""
    return _variance(input, dim, correction, keepdim, "std_mean", _root)


# --- norms ------------------------------------------------------------------------------------------------------------


def vector_norm(x, p: float, dim, keepdim: bool):
    """The p-norm along dims; shared by `torch.dist` and ops/matrix_norms.py."""
    dims = over(dim, x.ndim) if x.ndim else ()
    d = x.dtype
    x = x.astype(jnp.float32) if d.itemsize == 2 else x
    a = magnitude(x)

    def total(y):
        return jnp.sum(y, dims, keepdims=keepdim)

    if p == math.inf or p == -math.inf:
        if dim is None or dim == ():
            check(
                x.size > 0,
                "linalg.vector_norm cannot compute the inf norm on an empty tensor because the operation does not have "
                "an identity",
            )
        filled(x, dims, "linalg.vector_norm")
        result = shared(jnp.max if p > 0 else jnp.min, a, dims, keepdim, unordered=True)
    elif p == 0:
        result = total((a != 0).astype(a.dtype))
    elif p == 1:
        result = total(a)
    elif p == 2:
        result = _root(total(x * x if a.dtype == x.dtype else a * a))  # a has another dtype where x is complex
    else:
        zero = a == 0
        powers = total(jnp.where(zero, 0.0 if p > 0 else math.inf, jnp.where(zero, 1, a) ** p))
        none = powers == 0
        result = jnp.where(none, 0, jnp.where(none, 1, powers) ** (1 / p))
    return result.astype(d) if category(d) == 2 else result


@op("*.dist")
def dist(input: Array, other: Array, p: float = 2):
    """The p-norm of `input - other`."""
    return vector_norm(jnp.subtract(*promote_float(input, other)), float(p), None, False)
