"""Differences and integrals along a dimension: `diff`, `gradient`, the trapezoid rule."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from torchlike.core.op import SLOT, Array, Op, Scalar, composite, op
from torchlike.core.variable import Variable, apply
from torchlike.ops.checks import check
from torchlike.ops.dims import broadcast_shape, wrap_dim, wrap_dims
from torchlike.ops.promotion import promote, promote_float


def _between(x, start, stop, dim: int):
    """The places start to stop of a dimension, as Python counts them."""
    return lax.slice_in_dim(x, *slice(start, stop).indices(x.shape[dim])[:2], axis=dim)


@op("*.diff", grad="SubBackward0")
def diff(input: Array, n: int = 1, dim: int = -1, prepend: Array | None = None, append: Array | None = None):
    """The n-th differences of neighbours along `dim`, after `prepend` and `append` have been joined to it.

    Of bools, where neighbours differ.
    """
    check(input.ndim > 0, "diff expects input to be at least one-dimensional")
    check(n >= 0, f"order must be non-negative but got {n}")
    dim = wrap_dim(dim, input.ndim)
    parts = [p for p in (prepend, input, append) if p is not None]
    for p in parts:
        if p is not input:
            check(
                p.ndim == input.ndim,
                "diff expects prepend or append to be the same dimension as input",
            )
            for d in range(input.ndim):
                check(
                    d == dim or p.shape[d] == input.shape[d],
                    "diff expects the shape of tensor to prepend or append to match that of input except along the "
                    f"differencing dimension; input.size({d}) = {input.shape[d]}, but got tensor.size({d}) = "
                    f"{p.shape[d]}",
                )
    x = jnp.concatenate(promote(*parts), dim) if len(parts) > 1 and n else input
    for _ in range(min(n, x.shape[dim])):
        ahead, behind = _between(x, 1, None, dim), _between(x, 0, -1, dim)
        x = ahead ^ behind if x.dtype == bool else ahead - behind
    return x


# --- gradient ---------------------------------------------------------------------------------------------------------


def _slope(x, dim: int, spacing, edge_order: int):
    """The derivative along a dimension: second order inside, `edge_order` at the ends. `spacing` is a number, or the
    coordinates of the points."""

    def at(start, stop):
        return _between(x, start, stop, dim)

    n = x.shape[dim]
    if not getattr(spacing, "ndim", 0):
        inside = (at(2, None) - at(0, -2)) / (2 * spacing)
        first, last = (at(1, 2) - at(0, 1)) / spacing, (at(n - 1, n) - at(n - 2, n - 1)) / spacing
        if edge_order == 2:
            first = (-3 * at(0, 1) + 4 * at(1, 2) - at(2, 3)) / (2 * spacing)
            last = (3 * at(n - 1, n) - 4 * at(n - 2, n - 1) + at(n - 3, n - 2)) / (2 * spacing)
        return jnp.concatenate([first, inside, last], dim)
    shape = (1,) * dim + (-1,) + (1,) * (x.ndim - dim - 1)
    gaps = jnp.diff(spacing).reshape(shape)
    before, after = _between(gaps, 0, -1, dim), _between(gaps, 1, None, dim)
    inside = (
        at(0, -2) * (-after / (before * (before + after)))
        + at(1, -1) * ((after - before) / (before * after))
        + at(2, None) * (before / (after * (before + after)))
    )
    h = [_between(gaps, i, i + 1, dim) for i in range(2)] if n > 2 else [gaps, gaps]
    e = [_between(gaps, n - 2 - i, n - 1 - i, dim) for i in range(2)] if n > 2 else [gaps, gaps]
    first, last = (at(1, 2) - at(0, 1)) / h[0], (at(n - 1, n) - at(n - 2, n - 1)) / e[0]
    if edge_order == 2:
        first = (
            -at(0, 1) * (2 * h[0] + h[1]) / (h[0] * (h[0] + h[1]))
            + at(1, 2) * (h[0] + h[1]) / (h[0] * h[1])
            - at(2, 3) * h[0] / (h[1] * (h[0] + h[1]))
        )
        last = (
            at(n - 1, n) * (2 * e[0] + e[1]) / (e[0] * (e[0] + e[1]))
            - at(n - 2, n - 1) * (e[0] + e[1]) / (e[0] * e[1])
            + at(n - 3, n - 2) * e[0] / (e[1] * (e[0] + e[1]))
        )
    return jnp.concatenate([first, inside, last], dim)


def _gradient(input: Array, spacing: Scalar, dim: int, edge_order: int):
    given = getattr(spacing, "ndim", 0) > 0
    x, spacing = promote_float(input, spacing) if given else (promote_float(input)[0], spacing)
    return _slope(x, dim, spacing, edge_order).astype(x.dtype)


_GRADIENT = Op("gradient", _gradient)


@composite("torch.gradient")
def gradient(input, *, spacing=None, dim=None, edge_order: int = 1):
    """The derivative of the function that `input` samples, along each dimension (or those in `dim`), a tuple.

    `spacing` is the distance of the samples: one number, a number for each dimension, or a vector of coordinates for
    each. Inside it is of second order; at the ends of order `edge_order`, 1 or 2.
    """
    shape = input._aval().shape
    if dim is None:
        many = isinstance(spacing, tuple | list)
        dims = tuple(range(len(shape)))
        check(
            not many or len(spacing) == len(dims),
            "torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to "
            f"'self.dim() = {len(dims)}', since dim argument was not given, but got a list of length "
            f"{len(spacing) if many else 0}",
        )
    else:
        dims = wrap_dims(dim, len(shape))
    if isinstance(spacing, tuple | list):
        check(
            len(spacing) == len(dims),
            "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have the "
            f"same length, but got a spacing argument of length {len(spacing)} and a dim argument of length "
            f"{len(dims)}.",
        )
        spacings = list(spacing)
    else:
        spacings = [1 if spacing is None else spacing] * len(dims)
    check(input.dtype.np.kind not in "ub", f"torch.gradient does not support {input.dtype.name} input.")
    check(edge_order in (1, 2), "torch.gradient only supports edge_order=1 and edge_order=2.")
    for d, s in zip(dims, spacings, strict=True):
        check(
            shape[d] >= edge_order + 1,
            "torch.gradient expected each dimension size to be at least edge_order+1",
        )
        if isinstance(s, Variable):
            at = tuple(s._aval().shape)
            check(len(at) == 1, f"torch.gradient expected each element of spacing to have one dimension, but got an "
                  f"element with {len(at)} dimensions!")  # fmt: skip
            check(
                at[0] == shape[d],
                f"torch.gradient expected each spacing tensor to have as many elements as the dimension, but got "
                f"{at[0]} for a dimension of size {shape[d]}",
            )
    return tuple(
        apply(_GRADIENT, (SLOT, SLOT, d, edge_order), [input, s]) for d, s in zip(dims, spacings, strict=True)
    )


# --- the trapezoid rule -----------------------------------------------------------------------------------------------


def _areas(y, x, dx, dim: int, name: str):
    """(twice the area of each trapezoid between neighbours, the dimension)."""
    for what, given in (("y", y), ("x", x)):
        check(
            given is None or given.dtype != bool,
            f"{name}: received a bool input for `{what}`, but bool is not supported",
        )
    ahead, behind = _between(y, 1, None, dim), _between(y, 0, -1, dim)
    both = ahead + behind
    if x is None:
        check(not jnp.iscomplexobj(dx), f"{name}: Currently, we only support dx as a real number.")
        both, dx = promote_float(both, dx)
        return both * dx
    check(x.ndim > 0, f"{name}: received a zero dimensional tensor for `x`")
    if x.ndim == 1:
        check(x.shape[0] == y.shape[dim], f"{name}: There must be one `x` value for each sample point")
        x = x.reshape((1,) * dim + (-1,) + (1,) * (y.ndim - dim - 1))
    elif x.ndim < y.ndim:
        x = x.reshape((1,) * (y.ndim - x.ndim) + x.shape)
    gaps, both = promote(_between(x, 1, None, dim) - _between(x, 0, -1, dim), both)
    broadcast_shape(gaps.shape, both.shape)
    return gaps * both


def _wide(x):
    """Integers are summed up in int64."""
    return x.dtype if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.int64


def _axis(y, dim: int) -> int:
    if not y.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return wrap_dim(dim, y.ndim)


@op("torch.trapezoid", "torch.trapz", grad="DivBackward0")
def trapezoid(y: Array, x: Array | None = None, *, dx: Scalar = 1, dim: int = -1):
    """The integral along `dim` by the trapezoid rule, with points at `x` or `dx` apart."""
    at = _axis(y, dim)
    if y.shape[at] == 0:
        return jnp.zeros(y.shape[:at] + y.shape[at + 1 :], y.dtype)
    areas = _areas(y, x, dx, at, "trapezoid")
    return promote_float(jnp.sum(areas, at, dtype=_wide(areas)))[0] / 2


@op("torch.cumulative_trapezoid", grad="DivBackward0")
def cumulative_trapezoid(y: Array, x: Array | None = None, *, dx: Scalar = 1, dim: int = -1):
    """The running integral along `dim` by the trapezoid rule, one element shorter than `y`."""
    at = _axis(y, dim)
    areas = _areas(y, x, dx, at, "cumulative_trapezoid")
    return promote_float(jnp.cumsum(areas, at, dtype=_wide(areas)))[0] / 2
