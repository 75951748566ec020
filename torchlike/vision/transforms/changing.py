"""Random changes of colours and of the geometry."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

from torchlike.tensor import Tensor
from torchlike.vision.transforms import draws
from torchlike.vision.transforms import functional as F
from torchlike.vision.transforms.base import Transform, colour_for, fill_for, size_pair, symmetric
from torchlike.vision.transforms.modes import InterpolationMode, mode_of
from torchlike.vision.transforms.subjects import get_dimensions

__all__ = [
    "ColorJitter", "ElasticTransform", "GaussianBlur", "Grayscale", "RandomAdjustSharpness", "RandomAffine",
    "RandomAutocontrast", "RandomEqualize", "RandomGrayscale", "RandomInvert", "RandomPerspective", "RandomPosterize",
    "RandomRotation", "RandomSolarize",
]  # fmt: skip


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed at random, in random order.

    Args:
        brightness, contrast, saturation: factors of max(0, 1 - x) ... 1 + x, or of the two numbers given.
        hue: of -x ... x, at most 0.5, or of the two numbers given.
    """

    shows = ("brightness", "contrast", "saturation", "hue")

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0) -> None:
        super().__init__()
        self.brightness = self._range(brightness, "brightness")
        self.contrast = self._range(contrast, "contrast")
        self.saturation = self._range(saturation, "saturation")
        self.hue = self._range(hue, "hue", centre=0, limits=(-0.5, 0.5))

    @staticmethod
    def _range(value: Any, name: str, centre: float = 1, limits: tuple = (0, float("inf"))) -> tuple | None:
        if isinstance(value, numbers.Number):
            if value < 0:  # type: ignore[operator]
                raise ValueError(f"If {name} is a single number, it must be non negative.")
            low, high = centre - float(value), centre + float(value)  # type: ignore[arg-type]
            low = max(low, 0.0) if centre else low
        elif isinstance(value, tuple | list) and len(value) == 2:
            low, high = (float(v) for v in value)
        else:
            raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
        if not limits[0] <= low <= high <= limits[1]:
            raise ValueError(f"{name} values should be between {limits}, but got {[low, high]}.")
        return None if low == high == centre else (low, high)

    @staticmethod
    def get_params(brightness: Any, contrast: Any, saturation: Any, hue: Any) -> tuple:
        """(order, brightness, contrast, saturation, hue), None for what is not changed."""
        order = draws.permutation(4)
        return (order, *(None if r is None else draws.uniform(*r) for r in (brightness, contrast, saturation, hue)))

    def draw(self, img: Any) -> tuple:
        """The order and the factors."""
        return self.get_params(self.brightness, self.contrast, self.saturation, self.hue)

    def apply_to(self, img: Any, parameters: Any) -> Any:
        """The picture, changed."""
        order, *factors = parameters
        adjust = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
        for i in order:
            if factors[i] is not None:
                img = adjust[i](img, factors[i])
        return img


class Grayscale(Transform):
    """Shades of gray, in one channel or three alike."""

    shows = ("num_output_channels",)

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def apply_to(self, img: Any, parameters: None) -> Any:
        """The shades."""
        return F.rgb_to_grayscale(img, self.num_output_channels)


class _WithProbability(Transform):
    """Something done with probability `p`."""

    shows: tuple[str, ...] = ("p",)

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p = p

    def draw(self, img: Any) -> bool:
        """Whether to do it."""
        return draws.uniform() < self.p

    def done_to(self, img: Any) -> Any:
        """The picture with it done."""
        raise NotImplementedError(f"{type(self).__name__} is missing done_to")

    def apply_to(self, img: Any, parameters: bool) -> Any:
        """The picture, with it done or not."""
        return self.done_to(img) if parameters else img


class RandomGrayscale(_WithProbability):
    """Shades of gray in as many channels as the picture has, with probability `p`."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def done_to(self, img: Any) -> Any:
        """The shades."""
        return F.rgb_to_grayscale(img, get_dimensions(img)[0])


class RandomInvert(_WithProbability):
    """Light and dark exchanged with probability `p`."""

    def done_to(self, img: Any) -> Any:
        """The negative."""
        return F.invert(img)


class RandomPosterize(_WithProbability):
    """Only the highest `bits` of each value, with probability `p`."""

    shows = ("bits", "p")

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def done_to(self, img: Any) -> Any:
        """The highest bits."""
        return F.posterize(img, self.bits)


class RandomSolarize(_WithProbability):
    """Inverted where values are not below `threshold`, with probability `p`."""

    shows = ("threshold", "p")

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def done_to(self, img: Any) -> Any:
        """Partly inverted."""
        return F.solarize(img, self.threshold)


class RandomAdjustSharpness(_WithProbability):
    """Sharper (or, below 1, smoother) by `sharpness_factor` with probability `p`."""

    shows = ("sharpness_factor", "p")

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def done_to(self, img: Any) -> Any:
        """The sharper picture."""
        return F.adjust_sharpness(img, self.sharpness_factor)


class RandomAutocontrast(_WithProbability):
    """Each channel stretched to the full range with probability `p`."""

    def done_to(self, img: Any) -> Any:
        """The full range."""
        return F.autocontrast(img)


class RandomEqualize(_WithProbability):
    """All values made about equally frequent with probability `p`."""

    def done_to(self, img: Any) -> Any:
        """The equalized picture."""
        return F.equalize(img)


class GaussianBlur(Transform):
    """Smoothed with a normal density whose sigma is drawn from `sigma`."""

    shows = ("kernel_size", "sigma")

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0)) -> None:
        super().__init__()
        self.kernel_size = size_pair(kernel_size, "Kernel size should be a tuple/list of two integers")
        if any(k <= 0 or k % 2 == 0 for k in self.kernel_size):
            raise ValueError("Kernel size value should be an odd and positive number.")
        if isinstance(sigma, numbers.Number):
            if sigma <= 0:  # type: ignore[operator]
                raise ValueError("If sigma is a single number, it must be positive.")
            sigma = (sigma, sigma)
        elif not isinstance(sigma, Sequence) or len(sigma) != 2:
            raise TypeError("sigma should be a single number or a list/tuple with length 2.")
        if not 0.0 < sigma[0] <= sigma[1]:
            raise ValueError(f"sigma values should be positive and of the form (min, max). Got {sigma}")
        self.sigma = sigma

    def draw(self, img: Any) -> float:
        """The sigma."""
        return draws.uniform(float(self.sigma[0]), float(self.sigma[1]))

    def apply_to(self, img: Any, parameters: float) -> Any:
        """The smoothed picture."""
        return F.gaussian_blur(img, self.kernel_size, [parameters, parameters])


class RandomRotation(Transform):
    """Turned by an angle drawn from -degrees ... degrees, or between two numbers. See `functional.rotate`."""

    shows = ("degrees", "interpolation", "expand", "center", "fill")

    def __init__(
        self, degrees: Any, interpolation: Any = InterpolationMode.NEAREST, expand: bool = False, center: Any = None,
        fill: Any = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.degrees = symmetric(degrees, "degrees")
        self.interpolation = mode_of(interpolation)
        self.expand = expand
        self.center = center
        self.fill = 0 if fill is None else fill

    def draw(self, img: Any) -> float:
        """The angle."""
        return draws.uniform(*self.degrees)

    def apply_to(self, img: Any, parameters: float) -> Any:
        """The turned picture."""
        return F.rotate(img, parameters, self.interpolation, self.expand, self.center, colour_for(img, self.fill))


class RandomAffine(Transform):
    """Turned, moved, scaled and sheared at random, the middle staying in the middle.

    Args:
        degrees: angles of -degrees ... degrees, or between two numbers.
        translate: the largest shares of width and height to move by.
        scale: between which factors.
        shear: -shear ... shear degrees along x; two numbers for x; four for x and y.
        fill: the colour outside.
    """

    shows = ("degrees", "translate", "scale", "shear", "interpolation", "fill", "center")

    def __init__(
        self, degrees: Any, translate: Any = None, scale: Any = None, shear: Any = None,
        interpolation: Any = InterpolationMode.NEAREST, fill: Any = 0, center: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.degrees = symmetric(degrees, "degrees")
        if translate is not None and not all(0.0 <= t <= 1.0 for t in translate):
            raise ValueError("translation values should be between 0 and 1")
        if scale is not None and not all(s > 0 for s in scale):
            raise ValueError("scale values should be positive")
        self.translate = translate
        self.scale = scale
        self.shear = None if shear is None else symmetric(shear, "shear", (2, 4))
        self.interpolation = mode_of(interpolation)
        self.fill = 0 if fill is None else fill
        self.center = center

    def draw(self, img: Any) -> tuple:
        """(angle, (x, y), scale, (shear along x, along y))."""
        _, height, width = get_dimensions(img)
        angle, move, scale, shear_y = draws.uniform(*self.degrees), (0, 0), 1.0, 0.0
        if self.translate is not None:
            reach = [float(t * s) for t, s in zip(self.translate, (width, height), strict=True)]
            move = (int(round(draws.uniform(-reach[0], reach[0]))), int(round(draws.uniform(-reach[1], reach[1]))))
        if self.scale is not None:
            scale = draws.uniform(*self.scale)
        shear_x = 0.0
        if self.shear is not None:
            shear_x = draws.uniform(self.shear[0], self.shear[1])
            if len(self.shear) == 4:
                shear_y = draws.uniform(self.shear[2], self.shear[3])
        return angle, move, scale, (shear_x, shear_y)

    def apply_to(self, img: Any, parameters: Any) -> Any:
        """The changed picture."""
        colour = colour_for(img, self.fill)
        angle, move, scale, shear = parameters
        return F.affine(img, angle, move, scale, shear, self.interpolation, colour, self.center)


class RandomPerspective(_WithProbability):
    """Seen from a random place with probability `p`.

    Each corner moves inwards by up to the share `distortion_scale` of half a side.
    """

    shows = ("p",)

    def __init__(
        self, distortion_scale: float = 0.5, p: float = 0.5, interpolation: Any = InterpolationMode.BILINEAR,
        fill: Any = 0,
    ) -> None:  # fmt: skip
        super().__init__(p)
        self.distortion_scale = distortion_scale
        self.interpolation = mode_of(interpolation)
        self.fill = 0 if fill is None else fill

    @staticmethod
    def get_params(width: int, height: int, distortion_scale: float) -> tuple[list, list]:
        """The corners before and after, from the upper left one clockwise."""
        x, y = int(distortion_scale * (width // 2)) + 1, int(distortion_scale * (height // 2)) + 1
        left, top, right, bottom = (0, x), (0, y), (width - x, width), (height - y, height)
        corners = ((left, top), (right, top), (right, bottom), (left, bottom))
        end = [[draws.integer(*across), draws.integer(*down)] for across, down in corners]
        return [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], end

    def draw(self, img: Any) -> Any:
        """The corners, or None."""
        _, height, width = get_dimensions(img)
        return self.get_params(width, height, self.distortion_scale) if super().draw(img) else None

    def apply_to(self, img: Any, parameters: Any) -> Any:
        """The picture as seen from there."""
        if parameters is None:
            return img
        start, end = parameters
        return F.perspective(img, start, end, self.interpolation, colour_for(img, self.fill))


class ElasticTransform(Transform):
    """Each point moved a little, as if the picture were rubber.

    Args:
        alpha: how far, in pixels, one number or (x, y).
        sigma: how smooth the moves are, one number or (x, y).
    """

    shows = ("alpha", "sigma", "interpolation", "fill")

    def __init__(
        self, alpha: Any = 50.0, sigma: Any = 5.0, interpolation: Any = InterpolationMode.BILINEAR, fill: Any = 0
    ) -> None:
        super().__init__()
        self.alpha, self.sigma = ([float(v)] * 2 if isinstance(v, int | float) else list(v) for v in (alpha, sigma))
        self.interpolation = mode_of(interpolation)
        self.fill = [float(fill)] if isinstance(fill, int | float) else fill

    def draw(self, img: Any) -> Tensor:
        """The moves (1, H, W, 2)."""
        import torchlike as torch

        _, height, width = get_dimensions(img)
        moves = []
        for alpha, sigma, side in zip(self.alpha, self.sigma, (width, height), strict=True):
            noise = torch.from_numpy(draws.uniforms(1, 1, height, width) * 2 - 1)
            if sigma > 0.0:
                size = int(8 * sigma + 1)
                noise = F.gaussian_blur(noise, [size + 1 - size % 2] * 2, [sigma, sigma])
            moves.append(noise * (alpha / side))
        return torch.concat(moves, 1).permute(0, 2, 3, 1)

    def apply_to(self, img: Any, parameters: Tensor) -> Any:
        """The moved points."""
        return F.elastic_transform(img, parameters, self.interpolation, fill_for(img, self.fill))
