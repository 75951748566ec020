"""Transforms made of transforms."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from torchlike import nn
from torchlike.vision.transforms import draws

__all__ = ["Compose", "Lambda", "RandomApply", "RandomChoice", "RandomOrder"]


class Compose:
    """Several transforms, one after the other.

    >>> import numpy as np
    >>> from torchlike.vision import transforms
    >>> both = transforms.Compose([transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])
    >>> both(np.full((1, 1, 1), 255, np.uint8)).item()
    1.0
    """

    def __init__(self, transforms: Sequence[Callable]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        for t in self.transforms:
            img = t(img)
        return img

    def __repr__(self) -> str:
        return _lines(self, self.transforms)


def _lines(self: Any, transforms: Any, first: str = "", last: str = "") -> str:
    return f"{type(self).__name__}({first}" + "".join(f"\n    {t}" for t in transforms) + f"\n{last})"


class Lambda:
    """A function of yours as a transform."""

    def __init__(self, lambd: Callable) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__!r}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        return self.lambd(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class _RandomTransforms:
    def __init__(self, transforms: Sequence[Callable]) -> None:
        if not isinstance(transforms, Sequence):
            raise TypeError("Argument transforms should be a sequence")
        self.transforms = transforms


class RandomApply(nn.Module):
    """All the transforms with probability `p`, none otherwise."""

    def __init__(self, transforms: Any, p: float = 0.5) -> None:
        super().__init__()
        self.transforms = transforms
        self.p = p

    def forward(self, img: Any) -> Any:
        """The picture, transformed or not."""
        if self.p < draws.uniform():
            return img
        for t in self.transforms:
            img = t(img)
        return img

    def __repr__(self) -> str:
        return _lines(self, self.transforms, f"\n    p={self.p}")


class RandomOrder(_RandomTransforms):
    """All the transforms in random order, which is drawn from Python's generator, as in torchvision."""

    def __call__(self, img: Any) -> Any:
        order = list(range(len(self.transforms)))
        random.shuffle(order)
        for i in order:
            img = self.transforms[i](img)
        return img

    def __repr__(self) -> str:
        return _lines(self, self.transforms)


class RandomChoice(_RandomTransforms):
    """One of the transforms, by the weights `p`, drawn from Python's generator, as in torchvision."""

    def __init__(self, transforms: Sequence[Callable], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if p is not None and not isinstance(p, Sequence):
            raise TypeError("Argument p should be a sequence")
        self.p = p

    def __call__(self, *args: Any) -> Any:
        return random.choices(self.transforms, weights=self.p)[0](*args)

    def __repr__(self) -> str:
        return f"{_lines(self, self.transforms)}(p={self.p})"
