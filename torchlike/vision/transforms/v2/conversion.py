"""Transforms of version 2 between kinds of picture, dtypes and ranges."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import torchlike as torch
from torchlike.tensor import Tensor
from torchlike.utils._pytree import tree_flatten, tree_unflatten
from torchlike.vision.pillow import is_picture
from torchlike.vision.transforms import functional as F1
from torchlike.vision.transforms.v2 import functional as F
from torchlike.vision.transforms.v2.transform import Transform, chosen
from torchlike.vision.tv_tensors import BoundingBoxes, Image, Mask, TVTensor

__all__ = [
    "ConvertImageDtype", "Lambda", "Normalize", "PILToTensor", "ToDtype", "ToImage", "ToPILImage", "ToPureTensor",
]  # fmt: skip


class Normalize(Transform):
    """(img - mean) / std, one number for each channel. See `transforms.Normalize`."""

    shows = ("mean", "std", "inplace")

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        super().__init__()
        self.mean = list(mean)
        self.std = list(std)
        self.inplace = inplace

    def transform(self, inpt: Any, params: Any) -> Any:
        """The normalised picture."""
        if is_picture(inpt):
            raise TypeError("Normalize() does not support PIL images.")
        return F1.normalize(inpt, self.mean, self.std, self.inplace)


class ToImage(Transform):
    """Pillow images, arrays (H, W, C) and plain tensors as `tv_tensors.Image` of their own values."""

    def forward(self, *inputs: Any) -> Any:
        """The nest, its pictures as images."""
        leaves, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        which = [
            isinstance(x, np.ndarray) or (c and not isinstance(x, TVTensor))
            for c, x in zip(chosen(leaves), leaves, strict=True)
        ]
        return tree_unflatten([F.to_image(x) if c else x for x, c in zip(leaves, which, strict=True)], spec)


class PILToTensor(Transform):
    """Pillow images as tensors (C, H, W) of their own values."""

    def transform(self, inpt: Any, params: Any) -> Any:
        """A tensor; tensors pass."""
        return F1.pil_to_tensor(inpt) if is_picture(inpt) else inpt


class ToPILImage(Transform):
    """Tensors as Pillow images of a mode."""

    shows = ("mode",)

    def __init__(self, mode: str | None = None) -> None:
        super().__init__()
        self.mode = mode

    def transform(self, inpt: Any, params: Any) -> Any:
        """A Pillow image; Pillow images, boxes and masks pass."""
        passes = is_picture(inpt) or isinstance(inpt, BoundingBoxes | Mask)
        return inpt if passes else F1.to_pil_image(inpt, self.mode)


class ToPureTensor(Transform):
    """All `tv_tensors` as plain tensors."""

    def transform(self, inpt: Any, params: Any) -> Any:
        """A plain tensor; everything else passes."""
        return inpt.as_subclass(Tensor) if isinstance(inpt, TVTensor) else inpt


class ToDtype(Transform):
    """Pictures in another dtype; with `scale` their range goes along.

    A dict gives a dtype (None: as it is) for each kind, and for "others": `{tv_tensors.Image: torch.float32, "others":
    None}`; one dtype is for pictures alone, boxes and masks pass.

    >>> import torchlike as torch
    >>> from torchlike.vision.transforms import v2
    >>> v2.ToDtype(torch.float32, scale=True)(torch.full((1, 1, 1), 255, dtype=torch.uint8)).item()
    1.0
    """

    shows = ("dtype", "scale")

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        super().__init__()
        if not isinstance(dtype, dict | torch.dtype):
            raise ValueError(f"dtype must be a dict or a torch.dtype, got {type(dtype)} instead")
        if isinstance(dtype, dict) and Tensor in dtype and any(k in dtype for k in (Image, Mask)):
            warnings.warn(
                "Got `dtype` values for `torch.Tensor` and either `tv_tensors.Image` or `tv_tensors.Video`. Note that "
                "a plain `torch.Tensor` will *not* be transformed by this (or any other transformation) in case a "
                "`tv_tensors.Image` or `tv_tensors.Video` is present in the input.",
                stacklevel=2,
            )
        self.dtype = dtype
        self.scale = scale

    def transform(self, inpt: Any, params: Any) -> Any:
        """The picture in the dtype; Pillow images pass."""
        dtype, is_one = self.dtype, not isinstance(inpt, BoundingBoxes | Mask)
        if isinstance(dtype, dict):
            if type(inpt) not in dtype and "others" not in dtype:
                raise ValueError(
                    f"No dtype was specified for type {type(inpt)}. If you only need to convert the dtype of images or "
                    "videos, you can just pass e.g. dtype=torch.float32. If you're passing a dict as dtype, you can "
                    'use "others" as a catch-all key e.g. dtype={tv_tensors.Mask: torch.int64, "others": None} to pass-'
                    "through the rest of the inputs."
                )
            dtype = dtype.get(type(inpt), dtype.get("others"))
        elif not is_one:
            return inpt
        if dtype is None or is_picture(inpt):
            return inpt
        return F.to_dtype(inpt, dtype, self.scale and is_one)


class ConvertImageDtype(Transform):
    """Everything in another dtype, the range of pictures scaled along. `ToDtype` leaves boxes and masks alone."""

    def __init__(self, dtype: Any = torch.float32) -> None:
        super().__init__()
        self.dtype = dtype

    def transform(self, inpt: Any, params: Any) -> Any:
        """In the dtype; Pillow images pass."""
        return inpt if is_picture(inpt) else F.to_dtype(inpt, self.dtype, scale=True)


class Lambda(Transform):
    """A function of yours on every leaf of the given types."""

    def __init__(self, lambd: Callable, *types: type) -> None:
        super().__init__()
        self.lambd = lambd
        self.types = types or (object,)

    def forward(self, *inputs: Any) -> Any:
        """The nest, the function applied."""
        leaves, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        return tree_unflatten([self.lambd(x) if isinstance(x, self.types) else x for x in leaves], spec)


