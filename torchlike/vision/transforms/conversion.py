"""From Pillow images and arrays to tensors and back, and between dtypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torchlike import nn
from torchlike.tensor import Tensor
from torchlike.vision.transforms import functional as F

__all__ = ["ConvertImageDtype", "Normalize", "PILToTensor", "ToPILImage", "ToTensor"]


class ToTensor:
    """A Pillow image or array (H, W, C) as a tensor (C, H, W); bytes become floats of 0 ... 1.

    >>> import numpy as np
    >>> from torchlike.vision import transforms
    >>> transforms.ToTensor()(np.zeros((2, 3, 1), np.uint8)).shape
    torch.Size([1, 2, 3])
    """

    def __call__(self, pic: Any) -> Tensor:
        return F.to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class PILToTensor:
    """A Pillow image as a tensor (C, H, W) of its own values."""

    def __call__(self, pic: Any) -> Tensor:
        return F.pil_to_tensor(pic)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ConvertImageDtype(nn.Module):
    """A tensor in another dtype, its range scaled along."""

    def __init__(self, dtype: Any) -> None:
        super().__init__()
        self.dtype = dtype

    def forward(self, image: Tensor) -> Tensor:
        """The picture in the dtype."""
        return F.convert_image_dtype(image, self.dtype)


class ToPILImage:
    """A tensor (C, H, W) or array (H, W, C) as a Pillow image of a mode (found from the channels if not given)."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def __call__(self, pic: Any) -> Any:
        return F.to_pil_image(pic, self.mode)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.mode is None else f'mode={self.mode}'})"


class Normalize(nn.Module):
    """(img - mean) / std, one number for each channel, for float tensors (..., C, H, W).

    >>> from torchlike.vision import transforms
    >>> transforms.Normalize((0.5,), (0.5,))
    Normalize(mean=(0.5,), std=(0.5,))
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        super().__init__()
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def forward(self, tensor: Tensor) -> Tensor:
        """The normalised picture."""
        return F.normalize(tensor, self.mean, self.std, self.inplace)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"
