"""Normalisations that also return what they normalised with: the mean, and 1 / sqrt(variance + eps)."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, Scalar, Sizes, op
from torchlike.ops.checks import check, listed, need_floating
from torchlike.ops.normalization import _check_dtypes, _check_shape


def _moments(x, axes: tuple[int, ...], eps: float):
    """Mean and 1 / sqrt(variance + eps), dimensions kept, of 16-bit inputs in float32."""
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean = x.mean(axes, keepdims=True)
    return x, mean, lax.rsqrt(jnp.square(x - mean).mean(axes, keepdims=True) + eps)


def _affine(x, mean, scale, weight, bias, dtype):
    y = (x - mean) * scale
    y = y if weight is None else y * weight
    return (y if bias is None else y + bias).astype(dtype)


def _kept(x, dtype):
    """A statistic as an output: as in PyTorch, no gradient comes back through it."""
    return lax.stop_gradient(x.astype(dtype))


def _statistics_dtype(input, weight):
    return input.dtype if weight is None else weight.dtype


@op("torch.native_layer_norm", grad="NativeLayerNormBackward0")
def native_layer_norm(
    input: Array, normalized_shape: Sizes, weight: Array | None, bias: Array | None, eps: float
):
    """(layer_norm, mean, 1 / sqrt(variance + eps)) over the last dimensions, those of `normalized_shape`."""
    _check_shape(input, normalized_shape, weight=weight, bias=bias)
    need_floating(input, "LayerNormKernelImpl")
    _check_dtypes(input, weight, bias)
    x, mean, scale = _moments(input, tuple(range(input.ndim - len(normalized_shape), input.ndim)), eps)
    kept = _statistics_dtype(input, weight)
    return _affine(x, mean, scale, weight, bias, input.dtype), _kept(mean, kept), _kept(scale, kept)


@op("torch.native_group_norm", grad="NativeGroupNormBackward0")
def native_group_norm(
    input: Array, weight: Array | None, bias: Array | None, N: int, C: int, HxW: int, group: int, eps: float
):
    """(group_norm, means (N, group), 1 / sqrt(variance + eps) (N, group)); N, C and HxW are the input's sizes.

    Gradients come from all three; PyTorch leaves those of the last two out unless all three have one.
    """
    check(
        group > 0 and C % group == 0,
        f"Expected number of channels in input to be divisible by num_groups, but got input of shape {listed(input)} "
        f"and num_groups={group}",
    )
    need_floating(input, "GroupNormKernelImpl")
    _check_dtypes(input, weight, bias)
    x, mean, scale = _moments(input.reshape(N, group, C // group * HxW), (2,), eps)
    channels = (1, C) + (1,) * (input.ndim - 2)
    y = ((x - mean) * scale).reshape(input.shape)
    y = y if weight is None else y * weight.reshape(channels)
    y = y if bias is None else y + bias.reshape(channels)
    kept = _statistics_dtype(input, weight)
    return y.astype(input.dtype), mean[..., 0].astype(kept), scale[..., 0].astype(kept)


@op(grad="NativeBatchNormBackward0")
def native_batch_norm(
    input: Array, weight: Array | None, bias: Array | None, running_mean: Array | None, running_var: Array | None,
    training: bool, momentum: Scalar, eps: float,
):  # fmt: skip
    """(batch_norm, mean, 1 / sqrt(variance + eps)), and the new running statistics where there are any.

    In evaluation the second and third are empty.
    """
    need_floating(input, "batch_norm")
    check(input.ndim > 1, f"Expected more than 1 dimension, but got input of size {listed(input)}")
    channels = input.shape[1]
    for what, x in (
        ("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias),
    ):  # fmt: skip
        check(
            x is None or x.size == channels,
            f"{what} should contain {channels} elements not {0 if x is None else x.size}",
        )
    _check_dtypes(input, running_mean, running_var, weight, bias)
    shape = (1, channels) + (1,) * (input.ndim - 2)
    weight, bias = (None if p is None else p.reshape(shape) for p in (weight, bias))
    kept = _statistics_dtype(input, weight)
    if not training:
        if running_mean is None or running_var is None:
            missing = "running_mean" if running_mean is None else "running_var"
            raise RuntimeError(f"{missing} must be defined in evaluation mode")
        x = input.astype(jnp.promote_types(input.dtype, jnp.float32))
        mean, scale = running_mean.reshape(shape), lax.rsqrt(running_var.reshape(shape).astype(x.dtype) + eps)
        none = jnp.zeros(0, kept)
        return _affine(x, mean, scale, weight, bias, input.dtype), none, none
    axes = (0, *range(2, input.ndim))
    x, mean, scale = _moments(input, axes, eps)
    out = _affine(x, mean, scale, weight, bias, input.dtype)
    results: tuple = (out, _kept(mean.reshape(-1), kept), _kept(scale.reshape(-1), kept))
    n = input.size // max(channels, 1)
    variance = jnp.square(x - mean).mean(axes) * (n / max(n - 1, 1))
    for running, now in ((running_mean, mean.reshape(-1)), (running_var, variance)):
        if running is not None:
            new = (1 - momentum) * running + momentum * now.astype(running.dtype)
            results += (lax.stop_gradient(new.astype(running.dtype)),)
    return results


@op("torch.native_dropout_backward", grad="MulBackward0")
def native_dropout_backward(grad_output: Array, mask: Array, scale: float):
    """grad_output · mask · scale."""
    return (grad_output * mask * scale).astype(grad_output.dtype)
