"""Transforms of Pillow images, by Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from torchlike.vision.pillow import module


def bands(img: Any) -> int:
    """How many channels the image has."""
    return len(img.getbands())


def parse_fill(fill: Any, img: Any) -> Any:
    """The colour as Pillow takes it: one number for each band."""
    n = bands(img)
    fill = 0 if fill is None else fill
    if isinstance(fill, int | float):
        fill = fill if n == 1 else (fill,) * n
    elif isinstance(fill, list | tuple):
        if len(fill) == 1:
            fill = (*fill,) * n
        elif len(fill) != n:
            raise ValueError(
                "The number of elements in 'fill' does not match the number of channels of the image "
                f"({len(fill)} != {n})"
            )
        fill = tuple(fill)
    if img.mode != "F":
        fill = tuple(int(f) for f in fill) if isinstance(fill, tuple) else int(fill)
    return fill[0] if isinstance(fill, tuple) and n == 1 else fill


def pad(img: Any, left: int, top: int, right: int, bottom: int, fill: Any, mode: str) -> Any:
    """Larger at the four sides; negative numbers cut."""
    image = module()
    if mode == "constant":
        colour = parse_fill(fill, img)
        if img.mode == "P":
            made = module("ImageOps").expand(img, border=(left, top, right, bottom), fill=colour)
            made.putpalette(img.getpalette())
            return made
        return module("ImageOps").expand(img, border=(left, top, right, bottom), fill=colour)
    if min(left, top, right, bottom) < 0:
        cut = [min(side, 0) for side in (left, top, right, bottom)]
        img = img.crop((-cut[0], -cut[1], img.width + cut[2], img.height + cut[3]))
        left, top, right, bottom = (max(side, 0) for side in (left, top, right, bottom))
    sides = [(top, bottom), (left, right)]
    if img.mode == "P":
        made = image.fromarray(np.pad(np.asarray(img), sides, mode=mode))  # type: ignore[call-overload]
        made.putpalette(img.getpalette())
        return made
    values = np.asarray(img)
    return image.fromarray(np.pad(values, sides + [(0, 0)] * (values.ndim - 2), mode=mode))  # type: ignore[call-overload]


def hue(img: Any, factor: float) -> Any:
    """Round the circle of hues by a part of it."""
    mode = img.mode
    if mode in ("L", "1", "I", "F"):
        return img
    h, s, v = img.convert("HSV").split()
    shifted = np.array(h, dtype=np.uint8)
    shifted += np.uint8(int(factor * 255) % 256)  # wraps round
    image = module()
    return image.merge("HSV", (image.fromarray(shifted, "L"), s, v)).convert(mode)


def gamma(img: Any, power: float, gain: float) -> Any:
    """255 · gain · (img / 255) ** power, by a table."""
    table = [int((255 + 1 - 1e-3) * gain * pow(value / 255.0, power)) for value in range(256)] * 3
    return img.convert("RGB").point(table).convert(img.mode)


def grayscale(img: Any, channels: int) -> Any:
    """Shades of gray, in one band or three."""
    if channels not in (1, 3):
        raise ValueError("num_output_channels should be either 1 or 3")
    shades = img.convert("L")
    return shades if channels == 1 else module().merge("RGB", (shades,) * 3)


def transform(img: Any, kind: str, matrix: Sequence[float], interpolation: int, fill: Any) -> Any:
    """A map of points, "AFFINE" or "PERSPECTIVE", with Pillow's numbers from output to input."""
    method = getattr(module().Transform, kind)
    return img.transform(img.size, method, tuple(matrix), interpolation, fillcolor=parse_fill(fill, img))


# --- to and from arrays -----------------------------------------------------------------------------------------------

_TYPES: dict[str, Any] = {"I": np.int32, "I;16": np.int16, "I;16L": np.int16, "I;16B": np.dtype(">i2"), "F": np.float32}


def values(pic: Any, plain: bool) -> np.ndarray:
    """(C, H, W), in the dtype of the image's mode; `plain` keeps what NumPy makes of it."""
    if plain:
        made = np.array(pic, copy=True)
    else:
        made = np.array(pic, _TYPES.get(pic.mode, np.uint8), copy=True).astype(_TYPES.get(pic.mode, np.uint8))
        made = 255 * made if pic.mode == "1" else made
        made = made.astype(made.dtype.newbyteorder("="))
    return np.ascontiguousarray(made.reshape(pic.height, pic.width, bands(pic)).transpose(2, 0, 1))


_MODES: dict[int, tuple] = {2: ("LA",), 3: ("RGB", "YCbCr", "HSV"), 4: ("RGBA", "CMYK", "RGBX")}
_ONE = {np.dtype(np.uint8): "L", np.dtype(np.int16): "I;16", np.dtype(np.uint16): "I;16", np.dtype(np.int32): "I",
        np.dtype(np.float32): "F"}  # fmt: skip


def from_values(array: np.ndarray, mode: str | None) -> Any:
    """The image of an array (H, W, C); torchvision's errors for what is none."""
    channels = array.shape[2]
    if channels == 1:
        array = array[:, :, 0]
        expected = _ONE.get(array.dtype)
        if mode is not None and mode != expected:
            raise ValueError(f"Incorrect mode ({mode}) supplied for input type {array.dtype}. Should be {expected}")
        mode = expected
    else:
        permitted = _MODES[channels]
        if mode is not None and mode not in permitted:
            raise ValueError(f"Only modes {permitted} are supported for {channels}D inputs")
        mode = mode or (permitted[0] if array.dtype == np.uint8 else None)
    if mode is None:
        raise TypeError(f"Input type {array.dtype} is not supported")
    image = module()
    made = np.ascontiguousarray(array)
    if mode == "I;16":
        return image.frombytes("I;16", (made.shape[1], made.shape[0]), made.astype("<i2").tobytes())
    if mode in ("L", "F", "I"):
        return image.fromarray(made)
    return image.frombytes(mode, (made.shape[1], made.shape[0]), made.tobytes())

