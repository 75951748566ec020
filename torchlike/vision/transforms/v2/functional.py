"""Transforms of version 2 as functions: torchvision.transforms.v2.functional.

They are those of version 1 but for what is said here: bytes are resized in fixed-point arithmetic, and conversion from
integers to floats multiplies by 1 / 255.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import torchlike as torch
from torchlike.tensor import Tensor
from torchlike.vision.pillow import is_picture
from torchlike.vision.transforms import boxes, kernels
from torchlike.vision.transforms import functional as F
from torchlike.vision.transforms.functional import *  # noqa: F403
from torchlike.vision.transforms.functional import InterpolationMode as InterpolationMode
from torchlike.vision.transforms.kinds import colours
from torchlike.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, Mask

horizontal_flip = F.hflip
vertical_flip = F.vflip
get_num_channels = F.get_image_num_channels


def get_size(inpt: Any) -> list[int]:
    """[height, width]."""
    return F.get_dimensions(inpt)[1:]


def to_image(inpt: Any) -> Image:
    """A Pillow image, array (H, W, C) or tensor as an `Image` (C, H, W) of its own values."""
    if isinstance(inpt, np.ndarray):
        array = inpt[:, :, None] if inpt.ndim == 2 else inpt
        made = torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))
    elif is_picture(inpt):
        made = F.pil_to_tensor(inpt)
    elif isinstance(inpt, Tensor):
        return Image(inpt)
    else:
        raise TypeError(
            f"Input can either be a pure Tensor, a numpy array, or a PIL image, but got {type(inpt)} instead."
        )
    made.__class__ = Image
    return made  # type: ignore[return-value]


def to_dtype(inpt: Tensor, dtype: Any = torch.float, scale: bool = False) -> Tensor:
    """The tensor in another dtype; with `scale` its range (0 ... 1 of floats, 0 ... largest of integers) goes along.

    The ranges of boxes and masks never do.
    """
    if inpt.dtype == dtype or not scale or isinstance(inpt, BoundingBoxes | Mask):
        return inpt.to(dtype)
    return _scaled_to(inpt, dtype)


@colours
def _scaled_to(inpt: Tensor, dtype: Any) -> Tensor:
    if dtype.is_floating_point and not inpt.is_floating_point():
        return kernels.multiplied(inpt, 1.0 / kernels.bound(inpt.dtype.np), dtype)
    return F.convert_image_dtype(inpt, dtype)


def resize(  # type: ignore[no-redef]
    inpt: Any, size: Any, interpolation: Any = InterpolationMode.BILINEAR, max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:  # fmt: skip
    """The picture at another size; `size` None leaves the choice to `max_size`, the larger side."""
    return F.resize(inpt, size, interpolation, max_size, antialias, _bytes=True)


def resized_crop(  # type: ignore[no-redef]
    inpt: Any, top: int, left: int, height: int, width: int, size: Any,
    interpolation: Any = InterpolationMode.BILINEAR, antialias: bool | None = True,
) -> Any:  # fmt: skip
    """`crop`, then `resize`."""
    return resize(F.crop(inpt, top, left, height, width), size, interpolation, antialias=antialias)


def convert_bounding_box_format(
    inpt: Tensor, old_format: Any = None, new_format: Any = None, inplace: bool = False
) -> Tensor:
    """Boxes in another format; `old_format` is given for plain tensors only."""
    new = BoundingBoxFormat[new_format.upper()] if isinstance(new_format, str) else new_format
    if new is None:
        raise TypeError("convert_bounding_box_format() missing 1 required argument: 'new_format'")
    if isinstance(inpt, BoundingBoxes):
        if old_format is not None:
            raise ValueError("For bounding box tv_tensor inputs, `old_format` must not be set.")
        if inplace:
            raise NotImplementedError(
                "convert_bounding_box_format(inplace=True): BoundingBoxes know their format; take what it returns"
            )
        return BoundingBoxes.wrap(boxes.converted(inpt, inpt.format.value, new.value), inpt, format=new)
    if old_format is None:
        raise ValueError("For pure tensor inputs, `old_format` has to be passed.")
    old = BoundingBoxFormat[old_format.upper()] if isinstance(old_format, str) else old_format
    made = boxes.converted(inpt, old.value, new.value)
    return inpt.copy_(made) if inplace else made


def clamp_bounding_boxes(
    inpt: Tensor, format: Any = None, canvas_size: Any = None, clamping_mode: str | None = "auto"
) -> Tensor:
    """Boxes cut off at the border of the picture; format and size are given for plain tensors only."""
    if isinstance(inpt, BoundingBoxes):
        if format is not None or canvas_size is not None:
            raise ValueError("For bounding box tv_tensor inputs, `format` and `canvas_size` must not be passed.")
        mode = inpt.clamping_mode if clamping_mode == "auto" else clamping_mode
        canvas = (*inpt.canvas_size, mode is not None)
        return BoundingBoxes.wrap(boxes.clamped(inpt, inpt.format.value, canvas), inpt)
    if format is None or canvas_size is None or clamping_mode == "auto":
        raise ValueError("For pure tensor inputs, `format`, `canvas_size` and `clamping_mode` have to be passed.")
    kind = BoundingBoxFormat[format.upper()] if isinstance(format, str) else format
    return boxes.clamped(inpt, kind.value, (*canvas_size, clamping_mode is not None))


@colours
def permute_channels(inpt: Any, permutation: Sequence[int]) -> Any:
    """The channels in another order: the first is then number `permutation[0]` of the picture, and so on."""
    if len(permutation) != get_num_channels(inpt):
        raise ValueError(
            f"Length of permutation does not match number of channels: {len(permutation)} != {get_num_channels(inpt)}"
        )
    if not isinstance(inpt, Tensor):
        return F.to_pil_image(permute_channels(F.pil_to_tensor(inpt), permutation))
    return kernels.reordered(inpt, tuple(permutation))


@colours
def grayscale_to_rgb(inpt: Any) -> Any:
    """One channel as three alike; three channels as they are."""
    if not isinstance(inpt, Tensor):
        return inpt.convert(mode="RGB")
    if inpt.shape[-3] >= 3:
        return inpt
    return F.rgb_to_grayscale(inpt, 3)
