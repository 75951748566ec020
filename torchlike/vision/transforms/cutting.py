"""Sizes and places: resizing, cropping, padding, flipping, erasing."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

import torchlike as torch
from torchlike.tensor import Tensor
from torchlike.vision.transforms import draws
from torchlike.vision.transforms import functional as F
from torchlike.vision.transforms.base import Transform, fill_for, size_pair
from torchlike.vision.transforms.modes import InterpolationMode, mode_of
from torchlike.vision.transforms.subjects import get_dimensions

__all__ = [
    "CenterCrop", "FiveCrop", "Pad", "RandomCrop", "RandomErasing", "RandomHorizontalFlip", "RandomResizedCrop",
    "RandomVerticalFlip", "Resize", "TenCrop",
]  # fmt: skip

_TWO = "Please provide only two dimensions (h, w) for size."


class Resize(Transform):
    """The picture at another size; see `functional.resize` for the arguments.

    >>> import torchlike as torch
    >>> from torchlike.vision import transforms
    >>> transforms.Resize(4)(torch.zeros(3, 8, 16)).shape
    torch.Size([3, 4, 8])
    """

    shows = ("size", "interpolation", "max_size", "antialias")

    def __init__(
        self, size: Any, interpolation: Any = InterpolationMode.BILINEAR, max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:  # fmt: skip
        super().__init__()
        if size is not None and not isinstance(size, int | Sequence):
            raise TypeError(f"Size should be int or sequence. Got {type(size)}")
        if isinstance(size, Sequence) and len(size) not in (1, 2):
            raise ValueError("If size is a sequence, it should have 1 or 2 values")
        self.size = size
        self.max_size = max_size
        self.interpolation = mode_of(interpolation)
        self.antialias = antialias

    def apply_to(self, img: Any, parameters: None) -> Any:
        """The picture at the size."""
        return F.resize(img, self.size, self.interpolation, self.max_size, self.antialias)


class CenterCrop(Transform):
    """The middle, of `size` (a number or (height, width)); padded with 0 where the picture is smaller."""

    shows = ("size",)

    def __init__(self, size: Any) -> None:
        super().__init__()
        self.size = size_pair(size, _TWO)

    def apply_to(self, img: Any, parameters: None) -> Any:
        """The middle."""
        return F.center_crop(img, self.size)


class Pad(Transform):
    """Larger at the sides; see `functional.pad` for the arguments."""

    shows = ("padding", "fill", "padding_mode")

    def __init__(self, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> None:
        super().__init__()
        if not isinstance(padding, numbers.Number | tuple | list):
            raise TypeError("Got inappropriate padding arg")
        if not isinstance(fill, numbers.Number | tuple | list | dict):
            raise TypeError("Got inappropriate fill arg")
        if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
            raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
        if isinstance(padding, Sequence) and len(padding) not in (1, 2, 4):
            raise ValueError(
                f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple"
            )
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def apply_to(self, img: Any, parameters: None) -> Any:
        """The padded picture."""
        return F.pad(img, self.padding, fill_for(img, self.fill), self.padding_mode)


class RandomCrop(Transform):
    """A rectangle of `size` at a random place.

    Args:
        padding: what the picture is padded with before, as `functional.pad` takes it.
        pad_if_needed: pad where it is smaller than `size`.
    """

    def __init__(
        self, size: Any, padding: Any = None, pad_if_needed: bool = False, fill: Any = 0,
        padding_mode: str = "constant",
    ) -> None:  # fmt: skip
        super().__init__()
        self.size = size_pair(size, _TWO)
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    @staticmethod
    def get_params(img: Any, output_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """(top, left, height, width); ValueError where the picture is smaller."""
        _, h, w = get_dimensions(img)
        th, tw = output_size
        if h < th or w < tw:
            raise ValueError(f"Required crop size {(th, tw)} is larger than input image size {(h, w)}")
        if (w, h) == (tw, th):
            return 0, 0, h, w
        return draws.integer(0, h - th + 1), draws.integer(0, w - tw + 1), th, tw

    def _padded(self, img: Any) -> Any:
        fill = fill_for(img, self.fill)
        if self.padding is not None:
            img = F.pad(img, self.padding, fill, self.padding_mode)
        if self.pad_if_needed:
            _, height, width = get_dimensions(img)
            if width < self.size[1]:
                img = F.pad(img, [self.size[1] - width, 0], fill, self.padding_mode)
            if height < self.size[0]:
                img = F.pad(img, [0, self.size[0] - height], fill, self.padding_mode)
        return img

    def draw(self, img: Any) -> tuple[int, int, int, int]:
        """Where to cut."""
        return self.get_params(self._padded(img), self.size)

    def apply_to(self, img: Any, parameters: Any) -> Any:
        """The rectangle."""
        return F.crop(self._padded(img), *parameters)

    def forward(self, img: Any) -> Any:
        """The rectangle."""
        img = self._padded(img)
        return F.crop(img, *self.get_params(img, self.size))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


class _RandomFlip(Transform):
    shows = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def draw(self, img: Any) -> bool:
        """Whether to flip."""
        return draws.uniform() < self.p


class RandomHorizontalFlip(_RandomFlip):
    """Left and right exchanged with probability `p`."""

    def apply_to(self, img: Any, parameters: bool) -> Any:
        """The picture, flipped or not."""
        return F.hflip(img) if parameters else img


class RandomVerticalFlip(_RandomFlip):
    """Top and bottom exchanged with probability `p`."""

    def apply_to(self, img: Any, parameters: bool) -> Any:
        """The picture, flipped or not."""
        return F.vflip(img) if parameters else img


def _check_ranges(scale: Any, ratio: Any) -> None:
    for name, value in (("Scale", scale), ("Ratio", ratio)):
        if not isinstance(value, Sequence):
            raise TypeError(f"{name} should be a sequence")
    if scale[0] > scale[1] or ratio[0] > ratio[1]:
        warnings.warn("Scale and ratio should be of kind (min, max)", stacklevel=3)


def _aspect(ratio: Any) -> float:
    """A number between the two ratios, even on the logarithmic scale; float32, as torchvision computes it."""
    low, high = np.log(np.asarray(ratio, np.float32))
    return float(np.exp(np.float32(draws.uniform(float(low), float(high)))))


class RandomResizedCrop(Transform):
    """A random part of the picture at a given size: how nets for ImageNet are trained.

    Args:
        size: of the result, a number or (height, width).
        scale: between which shares of the area the part has.
        ratio: between which ratios of width to height it has.
    """

    def __init__(
        self, size: Any, scale: Any = (0.08, 1.0), ratio: Any = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Any = InterpolationMode.BILINEAR, antialias: bool | None = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.size = size_pair(size, _TWO)
        _check_ranges(scale, ratio)
        self.interpolation = mode_of(interpolation)
        self.antialias = antialias
        self.scale = scale
        self.ratio = ratio

    @staticmethod
    def get_params(img: Any, scale: Any, ratio: Any) -> tuple[int, int, int, int]:
        """(top, left, height, width): ten tries, then the largest part in the middle that has a permitted ratio."""
        _, height, width = get_dimensions(img)
        for _ in range(10):
            area = height * width * draws.uniform(*scale)
            aspect = _aspect(ratio)
            w, h = int(round(math.sqrt(area * aspect))), int(round(math.sqrt(area / aspect)))
            if 0 < w <= width and 0 < h <= height:
                return draws.integer(0, height - h + 1), draws.integer(0, width - w + 1), h, w
        w, h = width, height
        if width / height < min(ratio):
            h = int(round(w / min(ratio)))
        elif width / height > max(ratio):
            w = int(round(h * max(ratio)))
        return (height - h) // 2, (width - w) // 2, h, w

    def draw(self, img: Any) -> tuple[int, int, int, int]:
        """Which part."""
        return self.get_params(img, self.scale, self.ratio)

    def apply_to(self, img: Any, parameters: Any) -> Any:
        """The part at the size."""
        top, left, height, width = parameters
        return F.resized_crop(img, top, left, height, width, self.size, self.interpolation, self.antialias)

    def __repr__(self) -> str:
        scale, ratio = (tuple(round(v, 4) for v in pair) for pair in (self.scale, self.ratio))
        return (
            f"{type(self).__name__}(size={self.size}, scale={scale}, ratio={ratio}, "
            f"interpolation={self.interpolation.value}, antialias={self.antialias})"
        )


class FiveCrop(Transform):
    """The four corners and the middle: a tuple of five pictures."""

    shows = ("size",)

    def __init__(self, size: Any) -> None:
        super().__init__()
        self.size = size_pair(size, _TWO)

    def apply_to(self, img: Any, parameters: None) -> tuple:
        """The five parts."""
        return F.five_crop(img, self.size)


class TenCrop(Transform):
    """`FiveCrop` of the picture and of its mirror image: a tuple of ten pictures."""

    shows = ("size", "vertical_flip")

    def __init__(self, size: Any, vertical_flip: bool = False) -> None:
        super().__init__()
        self.size = size_pair(size, _TWO)
        self.vertical_flip = vertical_flip

    def apply_to(self, img: Any, parameters: None) -> tuple:
        """The ten parts."""
        return F.ten_crop(img, self.size, self.vertical_flip)


class RandomErasing(Transform):
    """A random rectangle of a tensor written over with probability `p` (https://arxiv.org/abs/1708.04896).

    Args:
        scale: between which shares of the area it has.
        ratio: between which ratios of height to width.
        value: a number, one for each channel, or "random" for normal numbers.
    """

    shows = ("p", "scale", "ratio", "value", "inplace")

    def __init__(
        self, p: float = 0.5, scale: Any = (0.02, 0.33), ratio: Any = (0.3, 3.3), value: Any = 0, inplace: bool = False
    ) -> None:
        super().__init__()
        if not isinstance(value, numbers.Number | str | tuple | list):
            raise TypeError("Argument value should be either a number or str or a sequence")
        if isinstance(value, str) and value != "random":
            raise ValueError("If value is str, it should be 'random'")
        _check_ranges(scale, ratio)
        if scale[0] < 0 or scale[1] > 1:
            raise ValueError("Scale should be between 0 and 1")
        if p < 0 or p > 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        self.p = p
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    def draw(self, img: Any) -> tuple | None:
        """(top, left, values), or None for leaving the picture alone."""
        if draws.uniform() >= self.p:
            return None
        channels, height, width = get_dimensions(img)
        given: Any = self.value if isinstance(self.value, Sequence) else [self.value]
        listed = None if isinstance(self.value, str) else [float(v) for v in given]
        if listed is not None and len(listed) not in (1, channels):
            raise ValueError(
                f"If value is a sequence, it should have either a single value or {channels} (number of input channels)"
            )
        for _ in range(10):
            area = height * width * draws.uniform(*self.scale)
            aspect = _aspect(self.ratio)
            h, w = int(round(math.sqrt(area * aspect))), int(round(math.sqrt(area / aspect)))
            if h < height and w < width:
                if listed is None:
                    values = draws.normals(channels, h, w)
                else:
                    values = np.broadcast_to(np.array(listed, np.float32).reshape(-1, 1, 1), (channels, h, w))
                return draws.integer(0, height - h + 1), draws.integer(0, width - w + 1), values
        return None

    def apply_to(self, img: Any, parameters: Any) -> Any:
        """The picture, with a rectangle erased or not."""
        if parameters is None:
            return img
        if not isinstance(img, Tensor):
            raise TypeError("img should be Tensor Image. RandomErasing works on tensors: put ToTensor before it")
        top, left, values = parameters
        height, width = values.shape[-2:]
        return F.erase(img, top, left, height, width, torch.from_numpy(values.copy()), self.inplace)
