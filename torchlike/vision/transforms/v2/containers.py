"""Transforms made of transforms, version 2: all random choices come from the default generator."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torchlike as torch
from torchlike import nn
from torchlike.vision.transforms import draws

__all__ = ["Compose", "RandomApply", "RandomChoice", "RandomOrder", "ToTensor"]


def _in_turn(transforms: Any, inputs: tuple) -> Any:
    for t in transforms:
        made = t(*inputs)
        inputs = made if len(inputs) > 1 else (made,)
    return inputs if len(inputs) > 1 else inputs[0]


class _Several(nn.Module):
    def __init__(self, transforms: Any) -> None:
        super().__init__()
        if not isinstance(transforms, Sequence | nn.ModuleList):
            raise TypeError("Argument transforms should be a sequence of callables")
        self.transforms = transforms

    def extra_repr(self) -> str:
        """The transforms, one a line."""
        return "\n".join(f"    {t}" for t in self.transforms)


class Compose(_Several):
    """Several transforms, one after the other."""

    def __init__(self, transforms: Sequence[Callable]) -> None:
        super().__init__(transforms)
        if not transforms:
            raise ValueError("Pass at least one transform")

    def forward(self, *inputs: Any) -> Any:
        """The nest, transformed."""
        return _in_turn(self.transforms, inputs)


class RandomApply(_Several):
    """All the transforms with probability `p`, none otherwise."""

    def __init__(self, transforms: Any, p: float = 0.5) -> None:
        super().__init__(transforms)
        if not 0.0 <= p <= 1.0:
            raise ValueError("`p` should be a floating point value in the interval [0.0, 1.0].")
        self.p = p

    def forward(self, *inputs: Any) -> Any:
        """The nest, transformed or not."""
        if draws.uniform() >= self.p:
            return inputs if len(inputs) > 1 else inputs[0]
        return _in_turn(self.transforms, inputs)


class RandomChoice(_Several):
    """One of the transforms, by the weights `p`."""

    def __init__(self, transforms: Sequence[Callable], p: list[float] | None = None) -> None:
        super().__init__(transforms)
        if p is None:
            p = [1] * len(transforms)
        elif len(p) != len(transforms):
            raise ValueError(f"Length of p doesn't match the number of transforms: {len(p)} != {len(transforms)}")
        self.p = [x / sum(p) for x in p]

    def forward(self, *inputs: Any) -> Any:
        """The nest, transformed."""
        return self.transforms[draws.weighted(self.p)](*inputs)


class RandomOrder(_Several):
    """All the transforms in random order."""

    def forward(self, *inputs: Any) -> Any:
        """The nest, transformed."""
        return _in_turn([self.transforms[i] for i in draws.permutation(len(self.transforms))], inputs)


def ToTensor() -> Compose:
    """The old conversion: `ToImage`, then `ToDtype(torch.float32, scale=True)`."""
    from torchlike.vision.transforms.v2.conversion import ToDtype, ToImage

    warnings.warn(
        "v2.ToTensor is deprecated: use v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]).",
        stacklevel=2,
    )
    return Compose([ToImage(), ToDtype(torch.float32, scale=True)])
