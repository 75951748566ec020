"""What transforms of a picture do to the boxes in it: pure functions of arrays (N, 4), like those of `kernels.py`.

`fmt` is what the four numbers are: "XYXY", "XYWH" or "CXCYWH". Boxes of integers are computed with in float32 and cut
to integers, as in torchvision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from torchlike.core.op import Array
from torchlike.vision.transforms import functional, grids
from torchlike.vision.transforms.kernels import floating, kernel, space
from torchlike.vision.transforms.kinds import BOXES
from torchlike.vision.tv_tensors import BoundingBoxes

# --- arrays -----------------------------------------------------------------------------------------------------------


def _corners(b: Any, fmt: str) -> list:
    """x1, y1, x2, y2."""
    p, q, r, s = (b[:, i] for i in range(4))
    if fmt == "XYXY":
        return [p, q, r, s]
    if fmt == "CXCYWH":
        p, q = p - r / 2, q - s / 2
    return [p, q, p + r, q + s]


def _as(fmt: str, corners: list, dtype: Any) -> Any:
    x1, y1, x2, y2 = corners
    w, h = x2 - x1, y2 - y1
    numbers = {"XYXY": (x1, y1, x2, y2), "XYWH": (x1, y1, w, h), "CXCYWH": ((x1 * 2 + w) / 2, (y1 * 2 + h) / 2, w, h)}
    return space(x1).stack(numbers[fmt], -1).astype(dtype)


def _cut(corners: Any, canvas: tuple) -> list:
    """No further than the border; `canvas` is (height, width, whether to cut)."""
    height, width, cuts = canvas
    if not cuts:
        return list(corners)
    return [space(c).clip(c, 0, limit) for c, limit in zip(corners, (width, height) * 2, strict=True)]


def _around(x: Any, y: Any) -> list:
    """The box around points (N, 4)."""
    return [x.min(-1), y.min(-1), x.max(-1), y.max(-1)]


def _points(corners: list) -> tuple:
    """The four corners, x and y each (N, 4)."""
    x1, y1, x2, y2 = corners
    xp = space(x1)
    return xp.stack([x1, x2, x2, x1], -1), xp.stack([y1, y1, y2, y2], -1)


@kernel
def converted(boxes: Array, fmt: str, new: str):
    """Another format."""
    return _as(new, _corners(floating(boxes), fmt), boxes.dtype)


@kernel
def clamped(boxes: Array, fmt: str, canvas: tuple):
    """Cut off at the border."""
    return _as(fmt, _cut(_corners(floating(boxes), fmt), canvas), boxes.dtype)


@kernel
def flipped(boxes: Array, fmt: str, axis: int, side: int):
    """Seen in a mirror along x (0) or y (1) of a picture with this side."""
    corners = _corners(floating(boxes), fmt)
    corners[axis], corners[axis + 2] = side - corners[axis + 2], side - corners[axis]
    return _as(fmt, corners, boxes.dtype)


@kernel
def shifted(boxes: Array, fmt: str, dx: int, dy: int, canvas: tuple):
    """Moved, and cut off at a new border."""
    x1, y1, x2, y2 = _corners(floating(boxes), fmt)
    return _as(fmt, _cut([x1 + dx, y1 + dy, x2 + dx, y2 + dy], canvas), boxes.dtype)


@kernel
def kept(boxes: Array, which: Array):
    """Zeros in the place of boxes that are not among `which` (N,)."""
    return space(boxes).where(which[:, None], boxes, boxes.dtype.type(0))


@kernel
def stretched(boxes: Array, ratios: Array):
    """Each of the four numbers times its own."""
    return (floating(boxes) * ratios).astype(boxes.dtype)


@kernel
def mapped(boxes: Array, matrix: Array, shift: Array, fmt: str, canvas: tuple):
    """The boxes around where an affine map (2, 3) puts the corners, less a shift."""
    m = matrix.astype(floating(boxes).dtype)
    x, y = _points(_corners(floating(boxes), fmt))
    x, y = (m[i, 0] * x + m[i, 1] * y + m[i, 2] - shift[i].astype(m.dtype) for i in range(2))
    return _as(fmt, _cut(_around(x, y), canvas), boxes.dtype)


@kernel
def seen(boxes: Array, matrix: Array, fmt: str, canvas: tuple):
    """The boxes around where a perspective map (3, 3) puts the corners."""
    m = matrix.astype(floating(boxes).dtype)
    x, y = _points(_corners(floating(boxes), fmt))
    x, y, depth = (m[i, 0] * x + m[i, 1] * y + m[i, 2] for i in range(3))
    return _as(fmt, _cut(_around(x / depth, y / depth), canvas), boxes.dtype)


# --- boxes, by the names of transforms.functional ---------------------------------------------------------------------


def _canvas(b: BoundingBoxes, size: Sequence[int] | None = None) -> tuple:
    return (*(b.canvas_size if size is None else size), b.clamping_mode is not None)


def _made(b: BoundingBoxes, tensor: Any, size: Sequence[int] | None = None) -> BoundingBoxes:
    return BoundingBoxes.wrap(tensor, b, canvas_size=b.canvas_size if size is None else tuple(size))


def hflip(img: BoundingBoxes) -> BoundingBoxes:
    """Left and right exchanged."""
    return _made(img, flipped(img, img.format.value, 0, img.canvas_size[1]))


def vflip(img: BoundingBoxes) -> BoundingBoxes:
    """Top and bottom exchanged."""
    return _made(img, flipped(img, img.format.value, 1, img.canvas_size[0]))


def crop(img: BoundingBoxes, top: int, left: int, height: int, width: int) -> BoundingBoxes:
    """In a rectangle of the picture."""
    size = (height, width)
    return _made(img, shifted(img, img.format.value, -left, -top, _canvas(img, size)), size)


def pad(img: BoundingBoxes, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> BoundingBoxes:
    """In a picture made larger at the sides; ValueError where the border is made from the picture."""
    if padding_mode != "constant":
        raise ValueError(f"Padding mode '{padding_mode}' is not supported with bounding boxes")
    left, top, right, bottom = functional.four_sides(padding)
    size = (img.canvas_size[0] + top + bottom, img.canvas_size[1] + left + right)
    return _made(img, shifted(img, img.format.value, left, top, _canvas(img, size)), size)


def center_crop(img: BoundingBoxes, output_size: Any) -> BoundingBoxes:
    """In the middle of the picture."""
    sides = [output_size] if isinstance(output_size, int) else list(output_size)
    h, w = sides * (2 // len(sides))
    height, width = img.canvas_size
    return crop(img, int(round((height - h) / 2.0)), int(round((width - w) / 2.0)), h, w)


def resize(
    img: BoundingBoxes, size: Any, interpolation: Any = None, max_size: int | None = None, antialias: Any = True,
    _bytes: bool = False,
) -> BoundingBoxes:  # fmt: skip
    """In the picture at another size."""
    height, width = img.canvas_size
    h, w = functional.resized_size(height, width, size, max_size)
    if (h, w) == (height, width):
        return img
    ratios = np.array([w / width, h / height] * 2, np.float32)
    return _made(img, stretched(img, ratios), (h, w))


def _affine(
    img: BoundingBoxes, angle: float, translate: Any, scale: float, shear: Any, center: Any, expand: bool
) -> BoundingBoxes:
    if not img.numel():
        return img
    height, width = img.canvas_size
    middle = [width * 0.5, height * 0.5] if center is None else center
    inverse = grids.inverse_affine_matrix(middle, angle, translate, scale, shear)
    matrix = np.linalg.inv(np.vstack([np.reshape(inverse, (2, 3)), [0.0, 0.0, 1.0]]))[:2]
    size, shift = img.canvas_size, np.zeros(2)
    if expand:
        frame = np.array([[0, 0, 1], [0, height, 1], [width, height, 1], [width, 0, 1]])
        shift = (frame @ matrix.T).min(0)
        w, h = grids.affine_output_size(inverse, width, height)
        size = (h, w)
    floats = (a.astype(np.float64) for a in (matrix, shift))
    return _made(img, mapped(img, *floats, img.format.value, _canvas(img, size)), size)


def affine(
    img: BoundingBoxes, angle: float, translate: Any, scale: float, shear: Any, interpolation: Any = None,
    fill: Any = None, center: Any = None,
) -> BoundingBoxes:  # fmt: skip
    """The boxes around what the map makes of them."""
    shears = [shear, 0.0] if isinstance(shear, int | float) else list(shear)
    return _affine(img, angle, translate, scale, shears * (2 // len(shears)), center, False)


def rotate(
    img: BoundingBoxes, angle: float, interpolation: Any = None, expand: bool = False, center: Any = None,
    fill: Any = None,
) -> BoundingBoxes:  # fmt: skip
    """The boxes around the turned ones."""
    return _affine(img, -angle, [0.0, 0.0], 1.0, [0.0, 0.0], center, expand)


def perspective(
    img: BoundingBoxes, startpoints: Any, endpoints: Any, interpolation: Any = None, fill: Any = None
) -> BoundingBoxes:
    """The boxes around those seen from elsewhere."""
    if not img.numel():
        return img
    coefficients = [*grids.perspective_coefficients(startpoints, endpoints), 1.0]
    matrix = np.linalg.inv(np.reshape(coefficients, (3, 3)).astype(np.float64))
    return _made(img, seen(img, matrix / matrix[2, 2], img.format.value, _canvas(img)))


def elastic_transform(img: BoundingBoxes, *args: Any, **kwargs: Any) -> Any:
    """Raises."""
    raise NotImplementedError(
        "ElasticTransform of BoundingBoxes is not there: transform a Mask of each object instead, and take the boxes "
        "around them by ops.masks_to_boxes"
    )


BOXES.update(
    (f.__name__, f)
    for f in (hflip, vflip, crop, pad, center_crop, resize, affine, rotate, perspective, elastic_transform)
)
