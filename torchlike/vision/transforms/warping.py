"""Transforms that move points, as functions; they are names of `transforms.functional`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from torchlike.tensor import Tensor
from torchlike.vision.transforms import grids, kernels, pictures
from torchlike.vision.transforms.kinds import geometric
from torchlike.vision.transforms.modes import PILLOW, InterpolationMode, mode_of
from torchlike.vision.transforms.subjects import check_image, get_dimensions

__all__ = ["affine", "elastic_transform", "perspective", "rotate"]


def _tensor_fill(img: Tensor, fill: Any) -> tuple | None:
    """One number for each channel, or None for 0."""
    if fill is None:
        return None
    n = img.shape[-3]
    numbers = (fill,) if isinstance(fill, int | float) else tuple(fill)
    if len(numbers) not in (1, n):
        raise ValueError(
            "The number of elements in 'fill' cannot broadcast to match the number of channels of the image "
            f"({len(numbers)} != {n})"
        )
    return tuple(float(f) for f in numbers) * (n // len(numbers))


def _sampled(img: Tensor, grid: np.ndarray, mode: InterpolationMode, fill: Any) -> Tensor:
    if mode.value not in ("nearest", "bilinear"):
        raise ValueError(f"Resampling mode '{mode.value}' is unsupported with Tensor input")
    return kernels.sampled(img, grid, mode.value, _tensor_fill(img, fill))


@geometric
def rotate(
    img: Any, angle: float, interpolation: Any = InterpolationMode.NEAREST, expand: bool = False,
    center: Sequence[int] | None = None, fill: Any = None,
) -> Any:  # fmt: skip
    """Turned by `angle` degrees, counter-clockwise.

    Args:
        expand: make the picture so large that all of it is seen.
        center: the (x, y) that stays where it is; the middle by default.
        fill: the colour outside, a number or one for each channel.
    """
    mode = mode_of(interpolation)
    if not isinstance(angle, int | float):
        raise TypeError("Argument angle should be int or float")
    if center is not None and not isinstance(center, list | tuple):
        raise TypeError("Argument center should be a sequence")
    check_image(img)
    if not isinstance(img, Tensor):
        return img.rotate(angle, PILLOW[mode], expand, center, fillcolor=pictures.parse_fill(fill, img))
    _, height, width = get_dimensions(img)
    middle = [0.0, 0.0] if center is None else [c - s * 0.5 for c, s in zip(center, (width, height), strict=True)]
    # a tensor's rows run downwards, so that its angles turn the other way
    matrix = grids.inverse_affine_matrix(middle, -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    ow, oh = grids.affine_output_size(matrix, width, height) if expand else (width, height)
    return _sampled(img, grids.affine_grid(matrix, width, height, ow, oh), mode, fill)


@geometric
def affine(
    img: Any, angle: float, translate: Sequence[int], scale: float, shear: Any,
    interpolation: Any = InterpolationMode.NEAREST, fill: Any = None, center: Sequence[int] | None = None,
) -> Any:  # fmt: skip
    """Turned (clockwise, in degrees), moved by `translate` (x, y) pixels, scaled and sheared (degrees along x and y).

    `center` (x, y) stays where it is but for the translation; `fill` is the colour outside.
    """
    mode = mode_of(interpolation)
    if not isinstance(angle, int | float):
        raise TypeError("Argument angle should be int or float")
    if not isinstance(translate, list | tuple):
        raise TypeError("Argument translate should be a sequence")
    if len(translate) != 2:
        raise ValueError("Argument translate should be a sequence of length 2")
    if scale <= 0.0:
        raise ValueError("Argument scale should be positive")
    if not isinstance(shear, int | float | list | tuple):
        raise TypeError("Shear should be either a single value or a sequence of two values")
    shears = [shear, 0.0] if isinstance(shear, int | float) else list(shear)
    shears = [shears[0], shears[0]] if len(shears) == 1 else shears
    if len(shears) != 2:
        raise ValueError(f"Shear should be a sequence containing two values. Got {shear}")
    _, height, width = get_dimensions(img)
    if not isinstance(img, Tensor):
        middle = [width * 0.5, height * 0.5] if center is None else center
        matrix = grids.inverse_affine_matrix(middle, angle, translate, scale, shears)
        return pictures.transform(img, "AFFINE", matrix, PILLOW[mode], fill)
    middle = [0.0, 0.0] if center is None else [c - s * 0.5 for c, s in zip(center, (width, height), strict=True)]
    matrix = grids.inverse_affine_matrix(middle, angle, translate, scale, shears)
    return _sampled(img, grids.affine_grid(matrix, width, height, width, height), mode, fill)


@geometric
def perspective(
    img: Any, startpoints: Sequence, endpoints: Sequence, interpolation: Any = InterpolationMode.BILINEAR,
    fill: Any = None,
) -> Any:  # fmt: skip
    """Seen from elsewhere: the four `startpoints` (x, y) come to lie at the `endpoints`."""
    mode = mode_of(interpolation)
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(
            f"Please provide exactly four corners, got {len(startpoints)} startpoints and {len(endpoints)} endpoints."
        )
    coefficients = grids.perspective_coefficients(startpoints, endpoints)
    _, height, width = get_dimensions(img)
    if not isinstance(img, Tensor):
        return pictures.transform(img, "PERSPECTIVE", coefficients, PILLOW[mode], fill)
    return _sampled(img, grids.perspective_grid(coefficients, width, height), mode, fill)


@geometric
def elastic_transform(
    img: Any, displacement: Tensor, interpolation: Any = InterpolationMode.BILINEAR, fill: Any = None
) -> Any:
    """Each point moved by `displacement` (1, H, W, 2), in halves of the picture's size."""
    from torchlike.vision.transforms.functional import pil_to_tensor, to_pil_image

    mode = mode_of(interpolation)
    if not isinstance(displacement, Tensor):
        raise TypeError("Argument displacement should be a Tensor")
    _, height, width = get_dimensions(img)
    if tuple(displacement.shape) != (1, height, width, 2):
        raise ValueError(
            f"Argument displacement shape should be {(1, height, width, 2)}, but given {displacement.shape}"
        )
    x = grids.linspace((-width + 1) / width, (width - 1) / width, width)
    y = grids.linspace((-height + 1) / height, (height - 1) / height, height)
    still = np.stack(np.broadcast_arrays(x, y[:, None]), -1)
    grid = still + displacement.detach().cpu().numpy()[0].astype(np.float32)
    if isinstance(img, Tensor):
        return _sampled(img, grid, mode, fill)
    return to_pil_image(_sampled(pil_to_tensor(img), grid, mode, fill), img.mode)
