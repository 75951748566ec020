"""Resizing by interpolation: every dimension by itself, each output a weighted sum of a few inputs.

Which inputs and which weights depends on sizes alone, so both are NumPy constants of the program.
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from torchlike.core.op import Array, op
from torchlike.ops.checks import check, listed, need

_NAMES = {"nearest": "UpsampleNearest{n}D", "nearest-exact": "UpsampleNearestExact{n}D", "linear": "UpsampleLinear1D",
          "bilinear": "UpsampleBilinear2D", "trilinear": "UpsampleTrilinear3D",
          "bicubic": "UpsampleBicubic2D"}  # fmt: skip


def _name(template, avals) -> str:
    stem = _NAMES.get(template[2], "UpsampleLanczos2D").format(n=len(avals[0].shape) - 2)
    return f"{stem}{'Aa' if template[5] else ''}Backward0"


def _step(n: int, o: int, align_corners: bool, factor: float | None, real) -> np.floating:
    """Inputs per output, in the precision that PyTorch computes it in."""
    if align_corners:
        return real(n - 1) / real(o - 1) if o > 1 else real(0)
    return real(1.0 / factor) if factor is not None and factor > 0 else real(n) / real(o)


def _nearest(n: int, o: int, factor, real, exact: bool):
    at = np.arange(o).astype(real)
    place = np.floor((at + real(0.5) if exact else at) * _step(n, o, False, factor, real)).astype(np.int64)
    return np.minimum(place, n - 1)[:, None], np.ones((o, 1))


def _linear(n: int, o: int, align_corners: bool, factor, real):
    if n == o:
        return np.arange(o)[:, None], np.ones((o, 1))
    at, step = np.arange(o).astype(real), _step(n, o, align_corners, factor, real)
    place = at * step if align_corners else np.maximum(step * (at + real(0.5)) - real(0.5), real(0))
    low = np.minimum(np.floor(place).astype(np.int64), n - 1)
    part = np.clip(place - low.astype(real), 0, 1)
    return np.stack([low, np.minimum(low + 1, n - 1)], 1), np.stack([1 - part, part], 1)


def cubic(t, a: float):
    """Keys' convolution weights of the four neighbours of a point `t` behind the second of them."""
    near = lambda x: ((a + 2) * x - (a + 3)) * x * x + 1  # noqa: E731
    far = lambda x: ((a * x - 5 * a) * x + 8 * a) * x - 4 * a  # noqa: E731
    return far(t + 1), near(t), near(1 - t), far(2 - t)


def _bicubic(n: int, o: int, align_corners: bool, factor, real):
    at, step = np.arange(o).astype(real), _step(n, o, align_corners, factor, real)
    place = at * step if align_corners else step * (at + real(0.5)) - real(0.5)
    low = np.minimum(np.floor(place).astype(np.int64), n - 1)
    weights = cubic(np.clip(place - low.astype(real), 0, 1), -0.75)
    return np.clip(low[:, None] + np.arange(-1, 3), 0, n - 1), np.stack(weights, 1)


def _hat(x):
    return np.maximum(1 - np.abs(x), 0)


def _keys(x):
    x = np.abs(x)
    a = -0.5
    near, far = ((a + 2) * x - (a + 3)) * x * x + 1, (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(x):
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


_FILTERS = {"bilinear": (_hat, 1), "bicubic": (_keys, 2), "lanczos": (_lanczos, 3)}


def _antialiased(n: int, o: int, align_corners: bool, factor, mode: str, real):
    """When shrinking, the filter is as much wider as the output is smaller (Pillow's way)."""
    kernel, reach = _FILTERS[mode]
    step = float(_step(n, o, align_corners, factor, real))
    wide = max(step, 1.0)
    support = reach * wide
    centre = step * (np.arange(o) + 0.5)
    first = np.maximum((centre - support + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + support + 0.5).astype(np.int64), n)
    place = first[:, None] + np.arange(max(int((last - first).max(initial=1)), 1))
    weights = np.where(place < last[:, None], kernel((place - centre[:, None] + 0.5) / wide), 0)
    total = weights.sum(1, keepdims=True)
    return np.minimum(place, n - 1), weights / np.where(total == 0, 1, total)


def _namespace(x: Any) -> Any:
    """NumPy for its own arrays, on which bodies here work too (pictures on the host come in all sizes), else JAX's."""
    return np if isinstance(x, np.ndarray) else jnp


_MATRIX = 8  # from so many inputs per output on one product with a matrix is quicker than gathering them


def _resize(x, axis: int, place: np.ndarray, weights: np.ndarray):
    """Along one axis: the weighted sum of the inputs at `place` (o, taps)."""
    xp = _namespace(x)
    taps = place.shape[1]
    if taps == 1:
        n = x.shape[axis]
        return x if np.array_equal(place[:, 0], np.arange(n)) else xp.take(x, place[:, 0], axis)
    if taps >= _MATRIX:
        matrix = np.zeros((x.shape[axis], len(place)))
        np.add.at(matrix, (place, np.arange(len(place))[:, None]), weights)
        return xp.moveaxis(xp.tensordot(x, xp.asarray(matrix, x.dtype), (axis, 0)), -1, axis)
    shape = [-1 if a == axis else 1 for a in range(x.ndim)]
    total = None
    for i in range(taps):
        part = xp.take(x, place[:, i], axis) * xp.asarray(weights[:, i], x.dtype).reshape(shape)
        total = part if total is None else total + part
    return total


def _resize_bytes(x, axis: int, place: np.ndarray, weights: np.ndarray):
    """As `_resize`, in PyTorch's fixed-point arithmetic: weights of 16 bits, one rounding per axis."""
    if x.shape[axis] == len(place):
        return x
    weights = weights.copy()
    for i in range(1, place.shape[1]):  # beyond the border one input stands for several: its weights are rounded as one
        again = place[:, i] == place[:, i - 1]
        weights[again, i] += weights[again, i - 1]
        weights[again, i - 1] = 0
    bits = 0
    while bits < 22 and int(0.5 + weights.max() * (1 << (bits + 1))) < 1 << 15:
        bits += 1
    whole = np.trunc(weights * (1 << bits) + np.where(weights < 0, -0.5, 0.5))
    wide = x.astype(jnp.int32).astype(jnp.float64)  # exact: the sums stay far below 2 ** 53
    total = _resize(wide, axis, place, whole).astype(jnp.int64) + (1 << (bits - 1))
    return _namespace(x).clip(total >> bits, 0, 255).astype(x.dtype)


@op(grad=_name)
def interpolate(
    input: Array, size: tuple, mode: str, align_corners: bool, factors: tuple | None, antialias: bool = False
):
    """`input` (N, C, *) resized to `size`; `factors` are the ratios the user gave, where they say how far inputs lie
    apart instead of the sizes."""
    n = input.ndim - 2
    spatial = input.shape[2:]
    check(
        all(input.shape[1:]),
        f"Non-empty {n + 2}D data tensor expected but got a tensor with sizes {listed(input)}",
    )
    check(
        min(spatial) > 0 and min(size) > 0,
        "Input and output sizes should be greater than 0, but got input "
        + " ".join(f"({a}: {s}" if not i else f"{a}: {s}" for i, (a, s) in enumerate(zip("DHW"[-n:], spatial)))  # noqa: B905
        + ") output "
        + " ".join(f"({a}: {s}" if not i else f"{a}: {s}" for i, (a, s) in enumerate(zip("DHW"[-n:], size)))  # noqa: B905
        + ")",
    )
    stem = {"nearest": "nearest", "nearest-exact": "nearest", "bicubic": "bicubic"}.get(mode, "linear")
    bytes_too = input.dtype == np.uint8 and mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "lanczos")
    if not bytes_too:
        need(input, f"compute_indices_weights_{stem}", 2, 2)
    real = np.float32 if input.dtype.itemsize > 1 and input.dtype != np.float64 else np.float64
    x = input if bytes_too or mode.startswith("nearest") else input.astype(real)
    for axis in reversed(range(n)):
        s, o = spatial[axis], size[axis]
        factor = None if factors is None else factors[axis]
        if mode.startswith("nearest"):
            taps = _nearest(s, o, factor, real, mode == "nearest-exact")
        elif antialias:
            taps = _antialiased(s, o, align_corners, factor, mode, real)
        else:
            taps = (_bicubic if mode == "bicubic" else _linear)(s, o, align_corners, factor, real)
        x = (_resize_bytes if bytes_too and not mode.startswith("nearest") else _resize)(x, axis + 2, *taps)
    return x.astype(input.dtype)


def output_size(spatial: tuple, factors: tuple) -> tuple:
    """The sizes after multiplication by the ratios, rounded down."""
    return tuple(math.floor(s * f) for s, f in zip(spatial, factors, strict=True))
