"""torchvision.io: pictures in files, through Pillow."""

from __future__ import annotations

import enum
import io
from pathlib import Path
from typing import Any

import numpy as np

import torchlike as torch
from torchlike.tensor import Tensor
from torchlike.vision.pillow import module

__all__ = ["ImageReadMode", "decode_image", "decode_jpeg", "decode_png", "encode_jpeg", "encode_png", "read_file",
           "read_image", "write_file", "write_jpeg", "write_png"]  # fmt: skip


class ImageReadMode(enum.Enum):
    """In which colours a picture is read; UNCHANGED keeps the file's own."""

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = RGB_ALPHA


_MODES = {ImageReadMode.GRAY: "L", ImageReadMode.GRAY_ALPHA: "LA", ImageReadMode.RGB: "RGB", ImageReadMode.RGBA: "RGBA"}


def _decoded(source: Any, mode: Any, apply_exif_orientation: bool) -> Tensor:
    wanted = ImageReadMode[mode.upper()] if isinstance(mode, str) else mode
    with module().open(source) as img:
        if apply_exif_orientation:
            img = module("ImageOps").exif_transpose(img)
        if wanted is not ImageReadMode.UNCHANGED:
            img = img.convert(_MODES[wanted])
        elif img.mode in ("P", "1"):  # colours by number, and bits, as the colours that they stand for
            img = img.convert("L" if img.mode == "1" else "RGBA" if "transparency" in img.info else "RGB")
        array = np.array(img)
    planes = array[None] if array.ndim == 2 else array.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(planes))


def read_image(
    path: str | Path, mode: ImageReadMode | str = ImageReadMode.UNCHANGED, apply_exif_orientation: bool = False
) -> Tensor:
    """The picture in a file, of any format that Pillow reads, as bytes (C, H, W).

    Args:
        mode: in which colours, an `ImageReadMode` or its name.
        apply_exif_orientation: whether to turn it as its EXIF data say.

    (JPEG files are decoded by Pillow's library, whose bytes can be one off those of torchvision's.)
    """
    return _decoded(path, mode, apply_exif_orientation)


def decode_image(
    input: Tensor | str | Path, mode: ImageReadMode | str = ImageReadMode.UNCHANGED,
    apply_exif_orientation: bool = False,
) -> Tensor:  # fmt: skip
    """The picture in a tensor of a file's bytes, or in a file. See `read_image`."""
    source = io.BytesIO(input.cpu().numpy().tobytes()) if isinstance(input, Tensor) else input
    return _decoded(source, mode, apply_exif_orientation)


decode_jpeg = decode_png = decode_image


def _encoded(input: Tensor, **options: Any) -> Tensor:
    from torchlike.vision.transforms.functional import to_pil_image

    if input.dtype is not torch.uint8:
        raise RuntimeError("Input tensor dtype should be uint8")
    if input.ndim != 3 or input.shape[0] not in (1, 3):
        raise RuntimeError(f"The number of channels should be 1 or 3, got: {input.shape[0]}")
    memory = io.BytesIO()
    to_pil_image(input).save(memory, **options)
    return torch.from_numpy(np.frombuffer(memory.getvalue(), np.uint8).copy())


def encode_jpeg(input: Tensor, quality: int = 75) -> Tensor:
    """Bytes (C, H, W) as those of a JPEG file."""
    return _encoded(input, format="JPEG", quality=quality)


def encode_png(input: Tensor, compression_level: int = 6) -> Tensor:
    """Bytes (C, H, W) as those of a PNG file."""
    return _encoded(input, format="PNG", compress_level=compression_level)


def read_file(path: str | Path) -> Tensor:
    """The bytes of a file."""
    return torch.from_numpy(np.fromfile(path, np.uint8))


def write_file(filename: str | Path, data: Tensor) -> None:
    """A file of these bytes."""
    Path(filename).write_bytes(data.cpu().numpy().tobytes())


def write_jpeg(input: Tensor, filename: str | Path, quality: int = 75) -> None:
    """Bytes (C, H, W) as a JPEG file."""
    write_file(filename, encode_jpeg(input, quality))


def write_png(input: Tensor, filename: str | Path, compression_level: int = 6) -> None:
    """Bytes (C, H, W) as a PNG file."""
    write_file(filename, encode_png(input, compression_level))
