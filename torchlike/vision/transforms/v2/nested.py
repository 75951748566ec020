"""The transforms of version 1 on nests."""

from __future__ import annotations

import warnings
from typing import Any

from torchlike.tensor import Tensor
from torchlike.vision.transforms import augmentation, changing, cutting, draws, kernels
from torchlike.vision.transforms import functional as F1
from torchlike.vision.transforms.base import fill_for
from torchlike.vision.transforms.subjects import get_dimensions
from torchlike.vision.transforms.v2 import functional as F
from torchlike.vision.transforms.v2.transform import Transform, chosen
from torchlike.vision.tv_tensors import BoundingBoxes, Mask

__all__ = [
    "AugMix", "AutoAugment", "CenterCrop", "ColorJitter", "ElasticTransform", "FiveCrop", "GaussianBlur", "Grayscale",
    "Identity", "Pad", "RandAugment", "RandomAdjustSharpness", "RandomAffine", "RandomAutocontrast", "RandomCrop",
    "RandomEqualize", "RandomErasing", "RandomGrayscale", "RandomHorizontalFlip", "RandomInvert", "RandomPerspective",
    "RandomPosterize", "RandomResizedCrop", "RandomRotation", "RandomSolarize", "RandomVerticalFlip", "Resize",
    "TenCrop", "TrivialAugmentWide",
]  # fmt: skip


def _nested(old: Any, **more: Any) -> Any:
    """A transform of version 1 on nests."""
    return type(old.__name__, (Transform, old), {"__doc__": old.__doc__, "__module__": __name__, **more})


def _pictures_alone(self: Any, flat_inputs: list) -> None:
    if any(isinstance(x, BoundingBoxes | Mask) for x in flat_inputs):
        raise TypeError(f"BoundingBoxes'es, Mask's and KeyPoints are not supported by {type(self).__name__}()")


CenterCrop: Any = _nested(cutting.CenterCrop)
FiveCrop: Any = _nested(cutting.FiveCrop, check_inputs=_pictures_alone)
TenCrop: Any = _nested(cutting.TenCrop, check_inputs=_pictures_alone)
Pad: Any = _nested(cutting.Pad)
RandomHorizontalFlip: Any = _nested(cutting.RandomHorizontalFlip)
RandomVerticalFlip: Any = _nested(cutting.RandomVerticalFlip)
ColorJitter: Any = _nested(changing.ColorJitter)
ElasticTransform: Any = _nested(changing.ElasticTransform, reads_size=True)
GaussianBlur: Any = _nested(changing.GaussianBlur)
Grayscale: Any = _nested(changing.Grayscale)
RandomAdjustSharpness: Any = _nested(changing.RandomAdjustSharpness)
RandomAffine: Any = _nested(changing.RandomAffine, reads_size=True)
RandomAutocontrast: Any = _nested(changing.RandomAutocontrast)
RandomEqualize: Any = _nested(changing.RandomEqualize)
RandomGrayscale: Any = _nested(changing.RandomGrayscale)
RandomInvert: Any = _nested(changing.RandomInvert)
RandomPerspective: Any = _nested(changing.RandomPerspective, reads_size=True)
RandomPosterize: Any = _nested(changing.RandomPosterize)
RandomRotation: Any = _nested(changing.RandomRotation)
RandomSolarize: Any = _nested(changing.RandomSolarize)


class Resize(_nested(cutting.Resize)):  # type: ignore[misc]
    """The picture at another size. See `transforms.Resize`."""

    def transform(self, inpt: Any, params: Any) -> Any:
        """The picture at the size."""
        return F.resize(inpt, self.size, self.interpolation, self.max_size, self.antialias)


class RandomResizedCrop(_nested(cutting.RandomResizedCrop, reads_size=True)):  # type: ignore[misc]
    """A random part of the picture at a given size. See `transforms.RandomResizedCrop`."""

    def transform(self, inpt: Any, params: Any) -> Any:
        """The part at the size."""
        top, left, height, width = params
        return F.resized_crop(inpt, top, left, height, width, self.size, self.interpolation, self.antialias)


class RandomErasing(_nested(cutting.RandomErasing)):  # type: ignore[misc]
    """A random rectangle of a tensor written over. See `transforms.RandomErasing`."""

    def transform(self, inpt: Any, params: Any) -> Any:
        """The picture; boxes and masks pass, with a warning."""
        if params is not None and isinstance(inpt, BoundingBoxes | Mask):
            warnings.warn(
                f"RandomErasing() is currently passing through inputs of type tv_tensors.{type(inpt).__name__}. This "
                "will likely change in the future.",
                stacklevel=2,
            )
        return self.apply_to(inpt, params)


class RandomCrop(Transform, cutting.RandomCrop):
    """A rectangle of `size` at a random place. See `transforms.RandomCrop`."""

    reads_size = True

    def _padded(self, img: Any) -> Any:
        fill = fill_for(img, self.fill)
        if self.padding is not None:
            img = F1.pad(img, self.padding, fill, self.padding_mode)
        if self.pad_if_needed:  # version 2 pads both sides at once
            _, height, width = get_dimensions(img)
            dx, dy = max(self.size[1] - width, 0), max(self.size[0] - height, 0)
            img = F1.pad(img, [dx, dy, dx, dy], fill, self.padding_mode) if dx or dy else img
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

    def check_inputs(self, flat_inputs: list) -> None:
        """TypeError unless there is one picture, and neither boxes nor masks."""
        for x in flat_inputs:
            if isinstance(x, BoundingBoxes | Mask):
                raise TypeError(f"Inputs of type {type(x).__name__} are not supported by {type(self).__name__}()")
        count = sum(chosen(flat_inputs))
        if not count:
            raise TypeError("Found no image in the sample.")
        if count > 1:
            raise TypeError(
                "Auto augment transformations are only properly defined for a single image or video, but found "
                f"{count}."
            )

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


class AugMix(_Augment2, Transform, augmentation.AugMix):
    """The picture mixed with chains of operations on it. See `transforms.AugMix`."""


class Identity(Transform):
    """The nest as it is."""

    def transform(self, inpt: Any, params: Any) -> Any:
        """The same."""
        return inpt
