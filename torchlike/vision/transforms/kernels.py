"""Transforms of tensors as pure functions of arrays.

A kernel runs with NumPy where the tensor is on the host and nobody asks for its gradient: pictures come in all sizes
and are cut at all places, and XLA would compile a program for each. Otherwise the same body is an operation like any
other, with a gradient.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

import torchlike as torch
from torchlike.core import capture
from torchlike.core.op import Array, Op, Scalar
from torchlike.facade import call
from torchlike.ops.interpolation import interpolate
from torchlike.tensor import Tensor


def kernel(body: Callable) -> Callable[..., Tensor]:
    """The body as a function of tensors. Array arguments may be NumPy's."""
    recorded = call(Op(body.__name__, body))

    @functools.wraps(body)
    def of_tensors(img: Tensor, *args: Any) -> Tensor:
        if on_host(img):
            made = body(img.detach().numpy(), *args)
            return torch.from_numpy(np.ascontiguousarray(made))
        moved = [torch.from_numpy(a).to(img.device) if isinstance(a, np.ndarray) else a for a in args]
        return recorded(img, *moved)

    return of_tensors


def on_host(img: Tensor) -> bool:
    """Whether the values can be had at once, and nothing is to be recorded."""
    return (
        img.device.type == "cpu"
        and img.dtype.np.kind in "biuf"
        and not (img.requires_grad and torch.is_grad_enabled())
        and not img._aval().traced
        and capture.active is None
    )


def space(x: Any) -> Any:
    """The namespace of an array."""
    return np if isinstance(x, np.ndarray) else jnp


def bound(dtype: Any) -> float:
    """The largest value of a picture of this dtype: 1 for floats."""
    return float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0


def floating(x: Any) -> Any:
    """Floats as they are, everything else as float32."""
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(np.float32)


def back(x: Any, dtype: Any) -> Any:
    """Floats as a dtype, rounded to even where that is an integer's."""
    return (space(x).round(x) if dtype.kind in "iu" else x).astype(dtype)


# --- values -----------------------------------------------------------------------------------------------------------


@kernel
def converted(img: Array, dtype: Any):
    """Values 0 ... bound as those of another dtype."""
    before, after = img.dtype, np.dtype(dtype.np)
    if jnp.issubdtype(before, jnp.floating):
        if jnp.issubdtype(after, jnp.floating):
            return img.astype(after)
        return (img * (bound(after) + 1.0 - 1e-3)).astype(after)
    low, high = bound(before), bound(after)
    if jnp.issubdtype(after, jnp.floating):
        return img.astype(after) / low
    if low > high:
        return (img // int((low + 1) // (high + 1))).astype(after)
    return img.astype(after) * int((high + 1) // (low + 1))


@kernel
def multiplied(img: Array, factor: float, dtype: Any):
    """As another dtype, times a number."""
    return img.astype(dtype.np) * factor


@kernel
def normalized(img: Array, mean: Array, std: Array):
    """(img - mean) / std, one number for each channel."""
    return (img - mean.reshape(-1, 1, 1)) / std.reshape(-1, 1, 1)


def _gray(img):
    """The luma of (..., 3, H, W) as (..., 1, H, W)."""
    r, g, b = (floating(img[..., i, :, :]) for i in range(3))
    return (0.2989 * r + 0.587 * g + 0.114 * b).astype(img.dtype)[..., None, :, :]


@kernel
def gray(img: Array, channels: int):
    """Shades of gray in one or three channels."""
    shades = _gray(img) if img.shape[-3] == 3 else img
    return space(img).broadcast_to(shades, (*img.shape[:-3], channels, *img.shape[-2:]))


def _blend(img, other, ratio):
    mixed = ratio * floating(img) + (1.0 - ratio) * floating(other)
    return space(img).clip(mixed, 0, bound(img.dtype)).astype(img.dtype)


@kernel
def brightened(img: Array, factor: Scalar):
    """Blended with black."""
    return _blend(img, space(img).zeros_like(img), factor)


@kernel
def contrasted(img: Array, factor: Scalar):
    """Blended with its mean shade."""
    shades = _gray(img) if img.shape[-3] == 3 else img
    return _blend(img, floating(shades).mean((-3, -2, -1), keepdims=True), factor)


@kernel
def saturated(img: Array, factor: Scalar):
    """Blended with its shades."""
    return _blend(img, _gray(img), factor)


@kernel
def sharpened(img: Array, factor: Scalar):
    """Blended with a smoothed copy, the border excepted: each pixel there is 5 of its own and 1 of its 8 neighbours."""
    x = floating(img)
    height, width = img.shape[-2:]
    total: Any = 0
    for i in range(3):
        for j in range(3):
            part = x[..., i : height - 2 + i, j : width - 2 + j]
            total = total + part * np.float32((5 if i == j == 1 else 1) / 13)
    xp = space(img)
    inner = back(total, img.dtype)
    middle = xp.concatenate([img[..., 1:-1, :1], inner, img[..., 1:-1, -1:]], -1)
    return _blend(img, xp.concatenate([img[..., :1, :], middle, img[..., -1:, :]], -2), factor)


@kernel
def gamma_corrected(img: Array, gamma: Scalar, gain: Scalar):
    """gain · img ** gamma, for floats in 0 ... 1."""
    return space(img).clip(gain * img**gamma, 0, 1)


@kernel
def hue_shifted(img: Array, shift: Scalar):
    """Floats of 0 ... 1 (..., 3, H, W): round the circle of hues by a part of it (the hexcone model)."""
    xp = space(img)
    r, g, b = (img[..., i, :, :] for i in range(3))
    high, low = img.max(-3), img.min(-3)
    flat, span = high == low, high - low
    saturation = span / xp.where(flat, 1, high)
    divisor = xp.where(flat, 1, span)
    from_r, from_g, from_b = (high - r) / divisor, (high - g) / divisor, (high - b) / divisor
    sector = xp.where(high == r, from_b - from_g, xp.where(high == g, 2.0 + from_r - from_b, 4.0 + from_g - from_r))
    hue = (xp.fmod(sector / 6.0 + 1.0, 1.0) + shift) % 1.0
    sixth = xp.floor(hue * 6.0)
    part = hue * 6.0 - sixth
    p, q, t = (xp.clip(high * (1 - saturation * s), 0, 1) for s in (1, part, 1 - part))
    at = sixth.astype(np.int32) % 6
    order = ((high, q, p, p, t, high), (t, high, high, q, p, p), (p, p, t, high, high, q))
    planes = []
    for choices in order:
        plane = choices[0]
        for i, choice in enumerate(choices[1:], 1):
            plane = xp.where(at == i, choice, plane)
        planes.append(plane)
    return xp.stack(planes, -3).astype(img.dtype)


@kernel
def inverted(img: Array):
    """The bound minus the picture."""
    return (np.asarray(bound(img.dtype), img.dtype) - img).astype(img.dtype)


@kernel
def posterized(img: Array, bits: int):
    """The highest bits only."""
    return img & np.uint8(256 - 2 ** (8 - bits))


@kernel
def solarized(img: Array, threshold: Scalar):
    """Inverted from a value on."""
    top = np.asarray(bound(img.dtype), img.dtype)
    x = floating(img)
    lighter = x >= space(img).asarray(threshold, x.dtype)
    return space(img).where(lighter, (top - img).astype(img.dtype), img)


@kernel
def stretched(img: Array):
    """Each channel from its darkest and lightest value to the full range."""
    xp, top = space(img), bound(img.dtype)
    x = floating(img)
    low, high = x.min((-2, -1), keepdims=True), x.max((-2, -1), keepdims=True)
    flat = high == low
    scale = np.float32(top) / xp.where(flat, 1, high - low)
    low, scale = xp.where(flat, 0, low), xp.where(flat, 1, scale)
    return xp.clip((x - low) * scale, 0, top).astype(img.dtype)


@kernel
def equalized(img: Array):
    """Bytes (..., H, W), each plane's values spread so that they are about equally frequent (as Pillow counts)."""
    xp = space(img)
    flat = img.reshape(-1, img.shape[-2] * img.shape[-1]).astype(np.int32)
    planes = []
    for i in range(flat.shape[0]):
        counts = (flat[i][:, None] == np.arange(256)).sum(0) if xp is jnp else np.bincount(flat[i], minlength=256)
        last = 255 - xp.argmax((counts != 0)[::-1])
        step = (counts.sum() - counts[last]) // 255
        sums = xp.cumsum(counts) + step // 2
        table = xp.concatenate([xp.zeros(1, sums.dtype), (sums // xp.maximum(step, 1))[:-1]])
        table = xp.where(step == 0, np.arange(256), xp.clip(table, 0, 255))
        planes.append(table[flat[i]])
    return xp.stack(planes).reshape(img.shape).astype(img.dtype)


# --- places -----------------------------------------------------------------------------------------------------------


@kernel
def flipped(img: Array, axis: int):
    """Mirrored along an axis."""
    return space(img).flip(img, axis)


@kernel
def padded(img: Array, left: int, top: int, right: int, bottom: int, mode: str, fill: Any):
    """Larger at the four sides; negative numbers cut."""
    height, width = img.shape[-2:]
    img = img[..., max(-top, 0) : height - max(-bottom, 0), max(-left, 0) : width - max(-right, 0)]
    sides = [(0, 0)] * (img.ndim - 2) + [(max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))]
    xp = space(img)
    if mode != "constant":
        return xp.pad(img, sides, mode=mode)
    if not isinstance(fill, tuple):
        return xp.pad(img, sides, constant_values=np.asarray(fill).astype(img.dtype))
    inside = xp.pad(np.ones(img.shape[-2:], bool), sides[-2:])
    colour = np.asarray(fill).astype(img.dtype).reshape(-1, 1, 1)
    return xp.where(inside, xp.pad(img, sides), colour)


@kernel
def cut(img: Array, top: int, left: int, height: int, width: int):
    """A rectangle; what lies outside is 0."""
    h, w = img.shape[-2:]
    inner = img[..., min(max(top, 0), h) : max(top + height, 0), min(max(left, 0), w) : max(left + width, 0)]
    above, before = min(max(-top, 0), height), min(max(-left, 0), width)
    below, behind = height - above - inner.shape[-2], width - before - inner.shape[-1]
    return space(img).pad(inner, [(0, 0)] * (img.ndim - 2) + [(above, below), (before, behind)])


@kernel
def erased(img: Array, values: Array, top: int, left: int):
    """With `values` (C, h, w) written over it."""
    h, w = values.shape[-2:]
    if space(img) is np:
        made = img.copy()
        made[..., top : top + h, left : left + w] = values
        return made
    return img.at[..., top : top + h, left : left + w].set(values.astype(img.dtype))


@kernel
def resized(img: Array, size: tuple, mode: str, antialias: bool, bytes_too: bool):
    """(..., H, W) at another size; `bytes_too`: bytes in fixed-point arithmetic, not as floats that are rounded."""
    x = img.reshape(-1, *img.shape[-3:]) if img.ndim > 2 else img[None, None]
    fixed = bytes_too and img.dtype == np.uint8 and mode in ("bilinear", "bicubic")
    if not fixed and not mode.startswith("nearest"):
        x = x.astype(np.float32) if x.dtype not in (np.float32, np.float64) else x
    made = interpolate(x, size, mode, False, None, antialias and not mode.startswith("nearest"))
    if mode == "bicubic" and img.dtype == np.uint8:
        made = space(img).clip(made, 0, 255)
    return back(made, img.dtype).reshape(*img.shape[:-2], *size)


@kernel
def sampled(img: Array, grid: Array, mode: str, fill: Any):
    """(..., C, H, W) at the points of `grid` (H', W', 2) in -1 ... 1; `fill` (None, or one number for each channel)
    outside."""
    xp = space(img)
    height, width = img.shape[-2:]
    x, y = (grid[..., 0] + 1) * (width / 2) - 0.5, (grid[..., 1] + 1) * (height / 2) - 0.5
    source = floating(img)

    def at(px, py):
        inside = (px >= 0) & (px < width) & (py >= 0) & (py < height)
        px, py = (xp.clip(p, 0, n - 1).astype(np.int32) for p, n in ((px, width), (py, height)))
        return xp.where(inside, source[..., py, px], 0), inside

    if mode == "nearest":
        made, inside = at(xp.round(x), xp.round(y))
        share = inside.astype(source.dtype)
    else:
        x0, y0 = xp.floor(x), xp.floor(y)
        right, lower = x - x0, y - y0
        made = share = 0
        for dy, wy in ((0, 1 - lower), (1, lower)):
            for dx, wx in ((0, 1 - right), (1, right)):
                value, inside = at(x0 + dx, y0 + dy)
                made = made + value * (wx * wy)
                share = share + inside * (wx * wy)
    if fill is not None:
        colour = np.asarray(fill, np.float32).reshape(-1, 1, 1)
        made = xp.where(share < 0.5, colour, made) if mode == "nearest" else made * share + (1 - share) * colour
    return back(made.astype(source.dtype), img.dtype)


@kernel
def blurred(img: Array, columns: Array, rows: Array):
    """Convolved with the weights `rows` along x and `columns` along y, mirrored at the borders."""
    xp = space(img)
    x = floating(img)
    ky, kx = len(columns) // 2, len(rows) // 2
    x = xp.pad(x, [(0, 0)] * (img.ndim - 2) + [(ky, ky), (kx, kx)], mode="reflect")
    height, width = img.shape[-2:]
    x = sum(x[..., i : i + height, :] * columns[i] for i in range(len(columns)))
    x = sum(x[..., i : i + width] * rows[i] for i in range(len(rows)))
    return back(x.astype(floating(img).dtype), img.dtype)


def mixed(pictures: list[Tensor], shares: list[np.ndarray]) -> Tensor:
    """The sum of pictures (C, H, W) or (N, ..., C, H, W), each times its share or one for each of N; cut to the dtype.

    The sum goes from the first to the last, as one adds them up in float32.
    """
    first = pictures[0]
    columns = [share.reshape(-1, *[1] * (max(first.ndim, 4) - 1)) for share in shares]
    if all(map(on_host, pictures)):
        parts = [floating(p.detach().numpy()) * share for p, share in zip(pictures, columns, strict=True)]
        return torch.from_numpy(sum(parts[1:], parts[0]).reshape(first.shape).astype(first.dtype.np))
    moved = [torch.from_numpy(share).to(first.device) for share in columns]
    tensors = [p * share for p, share in zip(pictures, moved, strict=True)]
    return sum(tensors[1:], tensors[0]).reshape(first.shape).to(first.dtype)


@kernel
def reordered(img: Array, order: tuple):
    """The channels in another order."""
    return img[..., np.array(order), :, :]
