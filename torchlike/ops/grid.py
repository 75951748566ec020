"""Sampling at arbitrary points: grids of coordinates from -1 to 1 over the input."""

from __future__ import annotations

import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np

from torchlike.core.op import Array, op
from torchlike.ops.checks import check, listed, word
from torchlike.ops.interpolation import cubic

BILINEAR, NEAREST, BICUBIC = range(3)
ZEROS, BORDER, REFLECTION = range(3)


def _places(grid, size: int, align_corners: bool):
    """From -1 ... 1 to places: the centres (align_corners) or the outer borders of the outermost elements."""
    return (grid + 1) / 2 * (size - 1) if align_corners else ((grid + 1) * size - 1) / 2


def _clipped(x, size: int):
    """Places no further than the border; on it and beyond, the gradient is 0."""
    return jnp.where(x > 0, jnp.where(x < size - 1, x, size - 1), 0)


def _reflected(x, low2: int, high2: int):
    """Places mirrored at low2 / 2 and high2 / 2 until they lie between."""
    if low2 == high2:
        return jnp.zeros_like(x)
    low, span = low2 / 2, (high2 - low2) / 2
    x = x - low
    x = jnp.where(x < 0, -x, x)
    rest, turns = jnp.fmod(x, span), jnp.floor(x / span)
    return jnp.where(turns % 2 == 0, rest + low, span - rest + low)


def _padded(x, size: int, padding: int, align_corners: bool):
    if padding == REFLECTION:
        x = _reflected(x, 0, 2 * (size - 1)) if align_corners else _reflected(x, -1, 2 * size - 1)
    return x if padding == ZEROS else _clipped(x, size)


def _at(input, places: list):
    """The elements of (N, C, *) at integer places, each (N, *out); zero outside."""
    spatial = input.shape[2:]
    inside: Any = True
    flat: Any = 0
    for place, n in zip(places, spatial, strict=True):
        inside = inside & (place >= 0) & (place < n)
        flat = flat * n + jnp.clip(place, 0, n - 1)
    batch, channels = input.shape[:2]
    rows = input.reshape(batch, channels, -1)
    picked = jnp.take_along_axis(rows, flat.reshape(batch, 1, -1), 2).reshape(batch, channels, *flat.shape[1:])
    return jnp.where(inside[:, None], picked, 0)


def _sample(input, grid, mode: int, padding: int, align_corners: bool):
    spatial = input.shape[2:]
    n = len(spatial)
    given = input.dtype
    if given.itemsize == 2:
        input, grid = input.astype(jnp.float32), grid.astype(jnp.float32)
    places = [_places(grid[..., n - 1 - a], s, align_corners) for a, s in enumerate(spatial)]
    if mode != BICUBIC:
        places = [_padded(x, s, padding, align_corners) for x, s in zip(places, spatial, strict=True)]
    if mode == NEAREST:
        return _at(input, [_whole(jnp.rint(x)) for x in places]).astype(given)
    total: Any = 0
    lows = [jnp.floor(x) for x in places]
    if mode == BICUBIC:
        weights = [cubic(x - low, -0.75) for x, low in zip(places, lows, strict=True)]
        for at in itertools.product(range(4), repeat=n):
            taps = [
                _whole(_padded(low + (i - 1), s, padding, align_corners))
                for low, i, s in zip(lows, at, spatial, strict=True)
            ]
            both = weights[0][at[0]] * weights[1][at[1]]
            total = total + _at(input, taps) * both[:, None]
        return total.astype(given)
    for at in itertools.product(range(2), repeat=n):
        weight: Any = 1
        for x, low, i in zip(places, lows, at, strict=True):
            weight = weight * ((x - low) if i else (low + 1 - x))
        taps = [_whole(low) + i for low, i in zip(lows, at, strict=True)]
        total = total + _at(input, taps) * weight[:, None]
    return total.astype(given)


def _whole(x):
    """As integers; what is not a number or far outside counts as outside."""
    return jnp.where(jnp.abs(x) < 2**30, x, -(2.0**30)).astype(jnp.int64)


def _check_sampler(input, grid, n: int, mode: int) -> None:
    check(
        input.dtype == grid.dtype,
        f"grid_sampler(): expected input and grid to have same dtype, but input has {word(input)} and grid has "
        f"{word(grid)}",
    )
    check(
        input.ndim in (4, 5) and grid.ndim == input.ndim and input.ndim == n + 2,
        f"grid_sampler(): expected {n + 2}D input and grid with same number of dimensions, but got input with sizes "
        f"{listed(input)} and grid with sizes {listed(grid)}",
    )
    check(
        input.shape[0] == grid.shape[0],
        "grid_sampler(): expected grid and input to have same batch size, but got input with sizes "
        f"{listed(input)} and grid with sizes {listed(grid)}",
    )
    check(
        grid.shape[-1] == n,
        f"grid_sampler(): expected grid to have size {n} in last dimension, but got grid with sizes {listed(grid)}",
    )
    for i, s in enumerate(input.shape[2:], 2):
        check(
            s > 0,
            f"grid_sampler(): expected input to have non-empty spatial dimensions, but input has sizes "
            f"{listed(input)} with dimension {i} being empty",
        )
    check(
        not (n == 3 and mode == BICUBIC), "grid_sampler(): bicubic interpolation only supports 4D input"
    )


@op("torch.grid_sampler_2d", grad="GridSampler2DBackward0")
def grid_sampler_2d(input: Array, grid: Array, interpolation_mode: int, padding_mode: int, align_corners: bool):
    """`input` (N, C, H, W) at the points of `grid` (N, H', W', 2), each (x, y) from -1 to 1.

    interpolation_mode: 0 bilinear, 1 nearest, 2 bicubic. padding_mode, for points outside: 0 zeros, 1 the border, 2
    mirrored.
    """
    _check_sampler(input, grid, 2, interpolation_mode)
    return _sample(input, grid, interpolation_mode, padding_mode, align_corners)


@op("torch.grid_sampler_3d", grad="GridSampler3DBackward0")
def grid_sampler_3d(input: Array, grid: Array, interpolation_mode: int, padding_mode: int, align_corners: bool):
    """`input` (N, C, D, H, W) at the points of `grid` (N, D', H', W', 3), each (x, y, z); see `grid_sampler_2d`."""
    _check_sampler(input, grid, 3, interpolation_mode)
    return _sample(input, grid, interpolation_mode, padding_mode, align_corners)


@op("torch.grid_sampler", grad=lambda template, avals: f"GridSampler{len(avals[0].shape) - 2}DBackward0")
def grid_sampler(input: Array, grid: Array, interpolation_mode: int, padding_mode: int, align_corners: bool):
    """`grid_sampler_2d` or `grid_sampler_3d`, as the input's dimensions say."""
    n = input.ndim - 2 if input.ndim in (4, 5) else 2
    check(
        input.ndim in (4, 5) and grid.ndim == input.ndim,
        "grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes "
        f"{listed(input)} and grid with sizes {listed(grid)}",
    )
    _check_sampler(input, grid, n, interpolation_mode)
    return _sample(input, grid, interpolation_mode, padding_mode, align_corners)


@op("torch.affine_grid_generator", grad="AffineGridGeneratorBackward0")
def affine_grid_generator(theta: Array, size: tuple, align_corners: bool):
    """The grid that the affine maps `theta` (N, 2, 3) or (N, 3, 4) make of a regular one, for outputs of `size`."""
    axes = []
    for s in size[2:]:
        line = np.linspace(-1, 1, s) if s > 1 else np.zeros(s)
        axes.append(line if align_corners or s <= 1 else line * (s - 1) / s)
    mesh = np.meshgrid(*axes, indexing="ij")
    points = np.stack([*mesh[::-1], np.ones_like(mesh[0])], -1)  # (*, n + 1): x first, and a one for the translation
    base = jnp.asarray(points, theta.dtype)
    return jnp.einsum("...j,nij->n...i", base, theta)
