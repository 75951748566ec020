"""Transforms of colours as functions; they are names of `transforms.functional`."""

from __future__ import annotations

from typing import Any

import torchlike as torch
from torchlike.tensor import Tensor
from torchlike.vision.pillow import is_picture, module
from torchlike.vision.transforms import kernels, pictures
from torchlike.vision.transforms.kinds import colours
from torchlike.vision.transforms.subjects import check_image, get_dimensions

__all__ = [
    "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation", "adjust_sharpness",
    "autocontrast", "equalize", "invert", "posterize", "rgb_to_grayscale", "solarize", "to_grayscale",
]  # fmt: skip


def _channels(img: Any, *permitted: int) -> int:
    n = get_dimensions(img)[0]
    if isinstance(img, Tensor) and n not in permitted:
        raise TypeError(f"Input image tensor permitted channel values are {list(permitted)}, but found {n}")
    return n


def _enhanced(img: Any, kind: str, factor: float) -> Any:
    return getattr(module("ImageEnhance"), kind)(img).enhance(factor)


def _not_negative(name: str, factor: float) -> None:
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


@colours
def adjust_brightness(img: Any, brightness_factor: float) -> Any:
    """Lighter or darker: 0 is black, 1 the picture, 2 twice as light."""
    check_image(img)
    if not isinstance(img, Tensor):
        return _enhanced(img, "Brightness", brightness_factor)
    _not_negative("brightness_factor", brightness_factor)
    _channels(img, 1, 3)
    return kernels.brightened(img, brightness_factor)


@colours
def adjust_contrast(img: Any, contrast_factor: float) -> Any:
    """Away from the mean shade: 0 is that shade everywhere, 1 the picture."""
    check_image(img)
    if not isinstance(img, Tensor):
        return _enhanced(img, "Contrast", contrast_factor)
    _not_negative("contrast_factor", contrast_factor)
    _channels(img, 1, 3)
    return kernels.contrasted(img, contrast_factor)


@colours
def adjust_saturation(img: Any, saturation_factor: float) -> Any:
    """More or less colourful: 0 is shades of gray, 1 the picture."""
    check_image(img)
    if not isinstance(img, Tensor):
        return _enhanced(img, "Color", saturation_factor)
    _not_negative("saturation_factor", saturation_factor)
    return img if _channels(img, 1, 3) == 1 else kernels.saturated(img, saturation_factor)


@colours
def adjust_hue(img: Any, hue_factor: float) -> Any:
    """All colours round the circle of hues, by -0.5 ... 0.5 of it."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    check_image(img)
    if not isinstance(img, Tensor):
        return pictures.hue(img, hue_factor)
    if _channels(img, 1, 3) == 1:
        return img
    kind = img.dtype
    x = img if kind is torch.float32 else kernels.converted(img, torch.float32)
    x = kernels.hue_shifted(x, hue_factor)
    return x if kind is torch.float32 else kernels.converted(x, kind)


@colours
def adjust_gamma(img: Any, gamma: float, gain: float = 1) -> Any:
    """gain · img ** gamma on the scale of 0 ... 1."""
    check_image(img)
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    if not isinstance(img, Tensor):
        return pictures.gamma(img, gamma, gain)
    _channels(img, 1, 3)
    kind = img.dtype
    x = img if img.is_floating_point() else kernels.converted(img, torch.float32)
    x = kernels.gamma_corrected(x, gamma, gain)
    return x if kind is x.dtype else kernels.converted(x, kind)


@colours
def adjust_sharpness(img: Any, sharpness_factor: float) -> Any:
    """Away from a smoothed copy: 0 is that copy, 1 the picture."""
    check_image(img)
    if not isinstance(img, Tensor):
        return _enhanced(img, "Sharpness", sharpness_factor)
    _not_negative("sharpness_factor", sharpness_factor)
    _channels(img, 1, 3)
    return img if min(img.shape[-2:]) <= 2 else kernels.sharpened(img, sharpness_factor)


@colours
def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """A Pillow image in shades of gray, in one band or three alike."""
    if not is_picture(img):
        raise TypeError("Input should be PIL Image")
    return pictures.grayscale(img, num_output_channels)


@colours
def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """Shades of gray (0.2989 red + 0.587 green + 0.114 blue), in one channel or three alike."""
    check_image(img)
    if not isinstance(img, Tensor):
        return pictures.grayscale(img, num_output_channels)
    if img.ndim < 3:
        raise TypeError(f"Input image tensor should have at least 3 dimensions, but found {img.ndim}")
    _channels(img, 1, 3)
    if num_output_channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    return kernels.gray(img, num_output_channels)


@colours
def invert(img: Any) -> Any:
    """Light and dark exchanged."""
    check_image(img)
    return kernels.inverted(img) if isinstance(img, Tensor) else module("ImageOps").invert(img)


@colours
def posterize(img: Any, bits: int) -> Any:
    """Only the highest `bits` of each value."""
    check_image(img)
    if not 0 <= bits <= 8:
        raise ValueError(f"The number if bits should be between 0 and 8. Got {bits}")
    if not isinstance(img, Tensor):
        return module("ImageOps").posterize(img, bits)
    if img.dtype is not torch.uint8:
        raise TypeError(f"Only torch.uint8 image tensors are supported, but found {img.dtype}")
    return kernels.posterized(img, int(bits))


@colours
def solarize(img: Any, threshold: float) -> Any:
    """Inverted where values are not below the threshold."""
    check_image(img)
    if not isinstance(img, Tensor):
        return module("ImageOps").solarize(img, threshold)
    if threshold > kernels.bound(img.dtype.np):
        raise TypeError("Threshold should be less than bound of img.")
    return kernels.solarized(img, threshold)


@colours
def autocontrast(img: Any) -> Any:
    """Each channel stretched from its darkest and lightest value to the full range."""
    check_image(img)
    if not isinstance(img, Tensor):
        return module("ImageOps").autocontrast(img)
    _channels(img, 1, 3)
    return kernels.stretched(img)


@colours
def equalize(img: Any) -> Any:
    """Each channel's values spread so that all are about equally frequent."""
    check_image(img)
    if not isinstance(img, Tensor):
        return module("ImageOps").equalize(img)
    _channels(img, 1, 3)
    if img.dtype is not torch.uint8:
        raise TypeError(f"Only torch.uint8 image tensors are supported, but found {img.dtype}")
    return kernels.equalized(img)
