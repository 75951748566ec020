"""Quantiles, covariance and correlation, histograms over given edges."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.dtype import category
from torchlike.core.op import SLOT, Array, Arrays, Op, Scalar, composite, op
from torchlike.core.variable import Variable, apply
from torchlike.ops.checks import check, listed, need, word
from torchlike.ops.copies import put_out
from torchlike.ops.dims import wrap_dim
from torchlike.ops.promotion import promote_float
from torchlike.ops.results import named

# --- quantiles --------------------------------------------------------------------------------------------------------

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(input: Array, q: Scalar, dim: int | None, keepdim: bool, interpolation: str, skip: bool):
    q = jnp.asarray(q, input.dtype)
    at = 0 if dim is None else wrap_dim(dim, input.ndim)
    x = input.reshape(-1) if dim is None or not input.ndim else jnp.moveaxis(input, at, -1)
    x = jnp.sort(x, -1)  # what is not a number comes last
    bad = jnp.isnan(x)
    last = x.shape[-1] - 1
    if skip:
        top = jnp.maximum(x.shape[-1] - jnp.sum(bad, -1, keepdims=True) - 1, 0).astype(x.dtype)
        rank = q.reshape(-1) * top
    else:
        rank = jnp.where(bad.any(-1, keepdims=True), last, q.reshape(-1) * last)
    if interpolation == "lower":
        rank = jnp.floor(rank)
    elif interpolation == "higher":
        rank = jnp.ceil(rank)
    elif interpolation == "nearest":
        rank = jnp.round(rank)
    below = jnp.floor(lax.stop_gradient(rank))
    low = jnp.take_along_axis(x, below.astype(jnp.int64), -1, mode="clip")
    if interpolation in ("linear", "midpoint"):
        high = jnp.take_along_axis(x, jnp.ceil(lax.stop_gradient(rank)).astype(jnp.int64), -1, mode="clip")
        weight = rank - below if interpolation == "linear" else jnp.full_like(rank, 0.5)
        low = jnp.where(weight < 0.5, low + weight * (high - low), high - (high - low) * (1 - weight))
    out = jnp.moveaxis(low, -1, 0)
    if keepdim and dim is None:
        out = out.reshape(-1, *(1,) * input.ndim)
    elif keepdim and input.ndim:
        out = jnp.expand_dims(out, at + 1)
    return out if q.ndim else out.reshape(out.shape[1:])


_QUANTILE = Op("quantile", _quantile)
_NANQUANTILE = Op("nanquantile", _quantile)


def _checked_quantile(name: str, made: Op, doc: str):
    def fn(input, q, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear", out=None):
        check(input.numel() > 0, f"{name}() input tensor must be non-empty")
        check(
            input.dtype.name in ("float32", "float64"),
            f"{name}() input tensor must be either float or double dtype",
        )
        if isinstance(q, Variable):
            check(q.ndim <= 1, f"{name}() q must be a scalar or 1D tensor")  # type: ignore[attr-defined]
            check(q.dtype is input.dtype, f"{name}() q tensor must be same dtype as the input tensor")  # type: ignore[attr-defined]
            host = q.detach()._host()  # type: ignore[attr-defined]
        else:
            host = np.asarray(q)
        inside = bool(((host >= 0) & (host <= 1)).all())
        check(
            inside,
            f"{name}() q values must be in the range [0, 1]" if isinstance(q, Variable)
            else f"{name}() q must be in the range [0, 1] but got {q:g}",
        )
        check(
            interpolation in _INTERPOLATIONS,
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got "
            f"{interpolation}",
        )
        template = (SLOT, SLOT, dim, bool(keepdim), interpolation, made is _NANQUANTILE)
        return put_out(name, apply(made, template, [input, q]), out)

    fn.__name__ = name
    fn.__doc__ = doc
    return composite(f"*.{name}")(fn)


quantile = _checked_quantile(
    "quantile", _QUANTILE,
    """The values below which the fractions `q` of the elements lie, along `dim` or of all of them.

    `q` is a number or a vector (read: a barrier), which becomes the first dimension of the result. Between two elements
    `interpolation` decides: "linear", "lower", "higher", "midpoint" or "nearest". What is not a number spoils all.
    """,
)  # fmt: skip
nanquantile = _checked_quantile("nanquantile", _NANQUANTILE, "`quantile` of what is a number.")

# --- covariance -------------------------------------------------------------------------------------------------------


def _cov(input: Array, correction: Scalar, fweights: Array | None, aweights: Array | None):
    x = jnp.atleast_2d(input) if input.ndim < 2 else input
    x = promote_float(x)[0]
    n = x.shape[1]
    w = fweights
    if aweights is not None:
        w = aweights if w is None else w * aweights
    if w is None:
        total, mean = jnp.asarray(n, x.real.dtype), jnp.sum(x, 1, keepdims=True) / n
        weighted = x - mean
        centred = weighted
    else:
        w = w.reshape(-1)
        total = jnp.sum(w)
        mean = jnp.sum(x * w, 1, keepdims=True) / total
        centred = x - mean
        weighted = centred * w
    left = total - correction
    if w is not None and aweights is not None:
        left = total - correction * jnp.sum(w * aweights.reshape(-1)) / total
    product = jnp.matmul(centred, weighted.T.conj(), precision="highest")
    return (product / jnp.maximum(left, 0).astype(product.real.dtype)).squeeze()


_COV = Op("cov", _cov, grad="SqueezeBackward0")


@composite("*.cov")
def cov(input, *, correction: int = 1, fweights=None, aweights=None):
    """The covariance matrix of the variables in the rows of `input`, each column one observation.

    `fweights` (integers) say how often each observation counts, `aweights` how much; their sum is read (a barrier).
    Normalised by the number of observations less `correction`.
    """
    check(
        input.ndim <= 2,
        f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions",
    )
    check(input.dtype.name != "bool", "cov(): bool dtype is not supported for input")
    n = input._aval().shape[-1] if input.ndim else 1
    given = []
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            continue
        check(
            w.ndim <= 1,
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with {w.ndim} dimensions",
        )
        kind = "integral" if name == "fweights" else "floating point"
        fits = w.dtype.np.kind in "iu" if name == "fweights" else w.is_floating_point()
        check(fits, f"cov(): expected {name} to have {kind} dtype but got {name} with {w.dtype._scalar_name} dtype")
        check(
            w.numel() == n,
            f"cov(): expected {name} to have the same numel as there are observations in the input but got "
            f"{w.numel()} != {n}",
        )
        host = w.detach()._host()
        check(not host.size or host.min() >= 0, f"cov(): {name} cannot be negative")
        given.append(host)
    if given:
        check(
            bool(np.prod(np.broadcast_arrays(*given), 0).sum() != 0), "cov(): weights sum to zero, can't be normalized"
        )
    template = (SLOT, SLOT, *(None if w is None else SLOT for w in (fweights, aweights)))
    return apply(_COV, template, [input, correction, *(w for w in (fweights, aweights) if w is not None)])


@op("*.corrcoef", grad="ClampBackward1")
def corrcoef(input: Array):
    """Pearson's correlation coefficients of the variables in the rows of `input`, each column one observation."""
    check(
        input.ndim <= 2,
        f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions",
    )
    check(input.dtype != bool, "cov(): bool dtype is not supported for input")
    c = _cov(input, 1, None, None)
    if not c.ndim:
        return c / c
    spread = jnp.sqrt(jnp.diagonal(c).real)
    c = c / spread[:, None] / spread[None, :]
    if jnp.iscomplexobj(c):
        return lax.complex(jnp.clip(c.real, -1, 1), jnp.clip(c.imag, -1, 1))
    return jnp.clip(c, -1, 1)


# --- histograms -------------------------------------------------------------------------------------------------------


def _edges(input: Array, low: Scalar, high: Scalar, bins: int, own: bool):
    """Edges of equal bins from low to high, or over the data's `own` range."""
    low, high = jnp.asarray(low, input.dtype), jnp.asarray(high, input.dtype)
    if own:
        low, high = (jnp.min(input), jnp.max(input)) if input.size else (low, high + 1)
    same = low == high
    low, high = jnp.where(same, low - 0.5, low), jnp.where(same, high + 0.5, high)
    step = (high - low) / bins
    i = jnp.arange(bins + 1)
    return jnp.where(i < (bins + 1) // 2, low + step * i, high - step * (bins - i)).astype(input.dtype)


_EDGES = Op("histogram_edges", _edges, differentiable=False)


def _counted(input: Array, weight: Array | None, edges: Arrays, density: bool):
    points = input.reshape(-1, len(edges))
    sizes = tuple(e.shape[0] - 1 for e in edges)
    inside = jnp.ones(points.shape[0], bool)
    places = []
    for d, e in enumerate(edges):
        x = points[:, d]
        inside &= (x >= e[0]) & (x <= e[-1])
        places.append(jnp.clip(jnp.searchsorted(e, x, side="right") - 1, 0, sizes[d] - 1))
    weights = inside.astype(input.dtype) if weight is None else jnp.where(inside, weight.reshape(-1), 0)
    hist = jnp.zeros(sizes, input.dtype).at[tuple(places)].add(weights)
    if density:
        hist = hist / jnp.sum(hist)
        for d, e in enumerate(edges):
            hist = hist / jnp.diff(e).reshape(-1, *(1,) * (len(sizes) - d - 1))
    return hist


_COUNTED = Op("histogramdd", _counted, differentiable=False)


def _histogram(name: str, input, columns: int, bins, range, weight, density: bool):
    """(counts, [edges]) of points with so many coordinates."""
    shape = tuple(input._aval().shape)
    per_point = shape if name == "histogram" else shape[:-1]
    if weight is not None:
        check(
            weight._aval().shape == per_point,
            f"torch.{name}: if weight tensor is provided it should have the same shape as the input tensor "
            f"{'excluding its innermost dimension' if name == 'histogramdd' else ''}, but got input with shape "
            f"{listed(input)}, and weight with shape {listed(weight)}",
        )
        check(
            weight.dtype is input.dtype,
            f"torch.{name}: if weight tensor is provided, input tensor and weight tensor should have the same dtype, "
            f"but got input {input.dtype.name}, and weight {weight.dtype.name}",
        )
    made = []
    for d, b in enumerate(bins):
        if isinstance(b, Variable):
            check(
                b.dtype is input.dtype,  # type: ignore[attr-defined]
                f"torch.{name}: input tensor and bins tensors should have the same dtype, but got input with dtype "
                f"{input.dtype.name} and bins for dimension {d} with dtype {b.dtype.name}",  # type: ignore[attr-defined]
            )
            check(
                b.ndim == 1,  # type: ignore[attr-defined]
                f"torch.{name}: bins tensor should have one dimension, but got {b.ndim} dimensions in the bins "  # type: ignore[attr-defined]
                f"tensor for dimension {d}",
            )
            check(
                b.numel() > 0,  # type: ignore[attr-defined]
                f"torch.{name}: bins tensor should have at least 1 element, but got 0 elements in the bins tensor for "
                f"dimension {d}",
            )
            made.append(b)
            continue
        check(b > 0, f"torch.{name}(): bins must be > 0, but got {b} for dimension {d}")
        low, high = (0.0, 0.0) if range is None else range[2 * d : 2 * d + 2]
        column = input if columns == 1 else input.reshape(-1, columns)[:, d]
        if range is not None:
            check(
                math.isfinite(low) and math.isfinite(high),
                f"torch.{name}: dimension {d}'s range [{low}, {high}] is not finite",
            )
            check(
                low <= high,
                f"torch.{name}: min should not exceed max, but got min {low} max {high} for dimension {d}",
            )
        elif input.numel():
            host = column.detach()._host()
            check(
                bool(np.isfinite(host.astype(np.float64)).all()),
                f"torch.{name}: dimension {d}'s range [{host.min()}, {host.max()}] is not finite",
            )
        made.append(apply(_EDGES, (SLOT, SLOT, SLOT, int(b), range is None), [column, low, high]))
    template = (SLOT, None if weight is None else SLOT, (SLOT,) * len(made), bool(density))
    return apply(_COUNTED, template, [input, *([] if weight is None else [weight]), *made]), made


_Histogram = named("histogram", "hist", "bin_edges")
_HistogramDD = named("histogramdd", "hist", "bin_edges")


def _floating(input, name: str) -> None:
    need(input._aval(), name, 2, 2)


@composite("*.histogram")
def histogram(input, bins, *, range=None, weight=None, density: bool = False, out=None):
    """(hist, bin_edges): how many elements (or how much weight) falls between the edges.

    `bins` is the number of equal bins over `range` (by default from the least to the greatest element, read: a
    barrier), or a sorted vector of edges. Every bin holds its left edge, the last one its right edge too. `density`
    makes the integral 1.
    """
    _floating(input, "histogramdd")
    hist, edges = _histogram("histogram", input, 1, [bins], range, weight, density)
    made = _Histogram((hist, edges[0]))
    return made if out is None else _Histogram(put_out("histogram", m, o) for m, o in zip(made, out, strict=True))


@composite("torch.histogramdd")
def histogramdd(input, bins, *, range=None, weight=None, density: bool = False):
    """(hist, bin_edges): `histogram` of points whose coordinates stand along the last dimension.

    `bins` is a number of bins, a number or a vector of edges for each coordinate; `range` holds a low and a high end
    for each coordinate.
    """
    _floating(input, "histogramdd")
    check(input.ndim >= 2, "torch.histogramdd: input tensor should have at least 2 dimensions")
    n = input._aval().shape[-1]
    each = [bins] * n if isinstance(bins, int) else list(bins)
    check(
        len(each) == n,
        "histogramdd: The size of bins must be equal to the innermost dimension of the input.",
    )
    check(
        range is None or len(range) == 2 * n,
        f"torch.histogramdd: for a {n}-dimensional histogram range should have {2 * n} elements, but got "
        f"{0 if range is None else len(range)}",
    )
    hist, edges = _histogram("histogramdd", input, n, each, range, weight, density)
    return _HistogramDD((hist, edges))


# --- norms of the parts -----------------------------------------------------------------------------------------------


@op("*.renorm", "Tensor.renorm_")
def renorm(input: Array, p: float, dim: int, maxnorm: float):
    """Each part along `dim` whose p-norm is above `maxnorm` scaled down to it (the small number is PyTorch's)."""
    check(not isinstance(p, complex), "renorm: p must be real-valued")
    check(p > 0, "renorm: non-positive-norm not supported")
    check(not isinstance(maxnorm, complex), "renorm: maxnorm must be real-valued")
    check(maxnorm >= 0, f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    check(input.ndim > 1, f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    check(category(input.dtype) >= 2, f"\"renorm\" not implemented for '{word(input)}'")
    from torchlike.ops.norms import vector_norm

    dim = wrap_dim(dim, input.ndim)
    wide = input.astype(jnp.float32) if input.dtype.itemsize == 2 else input
    norm = vector_norm(wide, float(p), tuple(d for d in range(input.ndim) if d != dim), True)
    factor = jnp.where(norm > maxnorm, maxnorm / (norm + 1e-7), 1).astype(norm.dtype)
    return (wide * factor).astype(input.dtype)
