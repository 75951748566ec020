"""Formulations that XLA's CPU compiler runs faster than its own: the one place where they are chosen.

Each is a pure function like any body, so its derivatives of all orders are JAX's. They are taken when an operation is
traced for the CPU alone (`core/platform.py`); a GPU, a TPU and JAX's transformations get XLA's own.

Convolutions. XLA hands a convolution to a loop over the kernel, which is slow where there are few channels, and its
gradient towards the input to a convolution of a spread-out image, which is slow where the stride is above 1. Written
as one matrix product of the kernel with all windows laid out as columns (im2col, https://hal.science/inria-00112631),
a part of the batch at a time, so that the columns stay in the cache. Milliseconds on two busy x86-64 cores, the least
of many calls, XLA's own then this one, of the forward pass and of the forward and backward pass:

    input            kernel          stride   forward          with both gradients
    128x3x32x32      6x3x5x5         1        14.4    3.9      112     16
    128x6x14x14      16x6x5x5        1         1.6    1.3       20      5.6
    4x3x32x32        6x3x5x5         1         0.34   0.14       1.4    0.34
    32x3x32x32       16x3x3x3        1         2.4    0.9       11.6    7.3
    32x8x32x32       16x8x3x3        1         2.4    2.0       13.6   10.4
    32x16x32x32      32x16x3x3       2         2.1    1.9       13.1    6.3
    4x3x112x112      64x3x7x7        2         3.8    3.9       36     16
    32x64x16x16      128x64x1x1      1         8.0    3.0       40      9.7
    64x32x26x26      64x32x3x3       1        57     25        200     66
    64x16x32x32      32x16x3x3       1         9.9   14.6       37     37
    32x16x32x32      16x16x3x3       1         8.0    8.2       18     22         XLA's own is kept
    2x64x56x56       64x64x3x3       1         6.8   10.3       17     22         XLA's own is kept
    8x3x64x64        64x3x8x8        8         0.21   0.35       0.87   3.5       XLA's own is kept
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core import platform

CHUNK = 2**20
"""Bytes of columns made at a time: they fit in the cache of a core. With a quarter and with four times as much the
rows above are the same within 10 %; all at once, the first takes 43 ms, most of it to get the memory."""

FEW = 8
"""So many input channels are few."""

LARGE = 2**23
"""Bytes of input and output from which XLA's own convolution is slow whatever the number of channels."""


def conv_general_dilated(
    lhs, rhs, window_strides, padding, lhs_dilation=None, rhs_dilation=None, dimension_numbers=None,
    feature_group_count: int = 1, precision=None,
):  # fmt: skip
    """`jax.lax.conv_general_dilated` of lhs (N, *, C) with a kernel (*, C, O), as `flax.linen.Conv` calls it."""
    n = lhs.ndim - 2
    strides, dilation, spread = (np.broadcast_to(1 if v is None else v, n).tolist()
                                 for v in (window_strides, rhs_dilation, lhs_dilation))  # fmt: skip
    if platform.cpu() and feature_group_count == 1 and max(spread) == 1:
        size = [s + lo + hi for s, (lo, hi) in zip(lhs.shape[1:-1], padding, strict=True)]
        out = [(s - d * (k - 1) - 1) // step + 1
               for s, k, step, d in zip(size, rhs.shape[:n], strides, dilation, strict=True)]  # fmt: skip
        if _as_product(lhs, rhs, strides, out):
            y = _columns(jnp.moveaxis(lhs, -1, 1), rhs, strides, padding, dilation, out)
            return jnp.moveaxis(y, 1, -1)
    return lax.conv_general_dilated(
        lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers, feature_group_count,
        precision=precision,
    )  # fmt: skip


def _sample(rhs, out) -> int:
    """Bytes of one sample's columns."""
    return math.prod(rhs.shape[:-1]) * math.prod(out) * rhs.dtype.itemsize


def _as_product(lhs, rhs, strides, out) -> bool:
    """The choice: whether im2col is quicker, by the figures above."""
    if lhs.dtype not in (np.float32, np.float64) or not lhs.size or not rhs.size or _sample(rhs, out) > 8 * CHUNK:
        return False
    window, channels = rhs.shape[:-2], rhs.shape[-2]
    if math.prod(window) == 1:
        return True
    if all(s >= k for s, k in zip(strides, window, strict=True)):  # windows apart: nothing is gathered twice
        return False
    moved = lhs.size + lhs.shape[0] * math.prod(out) * rhs.shape[-1]
    return channels <= FEW or max(strides) > 1 or moved * lhs.dtype.itemsize >= LARGE


def _columns(x, kernel, strides, padding, dilation, out):
    """The convolution of x (N, C, *) with a kernel (*, C, O), as products: (N, O, *out)."""
    n = len(out)
    count, batch = math.prod(kernel.shape[:-1]), len(x)
    weight = kernel.reshape(count, -1)  # (window · C, O)
    part = max(c for c in range(1, batch + 1) if batch % c == 0 and (c == 1 or c * _sample(kernel, out) <= CHUNK))

    def product(x):
        x = jnp.pad(jnp.swapaxes(x, 0, 1), [(0, 0), (0, 0), *padding])
        for axis in reversed(range(n)):  # axis by axis, so that the gradient adds up k + k places, not k · k
            step, d = strides[axis], dilation[axis]
            starts = [i * d for i in range(kernel.shape[axis])]
            x = jnp.stack([
                lax.slice_in_dim(x, i, i + (out[axis] - 1) * step + 1, step, axis=x.ndim - n + axis) for i in starts
            ])  # fmt: skip
        y = lax.dot_general(weight, x.reshape(count, -1), (((0,), (0,)), ((), ())))  # (O, part · out)
        return jnp.swapaxes(y.reshape(-1, part, *out), 0, 1)

    if part == batch:
        return product(x)
    # the backward pass makes the columns again: to keep them costs more
    product = jax.checkpoint(product, prevent_cse=False)
    y = lax.map(product, x.reshape(batch // part, part, *x.shape[1:]))
    return y.reshape(batch, -1, *out)
