"""Activation functions. Where two pieces meet, the derivative is that of the piece that PyTorch takes there."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, op
from torchlike.ops.checks import check, need_floating
from torchlike.ops.pointwise import inert, magnitude
from torchlike.ops.promotion import elementwise, promote_float, widely

# Constants of an activation (slopes, borders) are part of the structure: they hardly ever change, and XLA folds them.


@op("*.relu", "*.relu_", "F.relu_", grad="ReluBackward0")
def relu(input: Array):
    """max(0, x), element by element; its gradient at 0 is 0."""
    check(input.dtype != bool, "Boolean inputs not supported for relu")
    return jnp.where(input <= 0, jnp.zeros((), input.dtype), input)


@op("F.leaky_relu_", grad="LeakyReluBackward0")
@widely
def leaky_relu(input: Array, negative_slope: float = 0.01):
    """x where positive, else negative_slope · x."""
    need_floating(input, "leaky_relu_cpu")
    return jnp.where(input > 0, input, input * negative_slope)


def _elu(x, alpha, scale: float = 1.0, inner: float = 1.0):
    """scale · (x where positive, else alpha · (exp(inner · x) - 1)), without overflow on the side not taken."""
    return scale * jnp.where(x > 0, x, alpha * jnp.expm1(inner * jnp.where(x > 0, 0, x)))


@op("F.elu_", grad="EluBackward0")
@widely
def elu(input: Array, alpha: float = 1.0):
    """x where positive, else alpha · (exp(x) - 1) (https://arxiv.org/abs/1511.07289)."""
    need_floating(input, "elu_cpu")
    return _elu(input, alpha)


@op("*.selu", "*.selu_", "F.selu_", grad="EluBackward0")
@widely
def selu(input: Array):
    """The self-normalising ELU: its two constants keep mean 0 and variance 1 (https://arxiv.org/abs/1706.02515)."""
    need_floating(input, "elu_cpu")
    return _elu(input, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946)


@op("*.celu", "*.celu_", "F.celu_", grad="CeluBackward0")
@widely
def celu(input: Array, alpha: float = 1.0):
    """x where positive, else alpha · (exp(x / alpha) - 1) (https://arxiv.org/abs/1704.07483)."""
    need_floating(input, "elu_cpu")
    check(alpha != 0, "ZeroDivisionError: alpha cannot be 0 for CELU")
    return _elu(input, alpha, inner=1 / alpha)


@op("F.gelu", grad="GeluBackward0")
@widely
def gelu(input: Array, approximate: str = "none"):
    """x · Φ(x), Φ the normal distribution function, or with approximate="tanh" the formula with tanh
    (https://arxiv.org/abs/1606.08415)."""
    need_floating(input, "GeluKernelImpl")
    check(approximate in ("none", "tanh"), "approximate argument must be either none or tanh.")
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (input + 0.044715 * input**3)
        return 0.5 * input * (1 + jnp.tanh(inner))
    return 0.5 * input * (1 + jax.lax.erf(input * math.sqrt(0.5)))


@op("F.silu_", grad="SiluBackward0")
@widely
def silu(input: Array):
    """x · sigmoid(x), also known as swish."""
    need_floating(input, "silu_cpu")
    return input * jax.nn.sigmoid(input)


@op("F.mish_", grad="MishBackward0")
@widely
def mish(input: Array):
    """x · tanh(softplus(x)) (https://arxiv.org/abs/1908.08681)."""
    need_floating(input, "mish_cpu")
    return input * jnp.tanh(jax.nn.softplus(input))


@op("F.softplus", grad="SoftplusBackward0")
@widely
def softplus(input: Array, beta: float = 1.0, threshold: float = 20.0):
    """log(1 + exp(beta · x)) / beta; x itself where beta · x is above the threshold."""
    need_floating(input, "softplus_cpu")
    above = input * beta > threshold
    return jnp.where(above, input, jnp.log1p(jnp.exp(jnp.where(above, 0, input) * beta)) / beta)


def _clip(x, low, high):
    """x between the borders; unlike clamp, with gradient 0 on the borders themselves."""
    x, low, high = inert(x), jnp.asarray(low, x.dtype), jnp.asarray(high, x.dtype)
    return jnp.where(x <= low, low, jnp.where(x >= high, high, x))


@op("F.hardtanh_", grad="HardtanhBackward0")
def hardtanh(input: Array, min_val: float = -1.0, max_val: float = 1.0):
    """x between min_val and max_val; the gradient on the borders is 0."""
    check(min_val <= max_val, "min_val cannot be greater than max_val", ValueError)
    check(input.dtype != bool, "Bool inputs not supported for hardtanh")
    return _clip(input, min_val, max_val)


@op("torch.relu6", "F.relu6_", grad="HardtanhBackward0")
def relu6(input: Array):
    """x between 0 and 6; the gradient on the borders is 0."""
    return _clip(input, 0, 6)


@op("F.hardsigmoid_", grad="HardsigmoidBackward0")
@widely
def hardsigmoid(input: Array):
    """x / 6 + 1/2 between 0 and 1: a sigmoid in three straight pieces."""
    need_floating(input, "hardsigmoid_cpu")
    return _clip(input + 3, 0, 6) / 6


@op("F.hardswish_", grad="HardswishBackward0")
@widely
def hardswish(input: Array):
    """x · hardsigmoid(x) (https://arxiv.org/abs/1905.02244)."""
    need_floating(input, "hardswish_cpu")
    return jnp.where(input <= -3, lax.stop_gradient(input * 0), jnp.where(input < 3, input * (input + 3) / 6, input))


@op("*.hardshrink", "F.hardshrink", grad="HardshrinkBackward0")
def hardshrink(input: Array, lambd: float = 0.5):
    """0 where |x| ≤ lambd, else x."""
    need_floating(input, "hardshrink_cpu")
    return jnp.where((input >= -lambd) & (input <= lambd), 0, inert(input))


@op("F.softshrink", grad="SoftshrinkBackward0")
def softshrink(input: Array, lambd: float = 0.5):
    """x moved by lambd towards 0, and 0 where |x| ≤ lambd."""
    need_floating(input, "softshrink_cpu")
    check(lambd >= 0, f"lambda must be greater or equal to 0, but found to be {lambd:g}.")
    inside = jnp.where(input == input, lax.stop_gradient(input * 0), input)  # a zero of its sign, without a gradient
    return jnp.where(input > lambd, input - lambd, jnp.where(input < -lambd, input + lambd, inside))


@op("F.tanhshrink", grad="SubBackward0")
def tanhshrink(input: Array):
    """x - tanh(x)."""
    (input,) = promote_float(input)
    return input - jnp.tanh(input)


@op("F.softsign", grad="DivBackward0")
def softsign(input: Array):
    """x / (1 + |x|)."""
    check(input.dtype != bool, '"abs_cpu" not implemented for \'Bool\'', NotImplementedError)
    top, bottom = elementwise(input, 1 + magnitude(input), floating=True)  # the sum of integers may run over
    return top / bottom


@op("F.logsigmoid", grad="LogSigmoidBackward0")
@widely
def logsigmoid(input: Array):
    """log(sigmoid(x)), without overflow."""
    need_floating(input, "log_sigmoid_cpu")
    return jax.nn.log_sigmoid(input)


@op("torch.threshold", "torch.threshold_", "F.threshold_", grad="ThresholdBackward0")
def threshold(input: Array, threshold: float, value: float):
    """x where it is above the threshold, else `value`."""
    return jnp.where(input <= threshold, jnp.asarray(value, input.dtype), input)


@op("*.prelu", "F.prelu", grad="PreluKernelBackward0")
def prelu(input: Array, weight: Array):
    """x where positive, else weight · x, with one weight or one per channel (dimension 1)."""
    check(input.dtype == weight.dtype, "prelu: Type promoting not supported.")
    check(weight.ndim <= 1, f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}")
    if weight.size != 1:
        check(input.ndim > 0, "Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        check(
            weight.size == channels,
            f"Mismatch of parameter numbers and input channel size. Found parameter numbers = {weight.size} and "
            f"channel size = {channels}.",
        )
        weight = weight.reshape((1, -1) + (1,) * (input.ndim - 2))
    else:
        weight = weight.reshape(())
    return jnp.where(input > 0, input, weight * input)


@op(grad="RreluWithNoiseBackward0")
def rrelu(input: Array, slope: Array):
    """x where positive, else slope · x, with a random slope for every element."""
    return jnp.where(input > 0, input, (slope * input).astype(input.dtype))


@op("F.glu", grad="GluBackward0")
def glu(input: Array, dim: int = -1):
    """The first half along `dim` times the sigmoid of the second (https://arxiv.org/abs/1612.08083)."""
    check(input.ndim > 0, "glu does not support 0-dimensional tensors")
    check(
        -input.ndim <= dim < input.ndim,
        f"Dimension out of range (expected to be in range of [{-input.ndim}, {input.ndim - 1}], but got {dim})",
        IndexError,
    )
    at = dim % input.ndim
    check(
        input.shape[at] % 2 == 0, f"Halving dimension must be even, but dimension {at} is size {input.shape[at]}"
    )
    need_floating(input, "glu_cpu")
    a, b = jnp.split(input, 2, at)
    return a * jax.nn.sigmoid(b)
