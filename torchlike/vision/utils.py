"""Pictures of pictures: grids, files, boxes and masks drawn: torchvision.utils."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import torchlike as torch
from torchlike.tensor import Tensor
from torchlike.vision.pillow import module

__all__ = ["draw_bounding_boxes", "draw_segmentation_masks", "make_grid", "save_image"]


def make_grid(
    tensor: Any, nrow: int = 8, padding: int = 2, normalize: bool = False,
    value_range: tuple[float, float] | None = None, scale_each: bool = False, pad_value: float = 0.0,
) -> Tensor:  # fmt: skip
    """Pictures (N, C, H, W), or a list of (C, H, W), as one picture of rows of `nrow`.

    Args:
        padding: pixels between and around the pictures.
        normalize: scale the values to 0 ... 1, from `value_range` or from the least and largest.
        scale_each: scale each picture by its own least and largest value.
        pad_value: the colour between.

    >>> import torchlike as torch
    >>> from torchlike.vision.utils import make_grid
    >>> make_grid(torch.zeros(5, 1, 4, 4), nrow=3).shape
    torch.Size([3, 14, 20])
    """
    if not isinstance(tensor, Tensor):
        if not isinstance(tensor, list) or not all(isinstance(t, Tensor) for t in tensor):
            raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
        tensor = torch.stack(tensor, dim=0)
    if value_range is not None and not isinstance(value_range, tuple):
        raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
    x = tensor.detach().cpu().numpy()
    if x.ndim == 2:
        x = x[None]
    if x.ndim == 3:
        x = x[None] if x.shape[0] != 1 else np.repeat(x[None], 3, 1)
    if x.ndim == 4 and x.shape[1] == 1:
        x = np.repeat(x, 3, 1)
    if normalize:
        parts = [x[i : i + 1] for i in range(len(x))] if scale_each else [x]
        scaled = []
        for part in parts:
            low, high = value_range if value_range is not None else (float(part.min()), float(part.max()))
            part = np.clip(part, low, high)
            scaled.append((part - part.dtype.type(low)) / part.dtype.type(max(high - low, 1e-5)))
        x = np.concatenate(scaled)
    if len(x) == 1:
        return torch.from_numpy(np.ascontiguousarray(x[0]))
    columns = min(nrow, len(x))
    rows = math.ceil(len(x) / columns)
    height, width = x.shape[2] + padding, x.shape[3] + padding
    grid = np.full((x.shape[1], height * rows + padding, width * columns + padding), pad_value, x.dtype)
    for i, picture in enumerate(x):
        top, left = i // columns * height + padding, i % columns * width + padding
        grid[:, top : top + x.shape[2], left : left + x.shape[3]] = picture
    return torch.from_numpy(grid)


def save_image(tensor: Any, fp: Any, format: str | None = None, **kwargs: Any) -> None:
    """A picture (C, H, W) with values of 0 ... 1, or a grid of several (see `make_grid`), as a file.

    `fp` is a path or an open file, for which `format` says the kind of picture.
    """
    grid = make_grid(tensor, **kwargs).numpy()
    values = np.clip(grid * grid.dtype.type(255) + grid.dtype.type(0.5), 0, 255).astype(np.uint8)
    target = str(fp) if isinstance(fp, Path) else fp
    module().fromarray(np.ascontiguousarray(values.transpose(1, 2, 0))).save(target, format=format)


def _colours(colors: Any, n: int) -> list[tuple[int, ...]]:
    """One colour (RGB) for each of `n` things: given by names or numbers, or far apart on a palette."""
    if colors is None:
        base = np.array([2**25 - 1, 2**15 - 1, 2**21 - 1])
        return [tuple(int(v) for v in (base * i) % 255) for i in range(n)]
    if isinstance(colors, list):
        if len(colors) < n:
            raise ValueError(
                f"Number of colors must be equal or larger than the number of objects, but got {len(colors)} < {n}"
            )
        given = colors
    else:
        given = [colors] * n
    return [module("ImageColor").getrgb(c) if isinstance(c, str) else tuple(c) for c in given]


def _check_picture(image: Any, what: str) -> None:
    if not isinstance(image, Tensor):
        raise TypeError(f"{'Tensor expected' if what == 'boxes' else 'The image must be a tensor'}, got {type(image)}")
    if not (image.dtype is torch.uint8 or image.is_floating_point()):
        raise ValueError(f"The image dtype must be uint8 or float, got {image.dtype}")
    if image.dim() != 3:
        raise ValueError("Pass individual images, not batches")
    if image.shape[0] not in (1, 3):
        raise ValueError("Only grayscale and RGB images are supported")


def draw_bounding_boxes(
    image: Tensor, boxes: Tensor, labels: Sequence[str | None] | None = None, colors: Any = None, fill: bool = False,
    width: int = 1, font: str | None = None, font_size: int | None = None,
) -> Tensor:  # fmt: skip
    """The picture (C, H, W) with boxes (N, 4) of x1, y1, x2, y2 drawn on it.

    Args:
        labels: a word for each box.
        colors: one for all or a list: names, "#rrggbb" or (r, g, b).
        fill: fill them too, half transparent.
        width: of the lines, in pixels.
        font, font_size: a TrueType file, and its size (10).
    """
    from torchlike.vision.transforms.functional import convert_image_dtype, pil_to_tensor, to_pil_image

    _check_picture(image, "boxes")
    b = boxes.detach().cpu().numpy()
    if len(b) and ((b[:, 0] > b[:, 2]) | (b[:, 1] > b[:, 3])).any():
        raise ValueError("Boxes need to be in (xmin, ymin, xmax, ymax) format. Use torchvision.ops.box_convert.")
    if not len(b):
        return image
    if labels is not None and len(labels) != len(b):
        raise ValueError(
            f"The number of boxes ({len(b)}) and labels ({len(labels)}) mismatch. Please specify labels for each box."
        )
    if font is None and font_size is not None:
        raise ValueError("font_size needs a font: give the path of a TrueType file as font=")
    colours = _colours(colors, len(b))
    kind = image.dtype
    bytes_of = image if kind is torch.uint8 else convert_image_dtype(image, torch.uint8)
    picture = to_pil_image(bytes_of.expand(3, *image.shape[1:]) if image.shape[0] == 1 else bytes_of)
    brush = module("ImageDraw").Draw(picture, "RGBA" if fill else None)
    letters = None if font is None else module("ImageFont").truetype(font, font_size or 10)
    for box, colour, label in zip(b.astype(np.int64).tolist(), colours, labels or [None] * len(b), strict=False):
        inside = (*colour[:3], 100) if fill else None
        brush.rectangle(box, width=width, outline=colour, fill=inside)
        if label is not None:
            brush.text((box[0] + width + 1, box[1] + width + 1), label, fill=colour, font=letters)
    made = pil_to_tensor(picture)
    return made if kind is torch.uint8 else convert_image_dtype(made, kind)


def draw_segmentation_masks(image: Tensor, masks: Tensor, alpha: float = 0.8, colors: Any = None) -> Tensor:
    """The picture (3, H, W) with masks, booleans (N, H, W) or (H, W), coloured on it with opacity `alpha`.

    Where several masks overlap the colour is black, as in torchvision.
    """
    _check_picture(image, "masks")
    if image.shape[0] != 3:
        raise ValueError("Pass an RGB image. Other Image formats are not supported")
    m = masks.detach().cpu().numpy()
    m = m[None] if m.ndim == 2 else m
    if m.ndim != 3:
        raise ValueError("masks must be of shape (H, W) or (batch_size, H, W)")
    if m.dtype != bool:
        raise ValueError(f"The masks must be of dtype bool. Got {masks.dtype}")
    if m.shape[-2:] != tuple(image.shape[-2:]):
        raise ValueError("The image and the masks must have the same height and width")
    if not len(m):
        return image
    given = image.detach().cpu().numpy()
    painted = given.copy()
    floats = given.dtype.kind == "f"
    for mask, colour in zip(m, _colours(colors, len(m)), strict=False):
        shade = np.array(colour[:3], np.float32) / 255 if floats else np.array(colour[:3], np.uint8)
        painted[:, mask] = shade.astype(given.dtype)[:, None]
    painted[:, m.sum(0) > 1] = 0  # where masks overlap no colour is right
    mixed = given.astype(np.float32) * np.float32(1 - alpha) + painted.astype(np.float32) * np.float32(alpha)
    return torch.from_numpy(np.clip(mixed, 0, None if not floats else 1).astype(given.dtype))
