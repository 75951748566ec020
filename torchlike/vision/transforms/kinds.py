"""What a function on pictures does with `tv_tensors`: the result is of the same kind, a mask is never interpolated or
recoloured, and boxes move as `boxes.py` says."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from torchlike.tensor import Tensor
from torchlike.vision.transforms.modes import InterpolationMode
from torchlike.vision.tv_tensors import BoundingBoxes, Mask, TVTensor

BOXES: dict[str, Callable[..., Any]] = {}
"""For boxes, by the function's name; filled by `boxes.py`."""


def _like(made: Any, img: TVTensor) -> Any:
    if type(made) is Tensor:  # a new one
        made.__class__ = type(img)
    return made


def geometric(function: Callable) -> Callable:
    """For a function that moves points: one for each kind."""
    interpolates = "interpolation" in inspect.signature(function).parameters

    @functools.wraps(function)
    def of_kinds(img: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(img, TVTensor):
            return function(img, *args, **kwargs)
        if isinstance(img, BoundingBoxes):
            return BOXES[function.__name__](img, *args, **kwargs)
        if not isinstance(img, Mask):
            return _like(function(img, *args, **kwargs), img)
        if interpolates:
            given = inspect.signature(function).bind(img, *args, **kwargs)
            given.arguments["interpolation"] = InterpolationMode.NEAREST
            args, kwargs = given.args[1:], given.kwargs
        if img.ndim > 2:
            return _like(function(img, *args, **kwargs), img)
        return _like(function(img[None], *args, **kwargs)[0], img)

    return of_kinds


def colours(function: Callable) -> Callable:
    """For a function that changes colours: boxes and masks pass."""

    @functools.wraps(function)
    def of_kinds(img: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(img, TVTensor):
            return function(img, *args, **kwargs)
        if isinstance(img, BoundingBoxes | Mask):
            return img
        return _like(function(img, *args, **kwargs), img)

    return of_kinds
