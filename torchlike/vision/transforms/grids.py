"""Where the points of a transformed picture come from: matrices and grids, in NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def linspace(start: float, end: float, n: int) -> np.ndarray:
    """`torch.linspace(start, end, n)`: float32, the second half counted from the end."""
    low, high = np.float32(start), np.float32(end)
    if n == 1:
        return np.array([low])
    step, at = (high - low) / np.float32(n - 1), np.arange(n)
    backwards = (n - 1 - at).astype(np.float32)
    return np.where(at < n // 2, low + step * at.astype(np.float32), high - step * backwards)


def inverse_affine_matrix(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shear: Sequence[float]
) -> list[float]:
    """From output to input points, six numbers row by row.

    The map there is translation · center · rotation · shear · scale · center⁻¹, with angles in degrees; `shear` is
    along x and along y.
    """
    rot, sx, sy = (math.radians(v) for v in (angle, *shear))
    (cx, cy), (tx, ty) = center, translate
    a = math.cos(rot - sy) / math.cos(sy)
    b = -math.cos(rot - sy) * math.tan(sx) / math.cos(sy) - math.sin(rot)
    c = math.sin(rot - sy) / math.cos(sy)
    d = -math.sin(rot - sy) * math.tan(sx) / math.cos(sy) + math.cos(rot)
    # the determinant of rotation and shear is 1, so their inverse is this
    m = [d / scale, -b / scale, 0.0, -c / scale, a / scale, 0.0]
    m[2] = m[0] * (-cx - tx) + m[1] * (-cy - ty) + cx
    m[5] = m[3] * (-cx - tx) + m[4] * (-cy - ty) + cy
    return m


def affine_output_size(matrix: Sequence[float], width: int, height: int) -> tuple[int, int]:
    """The width and height that the whole picture takes after the map."""
    x, y = 0.5 * width, 0.5 * height
    corners = np.array([[-x, -y, 1], [-x, y, 1], [x, y, 1], [x, -y, 1]], np.float32)
    moved = corners @ np.array(matrix, np.float32).reshape(2, 3).T + np.array([x, y], np.float32)
    low, high = moved.min(0), moved.max(0)
    tolerance = np.float32(1e-4)  # a corner that rounding put just across a pixel's border
    high = np.ceil(np.trunc(high / tolerance) * tolerance)
    low = np.floor(np.trunc(low / tolerance) * tolerance)
    size = high - low
    return int(size[0]), int(size[1])


def affine_grid(matrix: Sequence[float], width: int, height: int, ow: int, oh: int) -> np.ndarray:
    """(oh, ow, 2) points in -1 ... 1 of an input of width by height, for the map of centred pixel coordinates."""
    x = linspace(-ow * 0.5 + 0.5, ow * 0.5 - 0.5, ow)
    y = linspace(-oh * 0.5 + 0.5, oh * 0.5 - 0.5, oh)[:, None]
    a, b, c, d, e, f = np.array(matrix, np.float32)
    half_w, half_h = np.float32(0.5 * width), np.float32(0.5 * height)
    across = x * (a / half_w) + y * (b / half_w) + c / half_w
    down = x * (d / half_h) + y * (e / half_h) + f / half_h
    return np.stack([across, down], -1)


def perspective_coefficients(startpoints: Sequence, endpoints: Sequence) -> list[float]:
    """The eight numbers of the projective map that takes the end points to the start points."""
    rows, wanted = [], []
    for (ex, ey), (sx, sy) in zip(endpoints, startpoints, strict=True):
        rows += [[ex, ey, 1, 0, 0, 0, -sx * ex, -sx * ey], [0, 0, 0, ex, ey, 1, -sy * ex, -sy * ey]]
        wanted += [sx, sy]
    solved = np.linalg.lstsq(np.array(rows, np.float64), np.array(wanted, np.float64), rcond=None)[0]
    return solved.astype(np.float32).tolist()


def perspective_grid(coefficients: Sequence[float], width: int, height: int) -> np.ndarray:
    """(height, width, 2) points in -1 ... 1 for the map of pixel coordinates."""
    x = linspace(0.5, width - 0.5, width)
    y = linspace(0.5, height - 0.5, height)[:, None]
    a, b, c, d, e, f, g, h = np.array(coefficients, np.float32)
    half_w, half_h = np.float32(0.5 * width), np.float32(0.5 * height)
    below = x * g + y * h + np.float32(1)
    across = (x * (a / half_w) + y * (b / half_w) + c / half_w) / below - 1
    down = (x * (d / half_h) + y * (e / half_h) + f / half_h) / below - 1
    return np.stack([across, down], -1)


def gaussian_weights(size: int, sigma: float) -> np.ndarray:
    """`size` weights of a normal density, which add up to 1."""
    half = (size - 1) * 0.5
    density = np.exp(-0.5 * (linspace(-half, half, size) / np.float32(sigma)) ** 2)
    return density / density.sum()
