"""Regions of feature maps at one size: RoIAlign and RoIPool."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import torchlike as torch
from torchlike import nn
from torchlike.core.op import Array, Op
from torchlike.facade import call
from torchlike.tensor import Tensor

__all__ = ["RoIAlign", "RoIPool", "roi_align", "roi_pool"]


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def _rows(boxes: Any) -> Tensor:
    """Boxes (K, 5) with the picture's number first, from those or from one tensor (L, 4) for each picture."""
    if isinstance(boxes, Tensor):
        if boxes.ndim != 2 or boxes.shape[1] != 5:
            raise ValueError("The boxes tensor shape is not correct as Tensor[K, 5]")
        return boxes
    if any(b.ndim != 2 or b.shape[1] != 4 for b in boxes):
        raise ValueError("The shape of the tensor in the boxes list is not correct as List[Tensor[L, 4]]")
    numbers = [torch.full_like(b[:, :1], i) for i, b in enumerate(boxes)]
    return torch.cat([torch.cat(numbers), torch.cat(list(boxes))], dim=1)


def _bilinear(input, image, y, x):
    """Values (C, ...) of picture number `image` of (N, C, H, W) at points; those more than one pixel outside are 0,
    others outside count as on the border."""
    height, width = input.shape[-2:]
    outside = (y < -1.0) | (y > height) | (x < -1.0) | (x > width)
    y, x = jnp.maximum(y, 0), jnp.maximum(x, 0)

    def neighbours(place, size):
        low = jnp.floor(place).astype(jnp.int32)
        last = low >= size - 1
        low = jnp.where(last, size - 1, low)
        return low, jnp.where(last, low, low + 1), jnp.where(last, 0, place - low)

    def at(rows, columns):  # picked one by one: a picture for each region would take too much memory
        return jnp.moveaxis(input[image, :, rows, columns], -1, 0)

    y0, y1, dy = neighbours(y, height)
    x0, x1, dx = neighbours(x, width)
    value = (
        at(y0, x0) * ((1 - dy) * (1 - dx)) + at(y0, x1) * ((1 - dy) * dx)
        + at(y1, x0) * (dy * (1 - dx)) + at(y1, x1) * (dy * dx)
    )  # fmt: skip
    return jnp.where(outside, 0, value)


def _roi_align(
    input: Array, rois: Array, counts: Array, size: tuple, most: tuple, scale: float, aligned: bool
):  # fmt: skip
    """For every region bins of `size`, each the mean of `counts[k]` (rows, columns) samples.

    All regions are one computation, with places for the `most` samples that one of them has.
    """
    oh, ow = size

    def along(low, high, bins, count, places):
        length = high - low if aligned else jnp.maximum(high - low, 1.0)
        sample = jnp.arange(places)
        step = jnp.arange(bins)[:, None] * count + sample + 0.5
        return (low + step * (length / bins / count)).astype(input.dtype).reshape(-1), sample < count

    def region(roi, count):
        x1, y1, x2, y2 = roi[1:] * scale - (0.5 if aligned else 0.0)
        rows, row_counts = along(y1, y2, oh, count[0], most[0])
        columns, column_counts = along(x1, x2, ow, count[1], most[1])
        y, x = jnp.meshgrid(rows, columns, indexing="ij")
        samples = _bilinear(input, roi[0].astype(jnp.int32), y, x).reshape(-1, oh, most[0], ow, most[1])
        samples = jnp.where(row_counts[:, None, None] & column_counts, samples, 0)
        return samples.sum((2, 4)) / (count[0] * count[1]).astype(input.dtype)

    return jax.vmap(region)(rois, counts)


TOGETHER = 16
"""How many regions RoIPool works on at a time: each looks at a whole picture."""


def _roi_pool(input: Array, rois: Array, size: tuple, scale: float):
    """For every region bins of `size`, each the largest value in whole pixels; 0 where a bin is empty.

    The gradient goes to the first of equal values.
    """
    oh, ow = size
    channels, height, width = input.shape[1:]

    def bins(low, high, n, limit):
        length = jnp.maximum(high - low + 1, 1) / n
        at = jnp.arange(n)
        first = jnp.clip(jnp.floor(at * length) + low, 0, limit)
        last = jnp.clip(jnp.ceil((at + 1) * length) + low, 0, limit)
        pixel = jnp.arange(limit)
        return (pixel >= first[:, None]) & (pixel < last[:, None])

    def region(roi):
        # halves are rounded away from zero
        x1, y1, x2, y2 = jnp.sign(roi[1:]) * jnp.floor(jnp.abs(roi[1:] * scale) + 0.5)
        in_row, in_column = bins(y1, y2, oh, height), bins(x1, x2, ow, width)
        image = roi[0].astype(jnp.int32)
        fixed = jax.lax.stop_gradient(input)[image]
        by_row = jnp.where(in_column, fixed[:, :, None], -jnp.inf)  # (C, H, ow, W)
        by_bin = jnp.where(in_row[:, :, None], by_row.max(-1)[:, None], -jnp.inf)  # (C, oh, H, ow)
        row = by_bin.argmax(2)  # (C, oh, ow)
        c = jnp.arange(channels)[:, None, None]
        column = by_row.argmax(-1)[c, row, jnp.arange(ow)]
        largest = by_bin.max(2)
        largest = jnp.where(jnp.isneginf(largest), largest, input[image, c, row, column])
        filled = in_row.any(-1)[:, None] & in_column.any(-1)
        return jnp.where(filled, largest, 0).astype(input.dtype)

    return jax.lax.map(region, rois, batch_size=TOGETHER)


_align = call(Op("_roi_align", _roi_align, grad="_RoIAlignBackward"))
_pool = call(Op("_roi_pool", _roi_pool, grad="_RoIPoolBackward"))


def roi_align(
    input: Tensor, boxes: Any, output_size: Any, spatial_scale: float = 1.0, sampling_ratio: int = -1,
    aligned: bool = False,
) -> Tensor:  # fmt: skip
    """Regions of feature maps at one size, by bilinear samples (https://arxiv.org/abs/1703.06870).

    Args:
        input: (N, C, H, W).
        boxes: (K, 5), the picture's number and x1, y1, x2, y2; or a list of (L, 4), one tensor for each picture.
        output_size: one number or (height, width).
        spatial_scale: from the boxes' coordinates to those of `input`.
        sampling_ratio: how many samples a bin has along each side; as many as it covers pixels if it is not positive
            (for that the boxes are read: a barrier).
        aligned: shift by half a pixel, so that pixel centres are where they should be.

    Returns (K, C, height, width). The gradient goes to `input` (and here to the boxes too).
    """
    rois, size = _rows(boxes), _pair(output_size)
    counts = np.full((len(rois), 2), max(sampling_ratio, 1), np.int32)
    if sampling_ratio <= 0:
        b = rois.detach().cpu().numpy()[:, 1:] * np.float32(spatial_scale)
        sides = np.stack([b[:, 3] - b[:, 1], b[:, 2] - b[:, 0]], 1)
        sides = sides if aligned else np.maximum(sides, 1.0)
        counts = np.maximum(np.ceil(sides / np.array(size)), 1).astype(np.int32)
    most = tuple(counts.max(0, initial=1).tolist())
    if sampling_ratio <= 0:
        most = tuple(1 << (n - 1).bit_length() for n in most)  # a power of two: fewer programs
    places = torch.from_numpy(counts).to(rois.device)
    return _align(input, rois, places, size, most, float(spatial_scale), bool(aligned))


def roi_pool(input: Tensor, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> Tensor:
    """Regions of feature maps at one size, by the largest value in each bin (https://arxiv.org/abs/1504.08083).

    See `roi_align` for the arguments. The gradient goes to `input`.
    """
    return _pool(input, _rows(boxes), _pair(output_size), float(spatial_scale))


class RoIAlign(nn.Module):
    """`roi_align` as a layer of (input, boxes)."""

    def __init__(self, output_size: Any, spatial_scale: float, sampling_ratio: int, aligned: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale
        self.sampling_ratio = sampling_ratio
        self.aligned = aligned

    def forward(self, input: Tensor, rois: Any) -> Tensor:
        """(K, C, height, width)."""
        return roi_align(input, rois, self.output_size, self.spatial_scale, self.sampling_ratio, self.aligned)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale}, "
            f"sampling_ratio={self.sampling_ratio}, aligned={self.aligned})"
        )


class RoIPool(nn.Module):
    """`roi_pool` as a layer of (input, boxes)."""

    def __init__(self, output_size: Any, spatial_scale: float) -> None:
        super().__init__()
        self.output_size = output_size
        self.spatial_scale = spatial_scale

    def forward(self, input: Tensor, rois: Any) -> Tensor:
        """(K, C, height, width)."""
        return roi_pool(input, rois, self.output_size, self.spatial_scale)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(output_size={self.output_size}, spatial_scale={self.spatial_scale})"
