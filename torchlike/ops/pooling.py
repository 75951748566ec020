"""Pooling: the largest or the mean of every window.

A window is walked position by position, each position a strided slice of the input: XLA fuses the slices into one loop,
and the derivative is PyTorch's (of several largest values the first in the window gets the whole gradient), which that
of XLA's own window reduction is not. It is quicker too: forward and backward of (64, 64, 24, 24) with 2 by 2 windows
take 8 ms on two CPU cores, with XLA's reduction and its select-and-scatter 104 ms.
"""

from __future__ import annotations

import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.op import Array, inexact, op
from torchlike.ops.checks import check, listed, ntuple


def _sizes(size, kernel, stride, padding, dilation, ceil_mode: bool) -> list[int]:
    """Output sizes; with ceil_mode the last window may reach over the end, but starts inside the input or its left
    padding."""
    out = []
    for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True):
        span = n + 2 * p - d * (k - 1) - 1
        o = (span + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (o - 1) * s >= n + p:
            o -= 1
        out.append(o)
    return out


def _extended(x, n: int, out, kernel, stride, padding, dilation, fill):
    """The input with `fill` around it, as far as the windows reach."""
    pads = [(0, 0, 0)] * (x.ndim - n)
    for size, o, k, s, p, d in zip(x.shape[x.ndim - n :], out, kernel, stride, padding, dilation, strict=True):
        pads.append((p, (o - 1) * s + d * (k - 1) + 1 - size - p, 0))
    return lax.pad(x, jnp.asarray(fill, x.dtype), pads) if any(lo or hi for lo, hi, _ in pads) else x


def _position(x, n: int, at, out, stride, dilation):
    """The element at one position of every window."""
    lead = x.ndim - n
    start = [i * d for i, d in zip(at, dilation, strict=True)]
    stop = [b + (o - 1) * s + 1 for b, o, s in zip(start, out, stride, strict=True)]
    return lax.slice(x, (0,) * lead + tuple(start), x.shape[:lead] + tuple(stop), (1,) * lead + tuple(stride))


def _lowest(dtype):
    return -jnp.inf if inexact(np.dtype(dtype)) else jnp.iinfo(dtype).min


def _largest(candidates):
    """The largest of the (array, index array or None) pairs: the first of equals, and NaN before all."""
    best, index = candidates[0]
    for value, at in candidates[1:]:
        take = value > best
        if inexact(np.dtype(value.dtype)):
            take |= jnp.isnan(value)
        best = jnp.where(take, value, best)
        index = None if at is None else jnp.where(take, at, index)
    return best, index


def _max_windows(x, n: int, kernel, stride, padding, dilation, out, indices: bool):
    full = _extended(x, n, out, kernel, stride, padding, dilation, _lowest(x.dtype))
    size = x.shape[x.ndim - n :]
    candidates = []
    for at in itertools.product(*map(range, kernel)):
        flat: Any = None
        if indices:
            flat = np.zeros((1,) * n, np.int64)
            for axis, (i, o, s, p, d) in enumerate(zip(at, out, stride, padding, dilation, strict=True)):
                # a padded place counts as the nearest one inside: it is chosen only where all is -inf
                place = np.clip(np.arange(o) * s - p + i * d, 0, size[axis] - 1)
                flat = flat * size[axis] + place.reshape([-1 if a == axis else 1 for a in range(n)])
            flat = jnp.asarray(flat)
        candidates.append((_position(full, n, at, out, stride, dilation), flat))
    best, index = _largest(candidates)
    return (best, jnp.broadcast_to(index, best.shape)) if indices else best


def _or_kernel(stride, kernel_size):
    """The stride, which is the kernel's size where it is left out or empty."""
    return kernel_size if stride is None or stride == () else stride


def _max_pool(name: str, n: int, input, kernel_size, stride, padding, dilation, ceil_mode: bool, indices: bool):
    words = {1: "one int", 2: "two ints", 3: "three ints"}[n]
    kernel, stride, padding, dilation = (
        ntuple(v, n, f"{name}: {what} must {either} be a single int, or a tuple of {words}")
        for v, what, either in (
            (kernel_size, "kernel_size", "either"), (_or_kernel(stride, kernel_size), "stride", "either"),
            (padding, "padding", "either"), (dilation, "dilation", "be either"),
        )
    )  # fmt: skip
    if n == 1:
        for what, value in (("kernel_size", kernel[0]), ("stride", stride[0]), ("dilation", dilation[0])):
            check(value > 0, f"max_pool1d() {what} must be greater than zero, but got {value}")
    check(all(s > 0 for s in stride), "stride should not be zero")
    check(all(k > 0 for k in kernel), "kernel size should be greater than zero")
    axes = "THW"[-n:]
    check(
        all(d > 0 for d in dilation),
        "dilation should be greater than zero, but got " + " ".join(
            f"dilation{a}: {d}" for a, d in zip(axes, dilation, strict=True)
        ),
    )
    if n == 1:
        check(
            input.ndim in (2, 3) and 0 not in input.shape[input.ndim - 2 :],
            "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:"
            f"{listed(input)}",
        )
    else:
        check(
            input.ndim in (n + 1, n + 2),
            f"non-empty {n + 1}D or {n + 2}D (batch mode) tensor expected for input",
        )
        check(
            0 not in input.shape[1 if input.ndim == n + 2 else 0 :],
            f"Expected {n + 1}D or {n + 2}D (batch mode) tensor with optional 0 dim batch size for input, but got:"
            f"{listed(input)}",
        )
    for k, p, d in zip(kernel, padding, dilation, strict=True):
        check(p >= 0, f"{'max_pool1d() padding' if n == 1 else 'pad'} must be non-negative, but got pad={p}"
              if n > 1 else f"max_pool1d() padding must be non-negative, but got {p}")  # fmt: skip
        check(
            p <= (d * (k - 1) + 1) // 2,
            f"max_pool1d() padding should be at most half of kernel size, but got padding={p} and kernel_size={k}"
            if n == 1
            else f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and "
            f"dilation={d}",
        )
    size = input.shape[input.ndim - n :]
    out = _sizes(size, kernel, stride, padding, dilation, ceil_mode)
    _check_out(name, input, size, out)
    return _max_windows(input, n, kernel, stride, padding, dilation, out, indices)


def _check_out(name: str, input, size, out) -> None:
    if name == "max_pool1d":
        check(out[0] > 0, f"max_pool1d() Invalid computed output size: {out[0]}")
    channels = input.shape[input.ndim - len(size) - 1]
    if len(size) == 1:
        size, out = (1, *size), [1, *out]
    given, made = ("x".join(map(str, (channels, *v))) for v in (size, out))
    check(
        all(o > 0 for o in out),
        f"Given input size: ({given}). Calculated output size: ({made}). Output size is too small",
    )


@op(grad="SqueezeBackward1")
def max_pool1d(
    input: Array, kernel_size: int, stride: int | None = None, padding: int = 0, dilation: int = 1,
    ceil_mode: bool = False, return_indices: bool = False,
):  # fmt: skip
    """The largest value of every window of `input` (N, C, L) or (C, L)."""
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@op(grad="MaxPool2DWithIndicesBackward0")
def max_pool2d(
    input: Array, kernel_size: int, stride: int | None = None, padding: int = 0, dilation: int = 1,
    ceil_mode: bool = False, return_indices: bool = False,
):  # fmt: skip
    """The largest value of every window of `input` (N, C, H, W) or (C, H, W)."""
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


@op(grad="MaxPool3DWithIndicesBackward0")
def max_pool3d(
    input: Array, kernel_size: int, stride: int | None = None, padding: int = 0, dilation: int = 1,
    ceil_mode: bool = False, return_indices: bool = False,
):  # fmt: skip
    """The largest value of every window of `input` (N, C, D, H, W) or (C, D, H, W)."""
    return _max_pool("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def _avg_pool(name: str, n: int, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    words = {1: "one int", 2: "two ints", 3: "three ints"}[n]
    kernel, stride, padding = (
        ntuple(v, n, f"{name}: {what} must either be a single int, or a tuple of {words}")
        for v, what in ((kernel_size, "kernel_size"), (_or_kernel(stride, kernel_size), "stride"), (padding, "padding"))
    )
    check(all(s > 0 for s in stride), "stride should not be zero")
    check(divisor_override != 0, "divisor must be not zero")
    if n == 1:
        check(
            input.ndim in (2, 3),
            f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' (while "
            "checking arguments for avg_pool1d)",
        )
    else:
        check(input.ndim in (n + 1, n + 2), f"non-empty {n + 1}D or {n + 2}D (batch mode) tensor expected for input")
    for k, p in zip(kernel, padding, strict=True):
        check(p >= 0, f"pad must be non-negative, but got pad: {p}")
        check(
            p <= k // 2,
            f"pad should be at most half of effective kernel size, but got pad={p}, kernel_size={k} and dilation=1",
        )
    size = input.shape[input.ndim - n :]
    out = _sizes(size, kernel, stride, padding, (1,) * n, ceil_mode)
    _check_out(name, input, size, out)
    lead = input.ndim - n
    wide = jnp.promote_types(input.dtype, jnp.float32) if inexact(np.dtype(input.dtype)) else input.dtype
    x = input.astype(wide)
    if stride == kernel and not any(padding) and all(o * k == s for o, k, s in zip(out, kernel, size, strict=True)):
        split = tuple(itertools.chain.from_iterable(zip(out, kernel, strict=True)))
        total = x.reshape(x.shape[:lead] + split).sum(tuple(lead + 1 + 2 * i for i in range(n)), dtype=wide)
    else:
        full = _extended(x, n, out, kernel, stride, padding, (1,) * n, 0)
        ones = (1,) * lead
        total = lax.reduce_window(full, np.zeros((), wide), lax.add, ones + kernel, ones + stride, "VALID")
    divisor = divisor_override or _counts(size, kernel, stride, padding, out, count_include_pad)
    divisor = jnp.asarray(divisor, wide)
    return (total / divisor if inexact(np.dtype(wide)) else lax.div(*jnp.broadcast_arrays(total, divisor))).astype(
        input.dtype
    )


def _counts(size, kernel, stride, padding, out, count_include_pad: bool) -> np.ndarray:
    """How many elements every window has: those inside the input, or inside the input and its padding."""
    counts = np.ones((1,) * len(size), np.int64)
    for axis, (n, k, s, p, o) in enumerate(zip(size, kernel, stride, padding, out, strict=True)):
        start = np.arange(o) * s - p
        stop = np.minimum(start + k, n + p)
        inside = stop - start if count_include_pad else np.minimum(stop, n) - np.maximum(start, 0)
        counts = counts * inside.reshape([-1 if a == axis else 1 for a in range(len(size))])
    return counts


@op("torch.avg_pool1d", "F.avg_pool1d", grad="SqueezeBackward1")
def avg_pool1d(
    input: Array, kernel_size: int, stride: int | None = None, padding: int = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
):  # fmt: skip
    """The mean of every window of `input` (N, C, L) or (C, L)."""
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


@op("F.avg_pool2d", grad="AvgPool2DBackward0")
def avg_pool2d(
    input: Array, kernel_size: int, stride: int | None = None, padding: int = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
):  # fmt: skip
    """The mean of every window of `input` (N, C, H, W) or (C, H, W); the sum over `divisor_override` if given."""
    return _avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


@op("F.avg_pool3d", grad="AvgPool3DBackward0")
def avg_pool3d(
    input: Array, kernel_size: int, stride: int | None = None, padding: int = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
):  # fmt: skip
    """The mean of every window of `input` (N, C, D, H, W) or (C, D, H, W)."""
    return _avg_pool(
        "avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )
