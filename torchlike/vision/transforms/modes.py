"""How values between pixels are found."""

from __future__ import annotations

import enum
from typing import Any


class InterpolationMode(enum.Enum):
    """Ways of interpolation; box, hamming and lanczos exist for Pillow images only."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


PILLOW = {
    InterpolationMode.NEAREST: 0, InterpolationMode.NEAREST_EXACT: 0, InterpolationMode.LANCZOS: 1,
    InterpolationMode.BILINEAR: 2, InterpolationMode.BICUBIC: 3, InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
}  # fmt: skip
"""Pillow's numbers."""
_BY_NUMBER = {n: m for m, n in PILLOW.items() if m is not InterpolationMode.NEAREST_EXACT}


def mode_of(interpolation: Any) -> InterpolationMode:
    """The mode, given as such or as Pillow's number; TypeError otherwise."""
    if isinstance(interpolation, int) and interpolation in _BY_NUMBER:
        return _BY_NUMBER[interpolation]
    if not isinstance(interpolation, InterpolationMode):
        raise TypeError(
            "Argument interpolation should be a InterpolationMode or a corresponding Pillow integer constant"
        )
    return interpolation
