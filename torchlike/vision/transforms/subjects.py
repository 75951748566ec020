"""What a transform may be given."""

from __future__ import annotations

from typing import Any

from torchlike.tensor import Tensor
from torchlike.vision.pillow import is_picture
from torchlike.vision.tv_tensors import BoundingBoxes


def check_image(img: Any) -> None:
    """TypeError unless this is a Pillow image or a tensor of two dimensions or more."""
    if is_picture(img):
        return
    if not isinstance(img, Tensor):
        raise TypeError(f"img should be PIL Image. Got {type(img)}")
    if img.ndim < 2:
        raise TypeError("Tensor is not a torch image.")


def get_dimensions(img: Any) -> list[int]:
    """[channels, height, width]; of boxes those of the picture they are in, with one channel."""
    check_image(img)
    if isinstance(img, BoundingBoxes):
        return [1, *img.canvas_size]
    if isinstance(img, Tensor):
        return [1 if img.ndim == 2 else img.shape[-3], img.shape[-2], img.shape[-1]]
    return [len(img.getbands()), img.height, img.width]


def get_image_size(img: Any) -> list[int]:
    """[width, height]."""
    _, height, width = get_dimensions(img)
    return [width, height]


def get_image_num_channels(img: Any) -> int:
    """How many channels there are."""
    return get_dimensions(img)[0]
