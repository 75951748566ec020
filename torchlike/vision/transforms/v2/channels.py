"""Transforms of version 2 of whole channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torchlike.vision.transforms import draws
from torchlike.vision.transforms.subjects import get_dimensions
from torchlike.vision.transforms.v2 import functional as F
from torchlike.vision.transforms.v2.transform import Transform

__all__ = ["RGB", "RandomChannelPermutation", "RandomPhotometricDistort"]


class RGB(Transform):
    """Shades of gray in three channels alike; other pictures as they are (Pillow's: converted)."""

    def transform(self, inpt: Any, params: Any) -> Any:
        """Three channels."""
        return F.grayscale_to_rgb(inpt)


class RandomChannelPermutation(Transform):
    """The channels in random order."""

    def draw(self, img: Any) -> list[int]:
        """The order."""
        return draws.permutation(get_dimensions(img)[0])

    def apply_to(self, img: Any, parameters: list[int]) -> Any:
        """The channels in that order."""
        return F.permute_channels(img, parameters)


class RandomPhotometricDistort(Transform):
    """Brightness, contrast, saturation, hue and the order of channels changed, each with probability `p`
    (https://arxiv.org/abs/1512.02325).

    Args:
        brightness, contrast, saturation: between which factors.
        hue: between which parts of the circle.
    """

    shows = ("brightness", "contrast", "hue", "saturation", "p")

    def __init__(
        self, brightness: Sequence[float] = (0.875, 1.125), contrast: Sequence[float] = (0.5, 1.5),
        saturation: Sequence[float] = (0.5, 1.5), hue: Sequence[float] = (-0.05, 0.05), p: float = 0.5,
    ) -> None:  # fmt: skip
        super().__init__()
        self.brightness = brightness
        self.contrast = contrast
        self.hue = hue
        self.saturation = saturation
        self.p = p

    def draw(self, img: Any) -> tuple:
        """(four factors or None, whether contrast comes before saturation and hue, the order of channels or None)."""
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        factors = [draws.uniform(*between) if draws.uniform() < self.p else None for between in ranges]
        contrast_first = draws.uniform() < 0.5
        order = draws.permutation(get_dimensions(img)[0]) if draws.uniform() < self.p else None
        return factors, contrast_first, order

    def apply_to(self, img: Any, parameters: Any) -> Any:
        """The picture, changed."""
        factors, contrast_first, order = parameters
        adjust = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for i in (0, 1, 2, 3) if contrast_first else (0, 2, 3, 1):
            if factors[i] is not None:
                img = adjust[i](img, factors[i])
        return img if order is None else F.permute_channels(img, order)
