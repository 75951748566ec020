"""Policies of augmentation: AutoAugment, RandAugment, TrivialAugment, AugMix."""

from __future__ import annotations

import enum
import math
from typing import Any

import numpy as np

from torchlike.tensor import Tensor
from torchlike.vision.transforms import draws, kernels
from torchlike.vision.transforms import functional as F
from torchlike.vision.transforms.base import Transform, colour_for
from torchlike.vision.transforms.grids import linspace
from torchlike.vision.transforms.modes import InterpolationMode
from torchlike.vision.transforms.policies import POLICIES
from torchlike.vision.transforms.subjects import get_dimensions

__all__ = ["AugMix", "AutoAugment", "AutoAugmentPolicy", "RandAugment", "TrivialAugmentWide"]


class AutoAugmentPolicy(enum.Enum):
    """For which data set a policy was found."""

    IMAGENET = "imagenet"
    CIFAR10 = "cifar10"
    SVHN = "svhn"


def apply_operation(img: Any, name: str, magnitude: float, interpolation: Any, fill: Any) -> Any:
    """One operation of a policy."""
    if name in ("ShearX", "ShearY", "TranslateX", "TranslateY"):
        along = 0 if name.endswith("X") else 1
        pair = [0.0, 0.0]
        if name.startswith("Shear"):  # by the tangent, and about the upper left corner, as the papers' code has it
            pair[along] = math.degrees(math.atan(magnitude))
            return F.affine(img, 0.0, [0, 0], 1.0, pair, interpolation, fill, center=[0, 0])
        pair[along] = int(magnitude)
        return F.affine(img, 0.0, [int(p) for p in pair], 1.0, [0.0, 0.0], interpolation, fill)
    if name == "Rotate":
        return F.rotate(img, magnitude, interpolation, fill=fill)
    factors = {
        "Brightness": F.adjust_brightness, "Color": F.adjust_saturation, "Contrast": F.adjust_contrast,
        "Sharpness": F.adjust_sharpness,
    }  # fmt: skip
    if name in factors:
        return factors[name](img, 1.0 + magnitude)
    if name == "Posterize":
        return F.posterize(img, int(magnitude))
    if name == "Solarize":
        return F.solarize(img, magnitude)
    plain = {"AutoContrast": F.autocontrast, "Equalize": F.equalize, "Invert": F.invert, "Identity": lambda x: x}
    if name not in plain:
        raise ValueError(f"The provided operator {name} is not recognized.")
    return plain[name](img)


def _bits(bins: int, span: float) -> np.ndarray:
    """8 down to 8 - span."""
    return 8 - np.round(np.arange(bins) / np.float32((bins - 1) / span)).astype(np.int64)


def spaces(
    bins: int, shear: float, across: float, down: float, angle: float, strength: float, span: float, identity: bool,
    brightest: float,
) -> dict[str, tuple[np.ndarray | None, bool]]:
    """The operations in torchvision's order, each with its magnitudes (None: none) and whether they have a sign."""
    colours = dict.fromkeys(("Brightness", "Color", "Contrast", "Sharpness"), (linspace(0.0, strength, bins), True))
    return {
        **({"Identity": (None, False)} if identity else {}),
        "ShearX": (linspace(0.0, shear, bins), True),
        "ShearY": (linspace(0.0, shear, bins), True),
        "TranslateX": (linspace(0.0, across, bins), True),
        "TranslateY": (linspace(0.0, down, bins), True),
        "Rotate": (linspace(0.0, angle, bins), True),
        **colours,
        "Posterize": (_bits(bins, span), False),
        "Solarize": (linspace(brightest, 0.0, bins), False),
        "AutoContrast": (None, False),
        "Equalize": (None, False),
        **({} if identity else {"Invert": (None, False)}),
    }


class _Augment(Transform):
    """Parameters are a list of (operation, magnitude)."""

    brightest = 255.0  # the scale of solarize's thresholds

    def __init__(self, interpolation: Any, fill: Any) -> None:
        super().__init__()
        self.interpolation = interpolation
        self.fill = fill

    def apply_to(self, img: Any, parameters: list) -> Any:
        """The operations, one after the other."""
        colour = colour_for(img, self.fill)
        for name, magnitude in parameters:
            if name == "Solarize":
                magnitude *= self._unit(img)
            img = apply_operation(img, name, magnitude, self.interpolation, colour)
        return img

    # how version 1 of the transforms does it; version 2 has other ways

    def _unit(self, img: Any) -> float:
        return 1.0

    def _one_of(self, n: int) -> int:
        return draws.integer(0, n)

    def _negative(self) -> bool:
        return draws.integer(0, 2) == 1


class AutoAugment(_Augment):
    """One of a data set's 25 pairs of operations, each with its probability (https://arxiv.org/abs/1805.09501).

    For uint8 tensors and Pillow images.
    """

    shows = ("policy", "fill")

    def __init__(
        self, policy: AutoAugmentPolicy = AutoAugmentPolicy.IMAGENET, interpolation: Any = InterpolationMode.NEAREST,
        fill: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(interpolation, fill)
        if not isinstance(policy, AutoAugmentPolicy):
            raise ValueError(f"The provided policy {policy} is not recognized.")
        self.policy = policy
        self.policies = POLICIES[policy.value]

    @staticmethod
    def get_params(transform_num: int) -> tuple[int, np.ndarray, list[int]]:
        """(which pair, two numbers to compare with the probabilities, two signs)."""
        return draws.integer(0, transform_num), draws.uniforms(2), draws.integers(2, 2)

    def space(self, img: Any) -> dict:
        """The operations for a picture of this size."""
        _, height, width = get_dimensions(img)
        across, down = 150.0 / 331.0 * width, 150.0 / 331.0 * height
        return spaces(10, 0.3, across, down, 30.0, 0.9, 4, identity=False, brightest=self.brightest)

    def draw(self, img: Any) -> list:
        """What to do."""
        which, chances, signs = self.get_params(len(self.policies))
        space, made = self.space(img), []
        for i, (name, probability, index) in enumerate(self.policies[which]):
            if chances[i] <= probability:
                magnitudes, signed = space[name]
                magnitude = float(magnitudes[index]) if index is not None else 0.0
                made.append((name, -magnitude if signed and signs[i] == 0 else magnitude))
        return made


class RandAugment(_Augment):
    """`num_ops` operations drawn from all, of one magnitude (https://arxiv.org/abs/1909.13719).

    For uint8 tensors and Pillow images.
    """

    shows = ("num_ops", "magnitude", "num_magnitude_bins", "interpolation", "fill")

    def __init__(
        self, num_ops: int = 2, magnitude: int = 9, num_magnitude_bins: int = 31,
        interpolation: Any = InterpolationMode.NEAREST, fill: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(interpolation, fill)
        self.num_ops = num_ops
        self.magnitude = magnitude
        self.num_magnitude_bins = num_magnitude_bins

    def space(self, img: Any) -> dict:
        """The operations for a picture of this size."""
        _, height, width = get_dimensions(img)
        bins = self.num_magnitude_bins
        across, down = 150.0 / 331.0 * width, 150.0 / 331.0 * height
        return spaces(bins, 0.3, across, down, 30.0, 0.9, 4, identity=True, brightest=self.brightest)

    def draw(self, img: Any) -> list:
        """What to do."""
        space, made = self.space(img), []
        for _ in range(self.num_ops):
            name = list(space)[self._one_of(len(space))]
            magnitudes, signed = space[name]
            magnitude = 0.0 if magnitudes is None else float(magnitudes[self.magnitude])
            made.append((name, -magnitude if signed and self._negative() else magnitude))
        return made


class TrivialAugmentWide(_Augment):
    """One operation drawn from all, of a random magnitude (https://arxiv.org/abs/2103.10158).

    For uint8 tensors and Pillow images.
    """

    shows = ("num_magnitude_bins", "interpolation", "fill")

    def __init__(
        self, num_magnitude_bins: int = 31, interpolation: Any = InterpolationMode.NEAREST, fill: Any = None
    ) -> None:
        super().__init__(interpolation, fill)
        self.num_magnitude_bins = num_magnitude_bins

    def space(self, img: Any) -> dict:
        """The operations."""
        bins = self.num_magnitude_bins
        return spaces(bins, 0.99, 32.0, 32.0, 135.0, 0.99, 6, identity=True, brightest=self.brightest)

    def draw(self, img: Any) -> list:
        """What to do."""
        space = self.space(img)
        name = list(space)[self._one_of(len(space))]
        magnitudes, signed = space[name]
        magnitude = 0.0 if magnitudes is None else float(magnitudes[self._one_of(len(magnitudes))])
        return [(name, -magnitude if signed and self._negative() else magnitude)]


class AugMix(_Augment):
    """The picture mixed with `mixture_width` chains of operations on it (https://arxiv.org/abs/1912.02781).

    For uint8 tensors and Pillow images.

    Args:
        severity: how many of the ten magnitudes of an operation are drawn from, beginning with the weakest.
        mixture_width: how many chains.
        chain_depth: how many operations a chain has; 1 to 3 at random if it is not positive.
        alpha: of the distributions that the shares of the chains, and of the picture itself, are drawn from.
        all_ops: brightness, colour, contrast and sharpness among the operations.
    """

    shows = ("severity", "mixture_width", "chain_depth", "alpha", "all_ops", "interpolation", "fill")

    def __init__(
        self, severity: int = 3, mixture_width: int = 3, chain_depth: int = -1, alpha: float = 1.0,
        all_ops: bool = True, interpolation: Any = InterpolationMode.BILINEAR, fill: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(interpolation, fill)
        if not 1 <= severity <= 10:
            raise ValueError(f"The severity must be between [1, 10]. Got {severity} instead.")
        self.severity = severity
        self.mixture_width = mixture_width
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops

    def space(self, img: Any) -> dict:
        """The operations for a picture of this size."""
        _, height, width = get_dimensions(img)
        found = spaces(10, 0.3, width / 3.0, height / 3.0, 30.0, 0.9, 4, identity=True, brightest=self.brightest)
        colours = [name for name, (magnitudes, signed) in found.items() if signed][5:]
        found["Posterize"] = (_bits(10, 4) - 4, False)  # 4 bits down to none
        order = [name for name in found if name not in ("Identity", *colours)] + (colours if self.all_ops else [])
        return {name: found[name] for name in order}

    def draw(self, img: Any) -> tuple:
        """(share of the picture, shares of the chains, the chains); shares have a row for each picture of a batch."""
        rows = img.shape[0] if isinstance(img, Tensor) and img.ndim > 3 else 1
        both = draws.dirichlet(self.alpha, 2, rows)
        shares = draws.dirichlet(self.alpha, self.mixture_width, rows) * both[:, 1:]
        space, chains = self.space(img), []
        for _ in range(self.mixture_width):
            chain = []
            for _ in range(self.chain_depth if self.chain_depth > 0 else draws.integer(1, 4)):
                name = list(space)[self._one_of(len(space))]
                magnitudes, signed = space[name]
                magnitude = 0.0 if magnitudes is None else float(magnitudes[self._one_of(self.severity)])
                chain.append((name, -magnitude if signed and self._negative() else magnitude))
            chains.append(chain)
        return both[:, 0], shares, chains

    def apply_to(self, img: Any, parameters: Any) -> Any:
        """The mixture."""
        if not isinstance(img, Tensor):
            return F.to_pil_image(self.apply_to(F.pil_to_tensor(img), parameters))
        own, shares, chains = parameters
        chained = [super(AugMix, self).apply_to(img, chain) for chain in chains]
        return kernels.mixed([img, *chained], [own, *shares.T])
