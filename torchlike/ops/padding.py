"""Padding."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.op import Array, Scalar, op
from torchlike.ops.checks import check, listed


@op("torch.constant_pad_nd", grad="ConstantPadNdBackward0")
def constant_pad_nd(input: Array, pad: tuple, value: Scalar = 0):
    """`value` around `input`: `pad` has (before, after) for the last dimension, then for the one before it, and so on.
    Negative numbers cut off."""
    check(len(pad) % 2 == 0, f"Length of pad must be even but instead it equals {len(pad)}")
    check(
        len(pad) <= 2 * input.ndim,
        "Length of pad should be no more than twice the number of dimensions of the input. Pad length is "
        f"{len(pad)} while the input has {input.ndim} dimensions.",
    )
    pads = [(0, 0, 0)] * input.ndim
    for i in range(len(pad) // 2):
        axis = input.ndim - 1 - i
        low, high = pad[2 * i], pad[2 * i + 1]
        check(
            input.shape[axis] + low + high >= 0,
            f"The input size {input.shape[axis]}, plus negative padding {low} and {high} resulted in a negative output "
            f"size, which is invalid. Check dimension {axis} of your input.",
        )
        pads[axis] = (low, high, 0)
    return lax.pad(input, jnp.asarray(value, input.dtype), pads)


_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def _border_pad(mode: str, input, pad: tuple):
    n = len(pad) // 2
    check(
        input.ndim in (n + 1, n + 2) and n <= 3,
        f"Padding size {len(pad)} is not supported for {input.ndim}D input tensor.\n"
        "Supported combinations for non-constant padding:\n"
        "  - 2D or 3D input: padding size = 2 (pads last dimension)\n"
        "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n"
        "  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)",
        NotImplementedError,
    )
    x = input
    for i in range(n):
        axis, low, high = input.ndim - 1 - i, pad[2 * i], pad[2 * i + 1]
        size = input.shape[axis]
        if mode == "reflect":
            check(
                low < size and high < size,
                f"Argument #{4 + 2 * i}: Padding size should be less than the corresponding input dimension, but got: "
                f"padding ({low}, {high}) at dimension {axis} of input {listed(input)}",
            )
        elif mode == "circular":
            check(low <= size and high <= size, "Padding value causes wrapping around more than once.")
        if mode == "replicate" and min(low, high) < 0:  # what is cut off may be what the other side repeats
            check(size + low + high >= 0, f"Padding ({low}, {high}) cuts off more than there is at dimension {axis}")
            place = np.clip(np.arange(size + low + high) - low, 0, size - 1)
            x = jnp.take(x, place, axis)
            continue
        x = lax.slice_in_dim(x, max(-low, 0), size - max(-high, 0), axis=axis)
        widths = [(0, 0)] * input.ndim
        widths[axis] = (max(low, 0), max(high, 0))
        x = jnp.pad(x, widths, mode=_MODES[mode])
    return x


@op(grad=lambda template, avals: f"ReflectionPad{len(template[1]) // 2}DBackward0")
def reflection_pad(input: Array, pad: tuple):
    """The input mirrored at its borders, the border itself not repeated."""
    return _border_pad("reflect", input, pad)


@op(grad=lambda template, avals: f"ReplicationPad{len(template[1]) // 2}DBackward0")
def replication_pad(input: Array, pad: tuple):
    """The border repeated."""
    return _border_pad("replicate", input, pad)


@op(grad="CopySlices")
def circular_pad(input: Array, pad: tuple):
    """The input continued periodically."""
    return _border_pad("circular", input, pad)
