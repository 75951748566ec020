"""Losses between an input and a target of the same shape."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import xlogy

from torchlike.core.dtype import category
from torchlike.core.op import Array, op
from torchlike.ops.arithmetic import clamp_min
from torchlike.ops.checks import check, listed, need_floating, word
from torchlike.ops.dims import broadcast_shape
from torchlike.ops.loss import reduce
from torchlike.ops.pointwise import magnitude
from torchlike.ops.promotion import elementwise, promote, promote_float, result_type, widely
from torchlike.ops.reduction import extreme_or_nan


def _pair(input, target):
    """Both in their common dtype and shape, with PyTorch's error where the shapes do not broadcast.

    They are broadcast first, so that the dtype of a 0-dim one counts in full.
    """
    if input.shape != target.shape:
        a, b = input.shape, target.shape
        for i in range(1, min(len(a), len(b)) + 1):
            check(
                a[-i] == b[-i] or 1 in (a[-i], b[-i]),
                f"The size of tensor a ({a[-i]}) must match the size of tensor b ({b[-i]}) at non-singleton dimension "
                f"{max(len(a), len(b)) - i}",
            )
        input, target = jnp.broadcast_arrays(input, target)
    return promote(input, target)


def _reduced(unreduced: str, at: int = -1):
    """The name of the node: that of the reduction, which comes last, or of the step before it."""
    names = {"mean": "MeanBackward0", "sum": "SumBackward0"}
    return lambda template, avals: names.get(template[at], unreduced)


def _abs(x):
    """|x| with gradient 0 at 0, where JAX's has 1."""
    if jnp.iscomplexobj(x):
        zero = x == 0
        return jnp.where(zero, 0, jnp.abs(jnp.where(zero, 1, x)))
    return magnitude(x)


def _gap(a, b):
    """|a - b|, whose gradient is not a number where it is none."""
    return (a - b) * jnp.sign(a - b)


@op(grad="MseLossBackward0")
def mse_loss(input: Array, target: Array, reduction: str = "mean", weight: Array | None = None):
    """(input - target)²."""
    input, target = _pair(input, target)
    need_floating(input, "mse_cpu")
    return _weighted(jnp.square(input - target), weight, reduction)


def _weighted(loss, weight, reduction: str):
    """With a weight, the mean is over the weights."""
    if weight is None:
        return reduce(loss, reduction)
    loss = loss * weight
    return loss.sum() / weight.sum() if reduction == "mean" else reduce(loss, reduction)


@op(grad=_reduced("AbsBackward0", 2))
def l1_loss(input: Array, target: Array, reduction: str = "mean", weight: Array | None = None):
    """|input - target|; its gradient is 0 where they are equal."""
    input, target = _pair(input, target)
    check(
        reduction != "mean" or jnp.issubdtype(input.dtype, jnp.inexact),
        "mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: "
        f"{word(input)}",
    )
    return _weighted(_abs(input - target), weight, reduction)


@op(grad="SmoothL1LossBackward0")
def smooth_l1_loss(input: Array, target: Array, reduction: str = "mean", beta: float = 1.0):
    """d² / (2 · beta) where d = |input - target| < beta, else d - beta / 2; |input - target| if beta is 0."""
    check(beta >= 0, "smooth_l1_loss does not support negative values for beta.")
    input, target = _pair(input, target)
    d = _gap(input, target)
    if beta == 0:
        return reduce(d, reduction)
    need_floating(input, "smooth_l1_cpu")
    c = jnp.where(d < beta, d, beta).astype(d.dtype)  # one product for both cases: inf has a gradient then
    return reduce(c * (d - 0.5 * c) / beta, reduction)


@op(grad="HuberLossBackward0")
def huber_loss(input: Array, target: Array, reduction: str = "mean", delta: float = 1.0, weight: Array | None = None):
    """d² / 2 where d = |input - target| ≤ delta, else delta · (d - delta / 2)."""
    check(delta > 0, "huber_loss does not support non-positive values for delta.")
    kind = input.dtype
    input, target = _pair(input, target)
    need_floating(input, "huber_cpu")
    d = _gap(input, target)
    c = jnp.where(d <= delta, d, delta).astype(d.dtype)
    loss = _weighted(c * (d - 0.5 * c), weight, reduction)
    return loss.astype(kind) if weight is None else loss


@jax.custom_jvp
def _bce(x, t):
    """The logarithms are cut off at -100, so that a loss is finite at x = 0 and 1."""
    return (t - 1) * jnp.maximum(jnp.log1p(-x), -100) - t * jnp.maximum(jnp.log(x), -100)


@_bce.defjvp
def _bce_jvp(primals, tangents):
    # PyTorch cuts off the denominator of the one derivative, and nothing in the other
    (x, t), (dx, dt) = primals, tangents
    towards_t = jnp.log1p(-x) - jnp.log(x)
    return _bce(x, t), dx * (x - t) / jnp.maximum((1 - x) * x, 1e-12) + dt * towards_t


@op(grad="BinaryCrossEntropyBackward0")
def binary_cross_entropy(input: Array, target: Array, weight: Array | None = None, reduction: str = "mean"):
    """-(target · log(input) + (1 - target) · log(1 - input)), the logarithms no smaller than -100."""
    check(input.dtype == target.dtype, f"Found dtype {word(target)} but expected {word(input)}")
    need_floating(input, "binary_cross_entropy")
    loss = _bce(input, target)
    return reduce(loss if weight is None else loss * weight, reduction)


@op(grad="BinaryCrossEntropyWithLogitsBackward0")
def binary_cross_entropy_with_logits(
    input: Array, target: Array, weight: Array | None = None, pos_weight: Array | None = None, reduction: str = "mean"
):
    """`binary_cross_entropy` of sigmoid(input), computed without overflow. `pos_weight` multiplies the first term."""
    d = result_type(input, target)
    check(
        target.dtype != bool,
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` "
        "operator instead.",
    )
    check(
        np.dtype(target.dtype).kind not in "iub" or np.dtype(d).kind in "iub",
        f"result type Float can't be cast to the desired output type {word(target)}",
    )
    kind = target.dtype
    input, target = promote(input, target)
    need_floating(input, "log_sigmoid_cpu")
    if pos_weight is not None:
        broadcast_shape(pos_weight.shape, target.shape)
    factor = 1 if pos_weight is None else (pos_weight - 1) * target + 1
    loss = ((1 - target) * input - factor * jax.nn.log_sigmoid(input)).astype(kind)
    return reduce(loss if weight is None else loss * weight, reduction)


@op(grad=_reduced("SubBackward0", 2))
def kl_div(input: Array, target: Array, reduction: str = "mean", log_target: bool = False):
    """target · (log(target) - input), the target given as logarithm if `log_target`; `input` is a logarithm."""
    for x in (input, target):
        check(jnp.issubdtype(x.dtype, jnp.inexact), "kl_div: Integral inputs not supported.")
    target, input = _pair(*promote(target, input))  # here a 0-dim one counts less
    loss = jnp.exp(target) * (target - input) if log_target else xlogy(target, target) - target * input
    if reduction == "batchmean":
        return loss.sum() / input.shape[0] if input.ndim else loss.sum()
    return reduce(loss, reduction)


@op(grad=_reduced("SubBackward0"))
def poisson_nll_loss(
    input: Array, target: Array, log_input: bool, full: bool, eps: float, reduction: str
):  # fmt: skip
    """exp(input) - target · input (input a logarithm) or input - target · log(input + eps); with `full`, Stirling's
    approximation of log(target!) is added where target > 1."""
    target, input = _pair(*promote(target, input))
    floating, aim = promote_float(input, target)
    loss = jnp.exp(floating) - target * input if log_input else input - target * jnp.log(floating + eps)
    if full:
        big = target > 1
        t = jnp.where(big, aim, 1)
        loss = loss + jnp.where(big, t * jnp.log(t) - t + 0.5 * jnp.log(2 * math.pi * t), 0)
    return reduce(loss, reduction)


@op(grad=_reduced("MulBackward0"))
def gaussian_nll_loss(input: Array, target: Array, var: Array, full: bool, eps: float, reduction: str):
    """(log(var) + (input - target)² / var) / 2, `var` at least eps; with `full`, log(2π) / 2 is added."""
    input, target = elementwise(input, target)
    var = var + jax.lax.stop_gradient(jnp.maximum(var, eps) - var)
    loss = 0.5 * (jnp.log(var) + jnp.square(input - target) / var)
    return reduce(loss + 0.5 * math.log(2 * math.pi) if full else loss, reduction)


@op(grad=_reduced("AddBackward0"))
def hinge_embedding_loss(input: Array, target: Array, margin: float = 1.0, reduction: str = "mean"):
    """input where target is 1, max(0, margin - input) where it is -1."""
    target, input = _pair(*promote(target, input))
    hinge = margin - input
    loss = jnp.where(target != 1, clamp_min(hinge, 0), 0) + jnp.where(target != -1, input, 0)
    return reduce(loss, reduction)


@op(grad=_reduced("ClampMinBackward0"))
def margin_ranking_loss(input1: Array, input2: Array, target: Array, margin: float = 0.0, reduction: str = "mean"):
    """max(0, -target · (input1 - input2) + margin): target 1 wants the first ranked higher, -1 the second."""
    check(
        target.ndim == input1.ndim == input2.ndim,
        "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: "
        f"torch.Size({listed(input1)}), input2: torch.Size({listed(input2)}), target: torch.Size({listed(target)}) ",
    )
    input1, input2 = elementwise(input1, input2)
    hinge = promote_float(-target * (input1 - input2))[0] + margin
    return reduce(clamp_min(hinge, 0), reduction)


@op(grad="SoftMarginLossBackward0")
def soft_margin_loss(input: Array, target: Array, reduction: str = "mean"):
    """log(1 + exp(-target · input)) for targets 1 and -1."""
    check(
        target.dtype != bool,
        "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the "
        "`~` or `logical_not()` operator instead.",
    )
    input, target = _pair(*promote(input, target))
    return reduce(jnp.log1p(jnp.exp(-target * input)), reduction)


@op(grad=_reduced("DivBackward0"))
def multilabel_soft_margin_loss(input: Array, target: Array, weight: Array | None = None, reduction: str = "mean"):
    """The mean over classes of the binary cross entropy with logits, for targets 0 and 1."""
    loss = -(target * jax.nn.log_sigmoid(input) + (1 - target) * jax.nn.log_sigmoid(-input))
    return reduce((loss if weight is None else loss * weight).mean(-1), reduction)


def _distance(x1, x2, p: float, eps: float, keepdim: bool = False):
    """The p-norm of x1 - x2 + eps over the last dimension; its gradient at 0 is 0. Integers are subtracted as such."""
    (gap,) = promote_float(jnp.subtract(*elementwise(x1, x2)))
    d = _abs(gap + eps)
    if p == 1:
        return d.sum(-1, keepdims=keepdim)
    if p == math.inf:
        return extreme_or_nan(jnp.max, d, -1, keepdim)
    if p == 0:
        return (d != 0).astype(d.dtype).sum(-1, keepdims=keepdim)
    total = (d**p if p != 2 else d * d).sum(-1, keepdims=keepdim)
    some = total != 0
    return jnp.where(some, jnp.where(some, total, 1) ** (1 / p), 0)


@op("torch.pairwise_distance", "F.pairwise_distance", grad="NormBackward1")
def pairwise_distance(x1: Array, x2: Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False):
    """The p-norm of x1 - x2 + eps over the last dimension."""
    return _distance(x1, x2, p, eps, keepdim)


def _cosine(x1, x2, dim: int, eps: float):
    x1, x2 = (x.reshape(1) if x.ndim == 0 else x for x in (x1, x2))
    common = promote(x1, x2)
    check(category(common[0].dtype) == 2, f"expected common dtype to be floating point, yet common dtype is "
          f"{word(common[0])}")  # fmt: skip
    broadcast_shape(x1.shape, x2.shape)
    # only integers take the common dtype before they are divided by their norms
    x1, x2 = (x if category(x.dtype) == 2 else c for x, c in zip((x1, x2), common, strict=True))
    units = [x / _norm_at_least(x, eps, dim) for x in jnp.broadcast_arrays(x1, x2)]
    return jnp.multiply(*promote(*units)).sum(dim)


@widely
def _norm_at_least(x, eps: float, dim: int):
    """The norm, or eps where it is smaller; there no gradient goes through it."""
    squares = (x * x).sum(dim, keepdims=True)
    return jnp.sqrt(jnp.where(squares > eps * eps, squares, eps * eps))


@op("torch.cosine_similarity", "F.cosine_similarity", grad="SumBackward1")
def cosine_similarity(x1: Array, x2: Array, dim: int = 1, eps: float = 1e-8):
    """x1 · x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)) along `dim`."""
    return _cosine(x1, x2, dim, eps)


@op(grad=_reduced("AddBackward0"))
def cosine_embedding_loss(input1: Array, input2: Array, target: Array, margin: float = 0.0, reduction: str = "mean"):
    """1 - cos(input1, input2) where target is 1, max(0, cos - margin) where it is -1."""
    check(target.ndim <= 1, "0D or 1D target tensor expected, multi-target not supported")
    check(
        target.ndim + 1 == input1.ndim,
        f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found inputs with sizes "
        f"{list(input1.shape)} and {list(input2.shape)}.",
    )
    shape = broadcast_shape(input1.shape, input2.shape)
    broadcast_shape(target.shape, shape[:-1])
    input1, input2 = elementwise(input1, input2, floating=True)
    dots = [(a * b).sum(-1) for a, b in ((input1, input2), (input1, input1), (input2, input2))]
    cos = dots[0] / jnp.sqrt((dots[1] + 1e-12) * (dots[2] + 1e-12))
    hinge = cos - margin
    loss = jnp.where(target == 1, 1 - cos, 0) + jnp.where(target == -1, clamp_min(hinge, 0), 0)
    return reduce(loss, reduction)


@op(grad=_reduced("ClampMinBackward0"))
def triplet_margin_loss(
    anchor: Array, positive: Array, negative: Array, margin: float = 1.0, p: float = 2.0, eps: float = 1e-6,
    swap: bool = False, reduction: str = "mean",
):  # fmt: skip
    """max(0, d(anchor, positive) - d(anchor, negative) + margin), d the p-norm distance; with `swap` the smaller of the
    distances of the negative to the anchor and to the positive counts."""
    check(margin > 0, f"margin must be greater than 0, got {margin}", ValueError)
    check(
        anchor.ndim == positive.ndim == negative.ndim,
        "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
        f"anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs",
    )
    broadcast_shape(anchor.shape, positive.shape)
    broadcast_shape(anchor.shape, negative.shape)
    near, far = _distance(anchor, positive, p, eps), _distance(anchor, negative, p, eps)
    if swap:
        far = jnp.minimum(far, _distance(positive, negative, p, eps))
    hinge = margin + near - far
    return reduce(clamp_min(hinge, 0), reduction)
