"""What all transforms are: modules that draw random parameters and then apply them."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

from torchlike import nn


class Transform(nn.Module):
    """A transform: `draw(img)` draws its random parameters, `apply_to(img, parameters)` applies them.

    The two are apart so that transforms of version 2 can give several pictures the same parameters.
    """

    shows: tuple[str, ...] = ()  # the attributes that the repr shows

    def draw(self, img: Any) -> Any:
        """The random parameters for a picture, from the default generator."""
        return None

    def apply_to(self, img: Any, parameters: Any) -> Any:
        """The picture transformed."""
        raise NotImplementedError(f"{type(self).__name__} is missing apply_to")

    def forward(self, img: Any) -> Any:
        """A Pillow image or a tensor (..., C, H, W), transformed."""
        return self.apply_to(img, self.draw(img))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={_text(getattr(self, name))}" for name in self.shows)
        return f"{type(self).__name__}({shown})"


def _text(value: Any) -> Any:
    return getattr(value, "value", value)


def size_pair(size: Any, message: str) -> tuple[int, int]:
    """(height, width) from one number or two."""
    if isinstance(size, numbers.Number):
        return int(size), int(size)  # type: ignore[call-overload]
    if isinstance(size, Sequence) and len(size) == 1:
        return size[0], size[0]
    if len(size) != 2:
        raise ValueError(message)
    return tuple(size)  # type: ignore[return-value]


def symmetric(value: Any, name: str, sizes: tuple = (2,)) -> list[float]:
    """-v ... v of a number, or a sequence of one of these lengths."""
    if isinstance(value, numbers.Number):
        if value < 0:  # type: ignore[operator]
            raise ValueError(f"If {name} is a single number, it must be positive.")
        return [-float(value), float(value)]  # type: ignore[arg-type]
    if not isinstance(value, Sequence):
        raise TypeError(f"{name} should be a sequence of length {' or '.join(map(str, sizes))}.")
    if len(value) not in sizes:
        raise ValueError(f"{name} should be a sequence of length {' or '.join(map(str, sizes))}.")
    return [float(v) for v in value]


def fill_for(img: Any, fill: Any) -> Any:
    """What is meant for this kind of picture, where `fill` is a dict from kinds (and "others") to colours."""
    return fill.get(type(img), fill.get("others")) if isinstance(fill, dict) else fill


def colour_for(img: Any, fill: Any) -> Any:
    """`fill` with one float for each channel of a tensor; as it is for a Pillow image."""
    from torchlike.tensor import Tensor
    from torchlike.vision.transforms.subjects import get_dimensions

    fill = fill_for(img, fill)
    if not isinstance(img, Tensor) or fill is None:
        return fill
    n = get_dimensions(img)[0]
    return [float(fill)] * n if isinstance(fill, int | float) else [float(f) for f in fill]
