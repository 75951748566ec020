"""Transforms as functions, on Pillow images and on tensors (..., C, H, W): torchvision.transforms.functional."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import torchlike as torch
from torchlike.tensor import Tensor
from torchlike.vision.pillow import is_picture, module
from torchlike.vision.transforms import kernels, pictures
from torchlike.vision.transforms.colours import *  # noqa: F403
from torchlike.vision.transforms.kinds import colours, geometric
from torchlike.vision.transforms.modes import InterpolationMode as InterpolationMode
from torchlike.vision.transforms.subjects import check_image, get_dimensions
from torchlike.vision.transforms.subjects import get_image_num_channels as get_image_num_channels
from torchlike.vision.transforms.subjects import get_image_size as get_image_size
from torchlike.vision.transforms.warping import *  # noqa: F403

# --- conversion -------------------------------------------------------------------------------------------------------


def to_tensor(pic: Any) -> Tensor:
    """A Pillow image or array (H, W, C) as a tensor (C, H, W); bytes become floats of 0 ... 1.

    >>> import numpy as np
    >>> from torchlike.vision.transforms import functional as F
    >>> F.to_tensor(np.full((1, 2, 3), 51, np.uint8)).shape, F.to_tensor(np.full((1, 1, 1), 51, np.uint8)).item()
    (torch.Size([3, 1, 2]), 0.20000000298023224)
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        array = np.ascontiguousarray((pic[:, :, None] if pic.ndim == 2 else pic).transpose(2, 0, 1))
    elif is_picture(pic):
        array = pictures.values(pic, plain=False)
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    if array.dtype == np.uint8:
        default = torch.get_default_dtype().np
        return torch.from_numpy(array.astype(default) / default.type(255))
    return torch.from_numpy(array)


def pil_to_tensor(pic: Any) -> Tensor:
    """A Pillow image as a tensor (C, H, W) of its own values."""
    if not is_picture(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    return torch.from_numpy(pictures.values(pic, plain=True))


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (C, H, W) or (H, W), or an array (H, W, C) or (H, W), as a Pillow image; floats are of 0 ... 1."""
    if not isinstance(pic, Tensor | np.ndarray):
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if pic.ndim not in (2, 3):
        raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
    if isinstance(pic, Tensor):
        array = pic.detach().cpu().numpy()
        array = array[None] if array.ndim == 2 else array
        if array.dtype.kind == "f" and mode != "F":
            array = (array * array.dtype.type(255)).astype(np.int64).astype(np.uint8)
        array = array.transpose(1, 2, 0)
    else:
        array = pic[:, :, None] if pic.ndim == 2 else pic
    if array.shape[2] > 4:
        raise ValueError(f"pic should not have > 4 channels. Got {array.shape[2]} channels.")
    return pictures.from_values(array, mode)


def convert_image_dtype(image: Tensor, dtype: Any = torch.float) -> Tensor:
    """The picture in another dtype, its range (0 ... 1 of floats, 0 ... largest value of integers) scaled along.

    RuntimeError where float32 to int32 or int64, or float64 to int64, would overflow.
    """
    if not isinstance(image, Tensor):
        raise TypeError("Input img should be Tensor Image")
    if image.dtype == dtype:
        return image
    risky = (torch.float32, torch.int32), (torch.float32, torch.int64), (torch.float64, torch.int64)
    if (image.dtype, dtype) in risky:
        raise RuntimeError(f"The cast from {image.dtype} to {dtype} cannot be performed safely.")
    return kernels.converted(image, dtype)


@colours
def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """(tensor - mean) / std, one number for each channel; ValueError if a std is zero.

    >>> import torchlike as torch
    >>> from torchlike.vision.transforms import functional as F
    >>> F.normalize(torch.ones(1, 1, 2), [0.5], [0.5])
    tensor([[[1., 1.]]])
    """
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    if not tensor.is_floating_point():
        raise TypeError(f"Input tensor should be a float tensor. Got {tensor.dtype}.")
    if tensor.ndim < 3:
        raise ValueError(
            f"Expected tensor to be a tensor image of size (..., C, H, W). Got tensor.size() = {tensor.size()}"
        )
    kind = tensor.dtype.np
    means, stds = (np.asarray(v.tolist() if isinstance(v, Tensor) else v, np.float64).astype(kind) for v in (mean, std))
    if (stds == 0).any():
        raise ValueError(f"std evaluated to zero after conversion to {tensor.dtype}, leading to division by zero.")
    made = kernels.normalized(tensor, means, stds)
    return tensor.copy_(made) if inplace else made


@colours
def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Tensor, inplace: bool = False) -> Tensor:
    """The picture with `v` (C, h, w), or what broadcasts to it, written at row i and column j."""
    if not isinstance(img, Tensor):
        raise TypeError("img should be Tensor Image or PIL Image; erase works on tensors")
    if inplace:
        img[..., i : i + h, j : j + w] = v
        return img
    values = np.broadcast_to(v.detach().cpu().numpy(), (*v.shape[:-2], h, w)).astype(img.dtype.np)
    return kernels.erased(img, values, i, j)


# --- cutting and padding ----------------------------------------------------------------------------------------------


@geometric
def hflip(img: Any) -> Any:
    """Left and right exchanged."""
    check_image(img)
    return kernels.flipped(img, -1) if isinstance(img, Tensor) else img.transpose(module().Transpose.FLIP_LEFT_RIGHT)


@geometric
def vflip(img: Any) -> Any:
    """Top and bottom exchanged."""
    check_image(img)
    return kernels.flipped(img, -2) if isinstance(img, Tensor) else img.transpose(module().Transpose.FLIP_TOP_BOTTOM)


@geometric
def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The rectangle with this corner and size; what lies outside the picture is 0."""
    check_image(img)
    if isinstance(img, Tensor):
        return kernels.cut(img, top, left, height, width)
    return img.crop((left, top, left + width, top + height))


def four_sides(padding: Any) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of an argument `padding`."""
    if not isinstance(padding, int | tuple | list):
        raise TypeError("Got inappropriate padding arg")
    sides = [padding] if isinstance(padding, int) else list(padding)
    if len(sides) not in (1, 2, 4):
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(sides)} element tuple")
    return tuple(sides * (4 // len(sides)))  # type: ignore[return-value]


@geometric
def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """Larger at the sides: one number for all, two (left and right, top and bottom) or four (left, top, right, bottom).

    Args:
        fill: the colour for `padding_mode` "constant": a number, or one for each channel.
        padding_mode: constant, edge, reflect (without the border) or symmetric (with it).
    """
    check_image(img)
    left, top, right, bottom = four_sides(padding)
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
    if isinstance(img, Tensor):
        if padding_mode == "reflect" and (
            max(top, bottom) >= img.shape[-2] or max(left, right) >= img.shape[-1]
        ):
            raise RuntimeError(
                "Padding size should be less than the corresponding input dimension, but got: padding "
                f"({left}, {right}) at dimension 3 of input {list(img.shape)}"
            )
        colour = (0 if fill is None else fill) if not isinstance(fill, list | tuple) else tuple(fill)
        return kernels.padded(img, left, top, right, bottom, padding_mode, colour)
    return pictures.pad(img, left, top, right, bottom, fill, padding_mode)


@geometric
def center_crop(img: Any, output_size: Any) -> Any:
    """The middle of the picture, `output_size` a number or (height, width); padded with 0 where it is smaller."""
    size = [output_size] if isinstance(output_size, int) else list(output_size)
    h, w = size * (2 // len(size))
    _, height, width = get_dimensions(img)
    if w > width or h > height:
        dx, dy = max(w - width, 0), max(h - height, 0)
        img = pad(img, [dx // 2, dy // 2, (dx + 1) // 2, (dy + 1) // 2], fill=0)
        _, height, width = get_dimensions(img)
        if (w, h) == (width, height):
            return img
    return crop(img, int(round((height - h) / 2.0)), int(round((width - w) / 2.0)), h, w)


def five_crop(img: Any, size: Any) -> tuple:
    """The four corners (upper left, upper right, lower left, lower right) and the middle."""
    sides = [size] if isinstance(size, int) else list(size)
    if len(sides) not in (1, 2):
        raise ValueError("Please provide only two dimensions (h, w) for size.")
    h, w = sides * (2 // len(sides))
    _, height, width = get_dimensions(img)
    if w > width or h > height:
        raise ValueError(f"Requested crop size {(h, w)} is bigger than input size {(height, width)}")
    corners = [crop(img, y, x, h, w) for y in (0, height - h) for x in (0, width - w)]
    return (*corners, center_crop(img, [h, w]))


def ten_crop(img: Any, size: Any, vertical_flip: bool = False) -> tuple:
    """`five_crop` of the picture and of its mirror image."""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


def resized_size(height: int, width: int, size: Any, max_size: int | None) -> tuple[int, int]:
    """The (height, width) that `resize` gives; see there."""
    sides = [size] if isinstance(size, int) else size
    if sides is not None and len(sides) == 2:
        if max_size is not None:
            raise ValueError(
                "max_size should only be passed if size specifies the length of the smaller edge, i.e. size should be "
                "an int or a sequence of length 1 in torchscript mode."
            )
        return int(sides[0]), int(sides[1])
    short, long = min(height, width), max(height, width)
    if sides is None:  # the longer side alone is given
        assert max_size is not None
        new_short, new_long = int(max_size * short / long), max_size
    else:
        new_short, new_long = sides[0], int(sides[0] * long / short)
        if max_size is not None:
            if max_size <= sides[0]:
                raise ValueError(
                    f"max_size = {max_size} must be strictly greater than the requested size for the smaller edge "
                    f"size = {size}"
                )
            if new_long > max_size:
                new_short, new_long = int(max_size * new_short / new_long), max_size
    return (new_long, new_short) if width <= height else (new_short, new_long)


@geometric
def resize(
    img: Any, size: Any, interpolation: Any = InterpolationMode.BILINEAR, max_size: int | None = None,
    antialias: bool | None = True, _bytes: bool = False,
) -> Any:  # fmt: skip
    """The picture at another size.

    Args:
        size: (height, width), or the smaller side, the other one in proportion.
        max_size: the larger side is no larger than this.
        antialias: whether a tensor that shrinks is smoothed, as Pillow always does.
    """
    from torchlike.vision.transforms.modes import PILLOW, mode_of

    mode = mode_of(interpolation)
    if isinstance(size, list | tuple) and len(size) not in (1, 2):
        raise ValueError(f"Size must be an int or a 1 or 2 element tuple/list, not a {len(size)} element tuple/list")
    _, height, width = get_dimensions(img)
    h, w = resized_size(height, width, size, max_size)
    if (h, w) == (height, width):
        return img
    if not isinstance(img, Tensor):
        return img.resize((w, h), PILLOW[mode])
    if mode.value not in ("nearest", "nearest-exact", "bilinear", "bicubic"):
        raise ValueError("This interpolation mode is unsupported with Tensor input")
    return kernels.resized(img, (h, w), mode.value, bool(antialias), _bytes)


def resized_crop(
    img: Any, top: int, left: int, height: int, width: int, size: Any,
    interpolation: Any = InterpolationMode.BILINEAR, antialias: bool | None = True,
) -> Any:  # fmt: skip
    """`crop`, then `resize`."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


@colours
def gaussian_blur(img: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """Smoothed with a normal density; sizes (odd) and sigma are one number or (x, y).

    Without `sigma` it is 0.3 · ((size - 1) · 0.5 - 1) + 0.8.
    """
    from torchlike.vision.transforms.grids import gaussian_weights

    sizes = [kernel_size] if isinstance(kernel_size, int) else list(kernel_size)
    if len(sizes) not in (1, 2):
        raise ValueError(f"If kernel_size is a sequence its length should be 2. Got {len(sizes)}")
    sizes = sizes * (2 // len(sizes))
    if any(k % 2 == 0 or k < 0 for k in sizes):
        raise ValueError(f"kernel_size should have odd and positive integers. Got {sizes}")
    if sigma is None:
        spreads = [k * 0.15 + 0.35 for k in sizes]
    else:
        spreads = [float(sigma)] if isinstance(sigma, int | float) else [float(s) for s in sigma]
        if len(spreads) not in (1, 2):
            raise ValueError(f"If sigma is a sequence, its length should be 2. Got {len(spreads)}")
        spreads = spreads * (2 // len(spreads))
    if any(s <= 0.0 for s in spreads):
        raise ValueError(f"sigma should have positive values. Got {spreads}")
    check_image(img)
    x = img if isinstance(img, Tensor) else pil_to_tensor(img)
    if sizes[0] // 2 >= x.shape[-1] or sizes[1] // 2 >= x.shape[-2]:
        raise RuntimeError(f"kernel_size {sizes} is too large for a picture of {list(x.shape)}: the border is mirrored")
    kind = x.dtype.np if math.isfinite(sum(spreads)) and x.is_floating_point() else np.dtype(np.float32)
    rows, columns = (gaussian_weights(k, s).astype(kind) for k, s in zip(sizes, spreads, strict=True))
    made = kernels.blurred(x, columns, rows)
    return made if isinstance(img, Tensor) else to_pil_image(made, img.mode)
