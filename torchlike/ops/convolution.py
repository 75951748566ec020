"""Convolutions: flax.linen.Conv as the body, PyTorch's layouts (NCHW, OIHW) outside."""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen

from torchlike.core.op import Array, inexact, op
from torchlike.ops.checks import c_word, check, listed, ntuple, word
from torchlike.ops.lowering import conv_general_dilated


def _prepared(name: str, n: int, input, weight, **options) -> tuple:
    """The options as n-tuples, after the checks that all convolutions share."""
    check(
        input.ndim in (n + 1, n + 2),
        f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of size: {listed(input)}",
    )
    made = []
    for option, value in options.items():
        count = weight.ndim - 2
        given = list(value) if isinstance(value, tuple | list) else [value] * n
        check(
            len(given) in (1, count),
            f"expected {option} to be a single integer value or a list of {count} values to match the convolution "
            f"dimensions, but got {option}={given}",
        )
        made.append(ntuple(value, n))
    return tuple(made)


def _check_channels(input, weight, bias, groups: int, batched, transposed: bool = False) -> None:
    out = weight.shape[1] * groups if transposed else weight.shape[0]
    given = f"Given transposed={int(transposed)}, " if transposed else f"Given groups={groups}, "
    wants = weight.shape[0] if transposed else weight.shape[1] * groups
    check(
        batched.shape[1] == wants,
        f"{given}weight of size {listed(weight)}, expected input{listed(batched)} to have {wants} channels, but got "
        f"{batched.shape[1]} channels instead",
    )
    check(groups > 0, "non-positive groups is not supported")
    check(
        weight.shape[0] % groups == 0,
        f"Given groups={groups}, expected weight to be divisible by {groups} at dimension 0, but got weight of size "
        f"[{listed(weight)}] instead",
    )
    given = "Given transposed=1, weight" if transposed else "Given weight"
    check(
        bias is None or bias.shape == (out,),
        f"{given} of size {listed(weight)}, expected bias to be 1-dimensional with {out} elements, but got bias of "
        f"size {listed(bias)} instead",
    ) if bias is not None else None


def _check_dtypes(input, weight, bias) -> None:
    for other, what in ((bias, "bias"), (weight, "weight")):
        if other is not None and other.dtype != input.dtype:
            raise RuntimeError(f"Input type ({c_word(input)}) and {what} type ({c_word(other)}) should be the same")
    check(
        word(input) != "Bool",
        f"\"slow_conv\" not implemented for '{word(input)}'",
        NotImplementedError,
    )


def _check_kernel(weight) -> None:
    sides = weight.shape[2:]
    if len(sides) == 3:
        told = f": {' x '.join(map(str, sides))} (TxHxW)"
    else:
        height, width = (1, *sides) if len(sides) == 1 else sides
        told = f" kernel_height: {height} kernel_width: {width}"
    check(all(k > 0 for k in sides), f"kernel size should be greater than zero, but got{told}")


def _run(x, kernel, bias, *, strides, padding, input_dilation, kernel_dilation, groups):
    """Flax's convolution of x (N, C, *) with a kernel (*, I, O)."""
    if not inexact(x.dtype):  # exact in float64, as far as its integers reach
        wide = [None if a is None else a.astype(jnp.float64) for a in (x, kernel, bias)]
        y = _run(
            *wide, strides=strides, padding=padding, input_dilation=input_dilation, kernel_dilation=kernel_dilation,
            groups=groups,
        )  # fmt: skip
        return y.astype(x.dtype)
    layer = linen.Conv(
        kernel.shape[-1],
        kernel.shape[:-2],
        strides=strides,
        padding=padding,
        input_dilation=input_dilation,
        kernel_dilation=kernel_dilation,
        feature_group_count=groups,
        use_bias=bias is not None,
        param_dtype=kernel.dtype,
        conv_general_dilated=conv_general_dilated,
    )
    params = {"kernel": kernel} if bias is None else {"kernel": kernel, "bias": bias}
    return jnp.moveaxis(layer.apply({"params": params}, jnp.moveaxis(x, 1, -1)), -1, 1)


def _conv(name: str, n: int, input, weight, bias, stride, padding, dilation, groups):
    if isinstance(padding, str):
        check(padding in ("same", "valid"), f"Invalid padding string: '{padding}'")
        stride, dilation = _prepared(name, n, input, weight, stride=stride, dilation=dilation)
        check(
            padding == "valid" or all(s == 1 for s in stride),
            "padding='same' is not supported for strided convolutions",
        )
        total = [d * (k - 1) * (padding == "same") for k, d in zip(weight.shape[2:], dilation, strict=True)]
        pads = [(t // 2, t - t // 2) for t in total]
    else:
        stride, padding, dilation = _prepared(
            name, n, input, weight, stride=stride, padding=padding, dilation=dilation
        )
        check(all(p >= 0 for p in padding), "negative padding is not supported")
        pads = [(p, p) for p in padding]
    check(all(s > 0 for s in stride), "non-positive stride is not supported")
    shown = ([1, *dilation] if n == 1 else list(dilation))
    check(all(d > 0 for d in dilation), f"dilation should be greater than zero, but got {shown}")
    check(groups > 0, "non-positive groups is not supported")
    check(weight.ndim > 2, "weight should have at least three dimensions")
    check(
        weight.shape[0] >= groups,
        f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, but got weight of size "
        f"{listed(weight)} instead",
    )
    x = input if input.ndim == n + 2 else input[None]
    _check_dtypes(input, weight, bias)
    _check_channels(input, weight, bias, groups, x)
    _check_kernel(weight)
    size = [s + lo + hi for s, (lo, hi) in zip(x.shape[2:], pads, strict=True)]
    reach = [d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)]
    check(
        all(s >= r for s, r in zip(size, reach, strict=True)),
        f"Calculated padded input size per channel: ({' x '.join(map(str, size))}). "
        f"Kernel size: ({' x '.join(map(str, reach))}). Kernel size can't be greater than actual input size",
    )
    kernel = jnp.transpose(weight, (*range(2, n + 2), 1, 0))
    y = _run(
        x, kernel, bias, strides=stride, padding=pads, input_dilation=1, kernel_dilation=dilation, groups=groups
    )  # fmt: skip
    return y if input.ndim == n + 2 else y[0]


def _conv_transpose(name: str, n: int, input, weight, bias, stride, padding, output_padding, groups, dilation):
    """The gradient of a convolution as a convolution itself: the input spread out by the stride, the kernel flipped."""
    stride, padding, output_padding, dilation = _prepared(
        name, n, input, weight, stride=stride, padding=padding, output_padding=output_padding, dilation=dilation
    )
    x = input if input.ndim == n + 2 else input[None]
    _check_dtypes(input, weight, bias)
    _check_channels(input, weight, bias, groups, x, transposed=True)
    check(all(p >= 0 for p in padding), "negative padding is not supported")
    check(all(s > 0 for s in stride), "non-positive stride is not supported")
    if not all(o < max(s, d) for o, s, d in zip(output_padding, stride, dilation, strict=True)):
        axes = ("depth", "height", "width")[-max(n, 2) :]
        facts = [
            f"{what}_{axis}: {v}"
            for what, values in (("output_padding", output_padding), ("stride", stride), ("dilation", dilation))
            for axis, v in zip(axes, (1,) * (len(axes) - n) + tuple(values), strict=True)
        ]
        raise RuntimeError("output padding must be smaller than either stride or dilation, but got " + " ".join(facts))
    c_in, c_out, *size = weight.shape
    kernel = jnp.flip(weight, range(2, n + 2)).reshape(groups, c_in // groups, c_out, *size)
    kernel = jnp.transpose(kernel, (*range(3, n + 3), 1, 0, 2)).reshape(*size, c_in // groups, groups * c_out)
    reach = [d * (k - 1) for k, d in zip(size, dilation, strict=True)]
    pads = [(r - p, r - p + o) for r, p, o in zip(reach, padding, output_padding, strict=True)]
    y = _run(x, kernel, bias, strides=1, padding=pads, input_dilation=stride, kernel_dilation=dilation, groups=groups)
    return y if input.ndim == n + 2 else y[0]


@op("torch.conv1d", "F.conv1d", grad="ConvolutionBackward0")
def conv1d(
    input: Array, weight: Array, bias: Array | None = None, stride: int = 1, padding: int | str = 0, dilation: int = 1,
    groups: int = 1,
):  # fmt: skip
    """Cross-correlation in one dimension: `input` (N, C_in, L) or (C_in, L), `weight` (C_out, C_in / groups, k)."""
    return _conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


@op("torch.conv2d", "F.conv2d", grad="ConvolutionBackward0")
def conv2d(
    input: Array, weight: Array, bias: Array | None = None, stride: int = 1, padding: int | str = 0, dilation: int = 1,
    groups: int = 1,
):  # fmt: skip
    """Cross-correlation in two dimensions.

    `input` (N, C_in, H, W) or (C_in, H, W), `weight` (C_out, C_in / groups, kH, kW), `bias` (C_out). Each output side
    is (side + 2 · padding - dilation · (k - 1) - 1) // stride + 1. Computed by flax.linen.Conv.
    """
    return _conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


@op("torch.conv3d", "F.conv3d", grad="ConvolutionBackward0")
def conv3d(
    input: Array, weight: Array, bias: Array | None = None, stride: int = 1, padding: int | str = 0, dilation: int = 1,
    groups: int = 1,
):  # fmt: skip
    """Cross-correlation in three dimensions: `weight` is (C_out, C_in / groups, kD, kH, kW)."""
    return _conv("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


@op("torch.conv_transpose1d", "F.conv_transpose1d", grad="ConvolutionBackward0")
def conv_transpose1d(
    input: Array, weight: Array, bias: Array | None = None, stride: int = 1, padding: int = 0, output_padding: int = 0,
    groups: int = 1, dilation: int = 1,
):  # fmt: skip
    """The gradient of `conv1d` towards its input: `input` (N, C_in, L), `weight` (C_in, C_out / groups, k)."""
    return _conv_transpose(
        "conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@op("torch.conv_transpose2d", "F.conv_transpose2d", grad="ConvolutionBackward0")
def conv_transpose2d(
    input: Array, weight: Array, bias: Array | None = None, stride: int = 1, padding: int = 0, output_padding: int = 0,
    groups: int = 1, dilation: int = 1,
):  # fmt: skip
    """The gradient of `conv2d` towards its input.

    `input` (N, C_in, H, W), `weight` (C_in, C_out / groups, kH, kW). Each output side is
    (side - 1) · stride - 2 · padding + dilation · (k - 1) + output_padding + 1.
    """
    return _conv_transpose(
        "conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


@op("torch.conv_transpose3d", "F.conv_transpose3d", grad="ConvolutionBackward0")
def conv_transpose3d(
    input: Array, weight: Array, bias: Array | None = None, stride: int = 1, padding: int = 0, output_padding: int = 0,
    groups: int = 1, dilation: int = 1,
):  # fmt: skip
    """The gradient of `conv3d` towards its input."""
    return _conv_transpose(
        "conv_transpose3d", 3, input, weight, bias, stride, padding, output_padding, groups, dilation
    )
