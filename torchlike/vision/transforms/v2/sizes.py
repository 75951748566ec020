"""Transforms of version 2 that change the size of a sample at random, as detectors are trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torchlike.vision.transforms import draws
from torchlike.vision.transforms.base import fill_for
from torchlike.vision.transforms.modes import InterpolationMode
from torchlike.vision.transforms.v2 import functional as F
from torchlike.vision.transforms.v2.transform import Transform, size_of_all

__all__ = ["RandomResize", "RandomShortestSize", "RandomZoomOut", "ScaleJitter"]


class _Resizing(Transform):
    """Parameters are the (height, width), or the smaller side alone."""

    def __init__(self, interpolation: Any, antialias: bool | None) -> None:
        super().__init__()
        self.interpolation = interpolation
        self.antialias = antialias

    def transform(self, inpt: Any, params: Any) -> Any:
        """At the size."""
        return F.resize(inpt, params, self.interpolation, antialias=self.antialias)


class ScaleJitter(_Resizing):
    """At `target_size`, kept in proportion, times a factor drawn from `scale_range` (https://arxiv.org/abs/2012.07177)."""

    shows = ("target_size", "scale_range", "interpolation", "antialias")

    def __init__(
        self, target_size: Sequence[int], scale_range: Sequence[float] = (0.1, 2.0),
        interpolation: Any = InterpolationMode.BILINEAR, antialias: bool | None = True,
    ) -> None:  # fmt: skip
        super().__init__(interpolation, antialias)
        self.target_size = target_size
        self.scale_range = scale_range

    def make_params(self, flat_inputs: list) -> Any:
        """The size."""
        height, width = size_of_all(flat_inputs)
        low, high = self.scale_range
        # in torchvision too the first number goes with the width
        fitting = min(self.target_size[1] / height, self.target_size[0] / width)
        ratio = fitting * (low + draws.uniforms(1) * (high - low))
        w, h = (int((side * ratio)[0]) for side in (width, height))
        return h, w


class RandomShortestSize(_Resizing):
    """The smaller side one of `min_size`, the larger one no larger than `max_size`."""

    shows = ("min_size", "max_size", "interpolation", "antialias")

    def __init__(
        self, min_size: Any, max_size: int | None = None, interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:  # fmt: skip
        super().__init__(interpolation, antialias)
        self.min_size = [min_size] if isinstance(min_size, int) else list(min_size)
        self.max_size = max_size

    def make_params(self, flat_inputs: list) -> Any:
        """The size."""
        height, width = size_of_all(flat_inputs)
        ratio = self.min_size[draws.integer(0, len(self.min_size))] / min(height, width)
        if self.max_size is not None:
            ratio = min(ratio, self.max_size / max(height, width))
        return int(height * ratio), int(width * ratio)


class RandomResize(_Resizing):
    """The smaller side drawn from `min_size` ... `max_size` - 1."""

    shows = ("min_size", "max_size", "interpolation", "antialias")

    def __init__(
        self, min_size: int, max_size: int, interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:  # fmt: skip
        super().__init__(interpolation, antialias)
        self.min_size = min_size
        self.max_size = max_size

    def make_params(self, flat_inputs: list) -> Any:
        """The smaller side."""
        return [draws.integer(self.min_size, self.max_size)]


class RandomZoomOut(Transform):
    """Somewhere in a larger picture filled with a colour, with probability `p` (https://arxiv.org/abs/1512.02325).

    Args:
        fill: the colour, or a dict from kinds (and "others") to colours.
        side_range: between which factors the sides grow.
    """

    shows = ("p", "fill", "side_range")

    def __init__(self, fill: Any = 0, side_range: Sequence[float] = (1.0, 4.0), p: float = 0.5) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError("`p` should be a floating point value in the interval [0.0, 1.0].")
        if not isinstance(side_range, Sequence):
            raise TypeError("side_range should be a sequence of length 2.")
        if len(side_range) != 2:
            raise ValueError("side_range should be a sequence of length 2.")
        if side_range[0] < 1.0 or side_range[0] > side_range[1]:
            raise ValueError(f"Invalid side range provided {side_range}.")
        self.p = p
        self.fill = fill
        self.side_range = side_range

    def make_params(self, flat_inputs: list) -> Any:
        """The sides (left, top, right, bottom) to add, or None."""
        if draws.uniform() >= self.p:
            return None
        height, width = size_of_all(flat_inputs)
        low, high = self.side_range
        factor = low + draws.uniforms(1) * (high - low)
        across, down = (int((side * factor)[0]) - side for side in (width, height))
        at = draws.uniforms(2)
        left, top = int((across * at)[0]), int((down * at)[1])
        return [left, top, across - left, down - top]

    def transform(self, inpt: Any, params: Any) -> Any:
        """In the larger picture, or as it is."""
        return inpt if params is None else F.pad(inpt, params, fill_for(inpt, self.fill))
