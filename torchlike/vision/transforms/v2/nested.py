"""The transforms of version 1 on nests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torchlike as torch
from torchlike.tensor import Tensor
from torchlike.utils._pytree import tree_flatten, tree_unflatten
from torchlike.vision.pillow import is_picture
from torchlike.vision.transforms import augmentation, changing, cutting, draws, kernels
from torchlike.vision.transforms import functional as F1
from torchlike.vision.transforms.base import Transform as _Transform
from torchlike.vision.transforms.subjects import get_dimensions
from torchlike.vision.transforms.v2 import functional as F

__all__ = [
    "AutoAugment", "CenterCrop", "ColorJitter", "ElasticTransform", "FiveCrop", "GaussianBlur", "Grayscale", "Identity",
    "Lambda", "Normalize", "PILToTensor", "Pad", "RandAugment", "RandomAdjustSharpness", "RandomAffine",
    "RandomAutocontrast", "RandomCrop", "RandomEqualize", "RandomErasing", "RandomGrayscale", "RandomHorizontalFlip",
    "RandomInvert", "RandomPerspective", "RandomPosterize", "RandomResizedCrop", "RandomRotation", "RandomSolarize",
    "RandomVerticalFlip", "Resize", "TenCrop", "ToDtype", "ToImage", "ToPILImage", "ToPureTensor", "Transform",
    "TrivialAugmentWide",
]  # fmt: skip


class Transform(_Transform):
    """The base of transforms of version 2: yours defines `make_params(flat_inputs)` and `transform(inpt, params)`."""

    def make_params(self, flat_inputs: list) -> Any:
        """The random parameters, given everything in the nest."""
        pictures = [x for x, is_one in zip(flat_inputs, _pictures(flat_inputs), strict=True) if is_one]
        return self.draw(pictures[0]) if pictures else None

    def transform(self, inpt: Any, params: Any) -> Any:
        """One picture transformed."""
        return self.apply_to(inpt, params)

    def forward(self, *inputs: Any) -> Any:
        """The nest, its pictures transformed; several arguments come back as a tuple."""
        leaves, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        chosen = _pictures(leaves)
        if any(chosen):
            params = self.make_params(leaves)
            leaves = [self.transform(x, params) if c else x for x, c in zip(leaves, chosen, strict=True)]
        return tree_unflatten(leaves, spec)


def _pictures(leaves: list) -> list[bool]:
    """Which leaves are transformed: the Pillow images, or the first tensor where there is none."""
    chosen = [is_picture(x) for x in leaves]
    if not any(chosen):
        first = next((i for i, x in enumerate(leaves) if isinstance(x, Tensor)), None)
        chosen = [i == first for i in range(len(leaves))]
    return chosen


def _nested(old: Any) -> Any:
    """A transform of version 1 on nests."""
    return type(old.__name__, (Transform, old), {"__doc__": old.__doc__, "__module__": __name__})


CenterCrop: Any = _nested(cutting.CenterCrop)
FiveCrop: Any = _nested(cutting.FiveCrop)
TenCrop: Any = _nested(cutting.TenCrop)
Pad: Any = _nested(cutting.Pad)
RandomErasing: Any = _nested(cutting.RandomErasing)
RandomHorizontalFlip: Any = _nested(cutting.RandomHorizontalFlip)
RandomVerticalFlip: Any = _nested(cutting.RandomVerticalFlip)
ColorJitter: Any = _nested(changing.ColorJitter)
ElasticTransform: Any = _nested(changing.ElasticTransform)
GaussianBlur: Any = _nested(changing.GaussianBlur)
Grayscale: Any = _nested(changing.Grayscale)
RandomAdjustSharpness: Any = _nested(changing.RandomAdjustSharpness)
RandomAffine: Any = _nested(changing.RandomAffine)
RandomAutocontrast: Any = _nested(changing.RandomAutocontrast)
RandomEqualize: Any = _nested(changing.RandomEqualize)
RandomGrayscale: Any = _nested(changing.RandomGrayscale)
RandomInvert: Any = _nested(changing.RandomInvert)
RandomPerspective: Any = _nested(changing.RandomPerspective)
RandomPosterize: Any = _nested(changing.RandomPosterize)
RandomRotation: Any = _nested(changing.RandomRotation)
RandomSolarize: Any = _nested(changing.RandomSolarize)


class Resize(_nested(cutting.Resize)):  # type: ignore[misc]
    """The picture at another size. See `transforms.Resize`."""

    def transform(self, inpt: Any, params: Any) -> Any:
        """The picture at the size."""
        return F.resize(inpt, self.size, self.interpolation, self.max_size, self.antialias)


class RandomResizedCrop(_nested(cutting.RandomResizedCrop)):  # type: ignore[misc]
    """A random part of the picture at a given size. See `transforms.RandomResizedCrop`."""

    def transform(self, inpt: Any, params: Any) -> Any:
        """The part at the size."""
        top, left, height, width = params
        return F.resized_crop(inpt, top, left, height, width, self.size, self.interpolation, self.antialias)


class RandomCrop(Transform, cutting.RandomCrop):
    """A rectangle of `size` at a random place. See `transforms.RandomCrop`."""

    def _padded(self, img: Any) -> Any:
        if self.padding is not None:
            img = F1.pad(img, self.padding, self.fill, self.padding_mode)
        if self.pad_if_needed:  # version 2 pads both sides at once
            _, height, width = get_dimensions(img)
            dx, dy = max(self.size[1] - width, 0), max(self.size[0] - height, 0)
            img = F1.pad(img, [dx, dy, dx, dy], self.fill, self.padding_mode) if dx or dy else img
        return img

    def draw(self, img: Any) -> tuple[int, int, int, int]:
        """Where to cut; version 2 draws only along the sides that leave a choice."""
        _, h, w = get_dimensions(self._padded(img))
        th, tw = self.size
        if h < th or w < tw:
            raise ValueError(f"Required crop size {(th, tw)} is larger than padded input image size {(h, w)}.")
        top = draws.integer(0, h - th + 1) if h > th else 0
        left = draws.integer(0, w - tw + 1) if w > tw else 0
        return top, left, th, tw


class _Augment2:
    """How version 2 draws signs, and its thresholds: shares of the largest value."""

    brightest = 1.0

    def _unit(self, img: Any) -> float:
        return kernels.bound(img.dtype.np) if isinstance(img, Tensor) else 255.0

    def _negative(self) -> bool:
        return draws.uniform() <= 0.5


class RandAugment(_Augment2, Transform, augmentation.RandAugment):
    """Operations drawn from all, of one magnitude. See `transforms.RandAugment`."""


class TrivialAugmentWide(_Augment2, Transform, augmentation.TrivialAugmentWide):
    """One operation of a random magnitude. See `transforms.TrivialAugmentWide`."""


class AutoAugment(_Augment2, Transform, augmentation.AutoAugment):
    """A data set's pairs of operations. See `transforms.AutoAugment`."""

    def draw(self, img: Any) -> list:
        """What to do."""
        space, made = self.space(img), []
        for name, probability, index in self.policies[self._one_of(len(self.policies))]:
            if draws.uniform() <= probability:
                magnitudes, signed = space[name]
                magnitude = 0.0 if magnitudes is None else float(magnitudes[index])
                made.append((name, -magnitude if signed and magnitudes is not None and self._negative() else magnitude))
        return made


class Identity(Transform):
    """The nest as it is."""

    def transform(self, inpt: Any, params: Any) -> Any:
        """The same."""
        return inpt


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
    """Pillow images and arrays as tensors (C, H, W) of their own values."""

    def forward(self, *inputs: Any) -> Any:
        """The nest, its pictures as tensors."""
        import numpy as np

        leaves, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        chosen = [p or isinstance(x, np.ndarray) for p, x in zip(_pictures(leaves), leaves, strict=True)]
        return tree_unflatten([F.to_image(x) if c else x for x, c in zip(leaves, chosen, strict=True)], spec)


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
        """A Pillow image; Pillow images pass."""
        return inpt if is_picture(inpt) else F1.to_pil_image(inpt, self.mode)


class ToPureTensor(Transform):
    """The nest as it is: all tensors are pure here."""

    def transform(self, inpt: Any, params: Any) -> Any:
        """The same."""
        return inpt


class ToDtype(Transform):
    """The picture in another dtype; with `scale` its range goes along.

    >>> import torchlike as torch
    >>> from torchlike.vision.transforms import v2
    >>> v2.ToDtype(torch.float32, scale=True)(torch.full((1, 1, 1), 255, dtype=torch.uint8)).item()
    1.0
    """

    shows = ("dtype", "scale")

    def __init__(self, dtype: Any, scale: bool = False) -> None:
        super().__init__()
        if not isinstance(dtype, torch.dtype):
            raise NotImplementedError("ToDtype(dtype={type: dtype}): there are no tv_tensors here; give one dtype")
        self.dtype = dtype
        self.scale = scale

    def transform(self, inpt: Any, params: Any) -> Any:
        """The picture in the dtype; Pillow images pass."""
        return inpt if is_picture(inpt) else F.to_dtype(inpt, self.dtype, self.scale)


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


