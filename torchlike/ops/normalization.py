"""Normalisation: Flax's layers as the bodies, PyTorch's layouts, running statistics and conventions outside."""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen
from jax import lax

from torchlike.core.dtype import category
from torchlike.core.op import Array, Scalar, op
from torchlike.ops.checks import check, listed, need_floating
from torchlike.ops.promotion import promote_float

_HALVES = (np.dtype(jnp.bfloat16), np.dtype(np.float16))


def _check_dtypes(input, *others) -> None:
    """Parameters have the input's dtype; those of a 16-bit input may be float32."""
    given = [o for o in others if o is not None]
    same = all(o.dtype == input.dtype for o in given)
    wide = input.dtype in _HALVES and all(o.dtype == jnp.float32 for o in given)
    simple = all(o.dtype == jnp.float32 for o in given)
    words = "all inputs must share same datatype." if simple else "expect parameter to have scalar type of Float"
    check(same or wide, f"mixed dtype (CPU): {words}")


def _options(input, weight, bias, eps: float) -> dict:
    """What all of Flax's normalisations are told: two passes for the variance, and the output in the input's dtype."""
    return {
        "epsilon": eps,
        "dtype": input.dtype,
        "use_scale": weight is not None,
        "use_bias": bias is not None,
        "use_fast_variance": False,
    }


def _params(weight, bias) -> dict:
    return {k: v for k, v in (("scale", weight), ("bias", bias)) if v is not None}


def _batch_norm(input, mean, var, weight, bias, eps: float):
    """Normalise dimension 1 with the given statistics, or with the batch's own, which are returned (not unbiased)."""
    own = mean is None
    channels = input.shape[1]
    # With momentum 0 Flax's new running statistics are those of the batch, which its layer computes anyway.
    layer = linen.BatchNorm(use_running_average=not own, axis=1, momentum=0.0, **_options(input, weight, bias, eps))
    stats = jnp.promote_types(input.dtype, jnp.float32)
    if own:
        mean = var = jnp.zeros(channels, stats)
    variables = {"params": _params(weight, bias), "batch_stats": {"mean": mean, "var": var}}
    if not own:
        return layer.apply(variables, input), None, None
    out, state = layer.apply(variables, input, mutable=["batch_stats"])
    return out, state["batch_stats"]["mean"], state["batch_stats"]["var"]


def _updated(running, batch, momentum):
    momentum = jnp.asarray(momentum, running.dtype)
    return lax.stop_gradient((1 - momentum) * running + momentum * batch.astype(running.dtype))


@op(grad="NativeBatchNormBackward0")
def batch_norm(
    input: Array, running_mean: Array | None, running_var: Array | None, weight: Array | None = None,
    bias: Array | None = None, training: bool = False, momentum: Scalar = 0.1, eps: float = 1e-5,
):  # fmt: skip
    """(input - mean) / sqrt(var + eps) · weight + bias per channel (dimension 1), computed by flax.linen.BatchNorm.

    While training, mean and var are the batch's; where there are running statistics, their new values are the second
    and third output: (1 - momentum) · old + momentum · batch's, the variance of the batch being the unbiased one.
    """
    need_floating(input, "batch_norm")
    if input.shape == (0,):
        return input if not training or running_mean is None or running_var is None else (
            input, running_mean, running_var
        )
    check(input.ndim > 1, f"Expected more than 1 dimension, but got input of size {listed(input)}")
    channels = input.shape[1]
    if not training:
        check(running_mean is not None, "running_mean must be defined in evaluation mode")
        check(running_var is not None, "running_var must be defined in evaluation mode")
    for what, x in (
        ("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias),
    ):  # fmt: skip
        check(
            x is None or x.size == channels,
            f"{what} should contain {channels} elements not {0 if x is None else x.size}",
        )
    _check_dtypes(input, running_mean, running_var, weight, bias)
    if not training:
        return _batch_norm(input, running_mean, running_var, weight, bias, eps)[0]
    if not input.size:  # no values: the statistics stay, where means would be NaN
        return input if running_mean is None or running_var is None else (input, running_mean, running_var)
    out, mean, var = _batch_norm(input, None, None, weight, bias, eps)
    if running_mean is None or running_var is None:
        return out
    n = input.size // channels
    unbiased = var * (n / max(n - 1, 1))
    return out, _updated(running_mean, mean, momentum), _updated(running_var, unbiased, momentum)


@op(grad="ViewBackward0")
def instance_norm(
    input: Array, running_mean: Array | None, running_var: Array | None, weight: Array | None = None,
    bias: Array | None = None, momentum: Scalar = 0.1, eps: float = 1e-5,
):  # fmt: skip
    """Every channel of every sample normalised by itself (https://arxiv.org/abs/1607.08022): a batch normalisation with
    samples and channels counted as channels. Running statistics are means over the samples."""
    batch, channels, *rest = input.shape
    tiled = [None if p is None else jnp.tile(p, batch) for p in (weight, bias)]
    out, mean, var = _batch_norm(input.reshape(1, batch * channels, *rest), None, None, tiled[0], tiled[1], eps)
    out = out.reshape(input.shape)
    if running_mean is None or running_var is None:
        return out
    n = math.prod(rest)
    mean, var = (s.reshape(batch, channels).mean(0) for s in (mean, var * (n / max(n - 1, 1))))
    return out, _updated(running_mean, mean, momentum), _updated(running_var, var, momentum)


def _check_shape(input, normalized_shape, comma: str = ", ", **parameters) -> None:
    wanted = list(normalized_shape)
    check(
        bool(wanted),
        "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
        f"normalized_shape = {wanted}",
    )
    for what, x in parameters.items():
        check(
            x is None or list(x.shape) == wanted,
            f"Expected {what} to be of same shape as normalized_shape, but got {what} of shape "
            f"{None if x is None else listed(x)} and normalized_shape = {wanted}",
        )
    check(
        list(input.shape[max(input.ndim - len(wanted), 0) :]) == wanted,
        f"Given normalized_shape={wanted}, expected input with shape [*{comma}{', '.join(map(str, wanted))}], but got "
        f"input of size{listed(input)}",
    )


def _deviation(axes, eps, x):
    """x - mean, and 1 / sqrt(var + eps)."""
    d = x - x.mean(axes, keepdims=True)
    return d, lax.rsqrt((d * d).mean(axes, keepdims=True) + eps)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def standardized(axes: tuple[int, ...], eps: float, x):
    """(x - mean) / sqrt(var + eps) over the axes.

    Not flax.linen.LayerNorm: JAX's derivative of it goes through the variance. With the derivative written out, XLA's
    CPU compiler makes 12 loops of forward and backward, not 17: with weight and bias (12, 64, 128) takes 0.145 ms in
    place of 0.165 on one x86-64 core, (1024, 768) 1.52 in place of 1.74.
    """
    d, scale = _deviation(axes, eps, x)
    return d * scale


@standardized.defjvp
def _(axes, eps, primals, tangents):
    (x,), (t,) = primals, tangents
    d, scale = _deviation(axes, eps, x)
    y = d * scale
    return y, scale * (t - t.mean(axes, keepdims=True) - y * (y * t).mean(axes, keepdims=True))


@op("torch.layer_norm", "F.layer_norm", grad="NativeLayerNormBackward0")
def layer_norm(
    input: Array, normalized_shape: tuple, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5
):
    """Normalise over the last dimensions, those of `normalized_shape` (https://arxiv.org/abs/1607.06450)."""
    check(
        isinstance(normalized_shape, tuple),
        f"layer_norm(): argument 'normalized_shape' (position 2) must be tuple of ints, not "
        f"{type(normalized_shape).__name__}",
        TypeError,
    )
    _check_shape(input, normalized_shape, weight=weight, bias=bias)
    need_floating(input, "LayerNormKernelImpl")
    _check_dtypes(input, weight, bias)
    axes = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    y = standardized(axes, eps, input.astype(jnp.promote_types(input.dtype, np.float32)))
    y = y if weight is None else y * weight
    return (y if bias is None else y + bias).astype(input.dtype)


@op("*.rms_norm", "F.rms_norm", grad="MulBackward0")
def rms_norm(input: Array, normalized_shape: tuple, weight: Array | None = None, eps: float | None = None):
    """Divide by the root of the mean square over the last dimensions (https://arxiv.org/abs/1910.07467).

    Computed by flax.linen.RMSNorm. `eps` None is the machine epsilon of the dtype that is computed in: float32's for
    half precision.
    """
    n = len(normalized_shape)
    check(input.ndim >= n, f"Input tensor must have at least {n} dimensions, but got {input.ndim}", ValueError)
    _check_shape(input, normalized_shape, "", weight=weight)
    eps = float(jnp.finfo(jnp.promote_types(input.dtype, np.float32)).eps) if eps is None else eps
    axes = tuple(range(input.ndim - len(normalized_shape), input.ndim))
    if jnp.iscomplexobj(input):  # PyTorch squares without taking the magnitude
        scaled = input * lax.rsqrt(jnp.square(input).mean(axes, keepdims=True) + eps)
        return scaled if weight is None else scaled * weight
    options = _options(input, weight, None, eps)
    del options["use_bias"]
    layer = linen.RMSNorm(reduction_axes=axes, feature_axes=axes, **options)
    return layer.apply({"params": _params(weight, None)}, input)


@op("torch.group_norm", "F.group_norm", grad="NativeGroupNormBackward0")
def group_norm(
    input: Array, num_groups: int, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5
):
    """Normalise over each group of channels of every sample (https://arxiv.org/abs/1803.08494).

    Computed by flax.linen.GroupNorm.
    """
    check(input.ndim >= 2, f"Expected at least 2 dimensions for input tensor but received {input.ndim}")
    channels = input.shape[1]
    check(num_groups > 0, f"Expected num groups to be greater than 0, got {num_groups}")
    check(
        channels % num_groups == 0,
        "Expected number of channels in input to be divisible by num_groups, but got input of shape "
        f"{listed(input)} and num_groups={num_groups}",
    )
    if input.size // max(num_groups, 1) == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {listed(input)}")
    for what, x in (("weight", weight), ("bias", bias)):
        check(
            x is None or x.shape == (channels,),
            f"Expected {what} to be a vector of size equal to the number of channels in input, but got {what} of "
            f"shape {None if x is None else listed(x)} and input of shape {listed(input)}",
        )
    _check_dtypes(input, weight, bias)
    layer = linen.GroupNorm(num_groups, **_options(input, weight, bias, eps))
    out: Any = layer.apply({"params": _params(weight, bias)}, jnp.moveaxis(input, 1, -1))
    return jnp.moveaxis(out, -1, 1)


@op("F.local_response_norm", grad="DivBackward0")
def local_response_norm(input: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
    """x / (k + alpha · mean of the squares of `size` neighbouring channels) ** beta (AlexNet's)."""
    check(
        input.ndim >= 3,
        f"Expected 3D or higher dimensionality                          input (got {input.ndim} dimensions)",
        ValueError,
    )
    squares = jnp.square(input)
    pads = [(0, 0)] * input.ndim
    pads[1] = (size // 2, (size - 1) // 2)
    window = (1, size, *(1,) * (input.ndim - 2))
    total = lax.reduce_window(
        jnp.pad(squares, pads), np.zeros((), input.dtype), lax.add, window, (1,) * input.ndim, "VALID"
    )
    if not input.size:
        return input
    mean = lax.div(total, jnp.asarray(size, total.dtype)) if category(input.dtype) == 1 else total / size
    mean, input = promote_float(mean, input)
    return input / (mean * alpha + k) ** beta


@op(grad="CrossMapLRN2dBackward")
def cross_map_lrn2d(input: Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
    """x / (k + alpha / size · sum of the squares of some neighbouring channels) ** beta, for `input` (N, C, H, W).

    Channel c sums over those below c + reach, where reach = (size + 1) // 2, without those from 1 to c - reach; that
    channel 0 stays in is PyTorch's way.
    """
    check(input.ndim == 4, f"CrossMapLRN2d: Expected input to be 4D, got {input.ndim}D instead.", ValueError)
    reach = int((size - 1) / 2 + 1)
    c, other = np.ogrid[: input.shape[1], : input.shape[1]]
    near = (other < c + reach) & ~((other >= 1) & (other <= c - reach))
    total = jnp.einsum("co,nohw->nchw", near.astype(input.dtype), jnp.square(input), precision="highest")
    return input * (total * (alpha / size) + k) ** -beta
