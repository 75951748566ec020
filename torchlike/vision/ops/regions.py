"""Regions of feature maps at one size: RoIAlign and RoIPool."""

from __future__ import annotations

from typing import Any

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


def _bilinear(image, y, x):
    """(C, H, W) at points; those more than one pixel outside are 0, others outside count as on the border."""
    height, width = image.shape[-2:]
    outside = (y < -1.0) | (y > height) | (x < -1.0) | (x > width)
    y, x = jnp.maximum(y, 0), jnp.maximum(x, 0)

    def neighbours(place, size):
        low = jnp.floor(place).astype(jnp.int32)
        last = low >= size - 1
        low = jnp.where(last, size - 1, low)
        return low, jnp.where(last, low, low + 1), jnp.where(last, 0, place - low)

    y0, y1, dy = neighbours(y, height)
    x0, x1, dx = neighbours(x, width)
    value = (
        image[:, y0, x0] * ((1 - dy) * (1 - dx)) + image[:, y0, x1] * ((1 - dy) * dx)
        + image[:, y1, x0] * (dy * (1 - dx)) + image[:, y1, x1] * (dy * dx)
    )  # fmt: skip
    return jnp.where(outside, 0, value)


def _roi_align(input: Array, rois: Array, size: tuple, scale: float, counts: tuple, aligned: bool):
    """For every region bins of `size`, each the mean of `counts[k]` (rows, columns) samples."""
    oh, ow = size
    made = []
    for k, (ny, nx) in enumerate(counts):
        x1, y1, x2, y2 = (rois[k, i] * scale - (0.5 if aligned else 0.0) for i in range(1, 5))
        width, height = x2 - x1, y2 - y1
        if not aligned:
            width, height = jnp.maximum(width, 1.0), jnp.maximum(height, 1.0)
        rows = y1 + (jnp.arange(oh * ny) + 0.5) * (height / oh / ny)
        columns = x1 + (jnp.arange(ow * nx) + 0.5) * (width / ow / nx)
        y, x = jnp.meshgrid(rows.astype(input.dtype), columns.astype(input.dtype), indexing="ij")
        samples = _bilinear(input[rois[k, 0].astype(jnp.int32)], y, x)
        made.append(samples.reshape(-1, oh, ny, ow, nx).mean((2, 4)))
    return jnp.stack(made) if made else jnp.zeros((0, input.shape[1], oh, ow), input.dtype)


def _roi_pool(input: Array, rois: Array, size: tuple, scale: float):
    """For every region bins of `size`, each the largest value in whole pixels; 0 where a bin is empty."""
    oh, ow = size
    height, width = input.shape[-2:]

    def bins(low, high, n, limit):
        length = jnp.maximum(high - low + 1, 1) / n
        at = jnp.arange(n)
        first = jnp.clip(jnp.floor(at * length) + low, 0, limit)
        last = jnp.clip(jnp.ceil((at + 1) * length) + low, 0, limit)
        pixel = jnp.arange(limit)
        return (pixel >= first[:, None]) & (pixel < last[:, None])

    made = []
    for k in range(rois.shape[0]):
        # halves are rounded away from zero
        x1, y1, x2, y2 = (jnp.sign(v) * jnp.floor(jnp.abs(v) + 0.5) for v in (rois[k, i] * scale for i in range(1, 5)))
        inside = bins(y1, y2, oh, height)[:, None, :, None] & bins(x1, x2, ow, width)[None, :, None, :]
        image = input[rois[k, 0].astype(jnp.int32)][:, None, None]
        largest = jnp.where(inside, image, -jnp.inf).max((-2, -1))
        made.append(jnp.where(inside.any((-2, -1)), largest, 0).astype(input.dtype))
    return jnp.stack(made) if made else jnp.zeros((0, input.shape[1], oh, ow), input.dtype)


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
    if sampling_ratio > 0:
        counts = ((sampling_ratio,) * 2,) * len(rois)
    else:
        b = rois.detach().cpu().numpy()[:, 1:] * np.float32(spatial_scale)
        sides = np.stack([b[:, 3] - b[:, 1], b[:, 2] - b[:, 0]], 1)
        sides = sides if aligned else np.maximum(sides, 1.0)
        counts = tuple((max(int(h), 1), max(int(w), 1)) for h, w in np.ceil(sides / np.array(size)))
    return _align(input, rois, size, float(spatial_scale), counts, bool(aligned))


def roi_pool(input: Tensor, boxes: Any, output_size: Any, spatial_scale: float = 1.0) -> Tensor:
    """Regions of feature maps at one size, by the largest value in each bin (https://arxiv.org/abs/1504.08083).

    See `roi_align` for the arguments.
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
