"""Formulations that XLA's CPU compiler runs faster than its own: the one place where they are chosen.

Each is a pure function like any body, so its derivatives of all orders are JAX's. They are taken when an operation is
traced for the CPU alone (`core/platform.py`); a GPU, a TPU and JAX's transformations get XLA's own.

Convolutions. XLA hands a convolution to a loop over the kernel, which is slow where there are few channels. There it is
written as one matrix product of the kernel with all windows laid out as columns (im2col,
https://hal.science/inria-00112631), a part of the batch at a time. Milliseconds on two busy x86-64 cores, the least of
many calls, XLA's own then this one, of the forward pass and of the forward and backward pass:

    input            kernel          stride   forward          with both gradients
    128x3x32x32      6x3x5x5         1        14.4    3.9      112     16
    128x6x14x14      16x6x5x5        1         1.6    1.3       20      5.6
    4x3x32x32        6x3x5x5         1         0.34   0.14       1.4    0.34
    32x3x32x32       16x3x3x3        1         2.4    0.9       11.6    7.3
    32x8x32x32       16x8x3x3        1         2.4    2.0       13.6   10.4
    4x3x112x112      64x3x7x7        2         3.8    3.9       36     16
    8x3x64x64        64x3x8x8        8         0.21   0.35       0.87   3.5       XLA's own is kept

With more channels it is not, now that memory is kept (core/memory.py) and the channels stay last between neighbours
(core/transposition.py). On quiet cores, of images with the channels last, forward and both gradients:

    64x32x26x26      64x32x3x3       1        24     19         38    42
    64x16x32x32      32x16x3x3       1         9.9   16         22    27
    16x64x56x56      64x64x3x3       1        49     57        101   107
    32x128x28x28     128x128x3x3     1        55     80        165   203
    16x64x56x56      128x64x3x3      2        24     26         47    58

A window of one place is one product with the channels last, whatever their number.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core import platform

CHUNK = 2**22
"""Bytes of columns made at a time. A smaller part fits in a core's own cache, which is as quick where there is one
core, but its products are too small to share: a step of `lenet128` on two cores takes 1.59 times PyTorch's time with a
quarter of this, 1.24 with half, 1.15 with this and 1.12 with twice as much; all at once it is 1.4."""

LARGEST = 2**23
"""Bytes of one sample's columns from which XLA's own is taken: it needs no such memory."""

FEW = 8
"""So many input channels are few."""

COLOURS = 4
"""An input of so few channels is an image, whose gradient nobody wants."""

WIDE = 16
"""Of an image, so many output channels are made last, as XLA's own convolution wants them next; the gradients of the
product are slower for it."""


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
        if math.prod(rhs.shape[:n]) == 1 and lhs.dtype in (np.float32, np.float64):
            return _pointwise(lhs, rhs, strides, padding, out)
        if _as_product(lhs, rhs, strides, out):
            return _columns(jnp.moveaxis(lhs, -1, 1), rhs, strides, padding, dilation, out)
    return lax.conv_general_dilated(
        lhs, rhs, window_strides, padding, lhs_dilation, rhs_dilation, dimension_numbers, feature_group_count,
        precision=precision,
    )  # fmt: skip


def _sample(rhs, out) -> int:
    """Bytes of one sample's columns."""
    return math.prod(rhs.shape[:-1]) * math.prod(out) * rhs.dtype.itemsize


def _as_product(lhs, rhs, strides, out) -> bool:
    """The choice: whether im2col is quicker, by the figures above."""
    if lhs.dtype not in (np.float32, np.float64) or not lhs.size or not rhs.size or _sample(rhs, out) > LARGEST:
        return False
    window, channels = rhs.shape[:-2], rhs.shape[-2]
    if all(s >= k for s, k in zip(strides, window, strict=True)):  # windows apart: nothing is gathered twice
        return False
    return channels <= FEW


def _pointwise(x, kernel, strides, padding, out):
    """The convolution of x (N, *, C) with a kernel (1, ..., C, O), a product: (N, *out, O)."""
    n = len(out)
    x = jnp.pad(x, [(0, 0), *padding, (0, 0)])
    for axis, (step, size) in enumerate(zip(strides, out, strict=True), 1):
        x = lax.slice_in_dim(x, 0, (size - 1) * step + 1, step, axis=axis)
    return lax.dot_general(x, kernel.reshape(kernel.shape[n:]), (((n + 1,), (0,)), ((), ())))


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
        x = x.reshape(count, -1)
        if kernel.shape[-2] <= COLOURS and kernel.shape[-1] >= WIDE:
            return lax.dot_general(x, weight, (((0,), (0,)), ((), ()))).reshape(part, *out, -1)
        y = lax.dot_general(weight, x, (((0,), (0,)), ((), ())))  # (O, part · out)
        return jnp.moveaxis(y.reshape(-1, part, *out), 0, -1)

    if part == batch:
        return product(x)
    # the backward pass makes the columns again: to keep them costs more
    product = jax.checkpoint(product, prevent_cse=False)
    y = lax.map(product, x.reshape(batch // part, part, *x.shape[1:]))
    return y.reshape(batch, *out, -1)
