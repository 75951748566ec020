"""Moving elements between channels and space: shuffles, and windows as columns and back."""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, op
from torchlike.ops.checks import check, listed, ntuple


@op("torch.pixel_shuffle", "F.pixel_shuffle", grad="PixelShuffleBackward0")
def pixel_shuffle(input: Array, upscale_factor: int):
    """(*, C · r², H, W) as (*, C, H · r, W · r): groups of r² channels become squares
    (https://arxiv.org/abs/1609.05158)."""
    r = upscale_factor
    check(input.ndim >= 3, f"pixel_shuffle expects input to have at least 3 dimensions, but got input with "
          f"{input.ndim} dimension(s)")  # fmt: skip
    check(r > 0, f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    check(
        c % (r * r) == 0,
        f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of upscale_factor, but "
        f"input.size(-3)={c} is not divisible by {r * r}",
    )
    k = len(lead)
    x = input.reshape(*lead, c // (r * r), r, r, h, w)
    return jnp.transpose(x, (*range(k + 1), k + 3, k + 1, k + 4, k + 2)).reshape(*lead, c // (r * r), h * r, w * r)


@op("torch.pixel_unshuffle", "F.pixel_unshuffle", grad="PixelUnshuffleBackward0")
def pixel_unshuffle(input: Array, downscale_factor: int):
    """The reverse of `pixel_shuffle`: (*, C, H · r, W · r) as (*, C · r², H, W)."""
    r = downscale_factor
    check(input.ndim >= 3, f"pixel_unshuffle expects input to have at least 3 dimensions, but got input with "
          f"{input.ndim} dimension(s)")  # fmt: skip
    check(r > 0, f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    *lead, c, h, w = input.shape
    for what, axis, s in (("height", -2, h), ("width", -1, w)):
        check(
            s % r == 0,
            f"pixel_unshuffle expects {what} to be divisible by downscale_factor, but input.size({axis})={s} is not "
            f"divisible by {r}",
        )
    k = len(lead)
    x = input.reshape(*lead, c, h // r, r, w // r, r)
    return jnp.transpose(x, (*range(k + 1), k + 2, k + 4, k + 1, k + 3)).reshape(*lead, c * r * r, h // r, w // r)


@op(
    "torch.channel_shuffle", "F.channel_shuffle", "torch.native_channel_shuffle", "F.native_channel_shuffle",
    grad="NativeChannelShuffleBackward0",
)  # fmt: skip
def channel_shuffle(input: Array, groups: int):
    """Channels in `groups` blocks, dealt out in turn: (N, C, *) of the same shape
    (https://arxiv.org/abs/1707.01083)."""
    check(
        input.ndim > 2, f"channel_shuffle expects input with > 2 dims, but got input with sizes {listed(input)}"
    )
    channels = input.shape[1]
    check(groups > 0, "Number of groups to divide channels in must be positive. Value of groups:" + str(groups))
    check(
        channels % groups == 0,
        f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups.",
    )
    n, _, *rest = input.shape
    return input.reshape(n, groups, channels // groups, *rest).swapaxes(1, 2).reshape(input.shape)


def _options(kernel_size, dilation, padding, stride) -> list[Any]:
    made = []
    for what, value, least in (
        ("kernel", kernel_size, 1), ("dilation", dilation, 1), ("padding", padding, 0), ("stride", stride, 1),
    ):  # fmt: skip
        pair = ntuple(value, 2, f"It is expected {what}_size equals to 2, but got size {value}")
        size = f"{what} size" if what == "kernel" else what
        check(
            all(v >= least for v in pair),
            f"{size} should be {'greater than zero' if least else 'non-negative'}, but got {what}_height: {pair[0]} "
            f"{what}_width: {pair[1]}",
        )
        made.append(pair)
    return made


def _blocks(size, kernel, dilation, padding, stride) -> list[int]:
    return [
        (s + 2 * p - d * (k - 1) - 1) // st + 1
        for s, k, d, p, st in zip(size, kernel, dilation, padding, stride, strict=True)
    ]


def _columns(x, kernel, dilation, padding, stride):
    """(N, C, H, W) as (N, C · kH · kW, blocks): every position of the window is a strided slice."""
    n, c = x.shape[:2]
    out = _blocks(x.shape[2:], kernel, dilation, padding, stride)
    full = jnp.pad(x, ((0, 0), (0, 0), *((p, p) for p in padding)))
    parts = []
    for at in itertools.product(*map(range, kernel)):
        start = [i * d for i, d in zip(at, dilation, strict=True)]
        stop = [b + (o - 1) * s + 1 for b, o, s in zip(start, out, stride, strict=True)]
        parts.append(lax.slice(full, (0, 0, *start), (n, c, *stop), (1, 1, *stride)))
    return jnp.stack(parts, 2).reshape(n, c * len(parts), math.prod(out))


@op("F.unfold", grad="Im2ColBackward0")
def im2col(input: Array, kernel_size: int, dilation: int = 1, padding: int = 0, stride: int = 1):
    """Sliding windows as columns: (N, C, H, W) becomes (N, C · kH · kW, number of windows); a batch may be missing."""
    kernel, *spread = options = _options(kernel_size, dilation, padding, stride)
    check(
        input.ndim in (3, 4) and all(input.shape[1:]) and (input.ndim == 4 or input.shape[0] > 0),
        "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but "
        f"got: {listed(input)}",
    )
    out = _blocks(input.shape[-2:], *options)
    check(
        min(out) > 0,
        f"Given input with spatial size ({', '.join(map(str, input.shape[-2:]))}), "
        f"kernel_size={kernel}, dilation={spread[0]}, padding={spread[1]}, "
        f"calculated shape of the array of sliding blocks as ({out[0]}, "
        f"{out[1]}), but its components must be at least one.",
    )
    x = input if input.ndim == 4 else input[None]
    y = _columns(x, *options)
    return y if input.ndim == 4 else y[0]


@op("F.fold", grad="Col2ImBackward0")
def col2im(
    input: Array, output_size: int, kernel_size: int, dilation: int = 1, padding: int = 0, stride: int = 1
):
    """Columns (N, C · kH · kW, number of windows) put back as an image (N, C, *output_size), overlaps added up: the
    transpose of `unfold`."""
    kernel, *spread = options = _options(kernel_size, dilation, padding, stride)
    size = ntuple(output_size, 2, f"It is expected output_size equals to 2, but got size {output_size}")
    check(
        all(s > 0 for s in size),
        f"Expected output spatial size to be greater than zero, but got output_height: {size[0]} output_width: "
        f"{size[1]}",
    )
    check(
        input.ndim in (2, 3) and all(input.shape[-2:]),
        "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, "
        f"but got: {listed(input)}",
    )
    x = input if input.ndim == 3 else input[None]
    n, rows, length = x.shape
    window = kernel[0] * kernel[1]
    check(
        rows % window == 0,
        "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got input.size(1)="
        f"{rows} and kernel_size=({kernel[0]}, {kernel[1]}).",
    )
    out = _blocks(size, *options)
    given = (
        f"Given output_size={size}, kernel_size={kernel}, dilation={spread[0]}, padding={spread[1]}, "
        f"stride={spread[2]}, "
    )
    check(
        min(out) > 0,
        f"{given}calculated shape of the array of sliding blocks as ({out[0]}, {out[1]}), which is too small (non-"
        "positive)",
    )
    check(
        length == math.prod(out),
        f"{given}expected size of input's dimension 2 to match the calculated number of sliding blocks {out[0]} * "
        f"{out[1]} = {math.prod(out)}, but got input.size(2)={length}.",
    )
    image = jax.ShapeDtypeStruct((n, rows // window, *size), x.dtype)
    (y,) = jax.linear_transpose(lambda i: _columns(i, *options), image)(x)
    return y if input.ndim == 3 else y[0]
