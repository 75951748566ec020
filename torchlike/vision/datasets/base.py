"""What all vision data sets share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from torchlike.utils.data import Dataset
from torchlike.vision.pillow import module


class StandardTransform:
    """A transform of the picture and one of the target, as one of both."""

    def __init__(self, transform: Callable | None = None, target_transform: Callable | None = None) -> None:
        self.transform = transform
        self.target_transform = target_transform

    def __call__(self, input: Any, target: Any) -> tuple[Any, Any]:
        if self.transform is not None:
            input = self.transform(input)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return input, target

    def __repr__(self) -> str:
        parts = [("Transform", self.transform), ("Target transform", self.target_transform)]
        shown = [f"{name}: {repr(t)}" for name, t in parts if t is not None]
        return "\n".join(["StandardTransform", *shown])


class VisionDataset(Dataset):
    """The base of data sets of pictures.

    Args:
        root: the folder of the files.
        transforms: a function of picture and target; or
        transform, target_transform: one of each.
    """

    _repr_indent = 4
    root: Any

    def __init__(
        self, root: str | Path | None = None, transforms: Callable | None = None, transform: Callable | None = None,
        target_transform: Callable | None = None,
    ) -> None:  # fmt: skip
        self.root = os.path.expanduser(root) if isinstance(root, str) else root
        if transforms is not None and (transform is not None or target_transform is not None):
            raise ValueError("Only transforms or transform/target_transform can be passed as argument")
        self.transform = transform
        self.target_transform = target_transform
        if transform is not None or target_transform is not None:
            transforms = StandardTransform(transform, target_transform)
        self.transforms = transforms

    def __len__(self) -> int:
        raise NotImplementedError(f"{type(self).__name__} is missing __len__")

    def transformed(self, picture: Any, target: Any) -> tuple[Any, Any]:
        """The sample after the transforms."""
        return (picture, target) if self.transforms is None else self.transforms(picture, target)

    def extra_repr(self) -> str:
        """What the repr shows beside size and folder."""
        return ""

    def __repr__(self) -> str:
        body = [f"Number of datapoints: {len(self)}"]
        body += [f"Root location: {self.root}"] if self.root is not None else []
        body += self.extra_repr().splitlines()
        body += [repr(self.transforms)] if self.transforms is not None else []
        return "\n".join([f"Dataset {type(self).__name__}", *(" " * self._repr_indent + line for line in body)])


class HeldImages(VisionDataset):
    """Pictures and their numbers in memory, as the tensors `data` (bytes) and `targets`, of one of two splits."""

    data: Any
    targets: Any
    train: bool

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.transformed(image_of(self.data[index].numpy()), int(self.targets[index]))

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        """The split."""
        return f"Split: {'Train' if self.train else 'Test'}"


def image_of(array: np.ndarray) -> Any:
    """The Pillow image of bytes (H, W) or (H, W, 3)."""
    return module().fromarray(array)


def one_of(value: Any, name: str, valid: tuple[str, ...]) -> str:
    """The value, if it is a string among the valid ones; ValueError otherwise."""
    if not isinstance(value, str):
        raise ValueError(f"Expected type str for argument {name}, but got type {type(value)}.")
    if value not in valid:
        raise ValueError(
            f"Unknown value '{value}' for argument {name}. Valid values are {{{', '.join(map(repr, valid))}}}."
        )
    return value
