"""Transforms of version 2 as functions: torchvision.transforms.v2.functional.

They are those of version 1 but for what is said here: bytes are resized in fixed-point arithmetic, and conversion from
integers to floats multiplies by 1 / 255.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import torchlike as torch
from torchlike.tensor import Tensor
from torchlike.vision.pillow import is_picture
from torchlike.vision.transforms import functional as F
from torchlike.vision.transforms import kernels
from torchlike.vision.transforms.functional import *  # noqa: F403
from torchlike.vision.transforms.functional import InterpolationMode as InterpolationMode

horizontal_flip = F.hflip
vertical_flip = F.vflip
get_num_channels = F.get_image_num_channels


def get_size(inpt: Any) -> list[int]:
    """[height, width]."""
    return F.get_dimensions(inpt)[1:]


def to_image(inpt: Any) -> Tensor:
    """A Pillow image, array (H, W, C) or tensor as a tensor (C, H, W) of its own values.

    (torchvision gives an `Image`, a subclass of Tensor; here it is a plain Tensor.)
    """
    if isinstance(inpt, Tensor):
        return inpt
    if isinstance(inpt, np.ndarray):
        array = inpt[:, :, None] if inpt.ndim == 2 else inpt
        return torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))
    if is_picture(inpt):
        return F.pil_to_tensor(inpt)
    raise TypeError(f"Input can either be a pure Tensor, a numpy array, or a PIL image, but got {type(inpt)} instead.")


def to_dtype(inpt: Tensor, dtype: Any = torch.float, scale: bool = False) -> Tensor:
    """The tensor in another dtype; with `scale` its range (0 ... 1 of floats, 0 ... largest of integers) goes along."""
    if inpt.dtype == dtype or not scale:
        return inpt.to(dtype)
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
