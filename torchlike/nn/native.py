"""What torch itself offers of nn.functional, with the parameters that it has there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from torchlike import creation
from torchlike.core.graph import no_grad
from torchlike.core.op import composite
from torchlike.drawing import draw
from torchlike.facade import call as _call
from torchlike.facade import write_out
from torchlike.nn import bags, label_losses, layers, losses, pools
from torchlike.nn import recurrent as _recurrent  # noqa: F401  files torch.lstm and its kind
from torchlike.ops import convolution as _convolution
from torchlike.ops import dropout as _dropout_ops
from torchlike.ops import embedding_bag as _bag_ops
from torchlike.ops import native_norms as _norms
from torchlike.ops.checks import check

# --- dropout ----------------------------------------------------------------------------------------------------------


def _dropouts(name: str, drop: Callable) -> None:
    def fn(input, p, train):
        return drop(input, p, train, False)

    def in_place(input, p, train):
        return drop(input, p, train, True)

    for made, full in ((fn, name), (in_place, name + "_")):
        made.__name__ = made.__qualname__ = full
        made.__doc__ = f"`nn.functional.{name}`{' in place' if made is in_place else ''}; `train` says whether at all."
        composite(f"torch.{full}")(made)


_dropouts("dropout", layers.dropout)
_dropouts("alpha_dropout", layers.alpha_dropout)
_dropouts("feature_alpha_dropout", layers.feature_alpha_dropout)
_dropouts("feature_dropout", lambda x, p, train, inplace: layers._drop(x, p, train, inplace, features=True))

_dropout = _call(_dropout_ops.dropout.op)


@composite("torch.native_dropout")
def native_dropout(input, p, train):
    """(dropout, its mask)."""
    if train is False or p == 0 or input.numel() == 0:
        return input.clone(), input.new_ones(input.shape, dtype=_bool())
    shape = tuple(input.shape)
    mask = draw("bernoulli", shape, 1 - p, dtype=np.bool_, device=input.device, strides=creation.strides_like(input))
    return _dropout(input, mask, p), mask


def _bool():
    from torchlike.core import dtype

    return dtype.bool


# --- normalisation ----------------------------------------------------------------------------------------------------

_native_batch = _call(_norms.native_batch_norm.op)


def _statistics_written(outcome, running_mean, running_var) -> tuple:
    out, mean, scale, *new = outcome
    with no_grad():
        for running, value in zip([r for r in (running_mean, running_var) if r is not None], new, strict=False):
            running._assign(value)
    return out, mean, scale


@composite("torch.native_batch_norm")
def native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, *, out=None):
    """(batch_norm, mean, 1 / sqrt(variance + eps)); while training the running statistics are updated in place."""
    outcome = _native_batch(input, weight, bias, running_mean, running_var, training, momentum, eps)
    result = _statistics_written(outcome, running_mean, running_var)
    return result if out is None else write_out("native_batch_norm", result, out)


@composite("torch._native_batch_norm_legit")
def _native_batch_norm_legit(input, weight, bias, *rest):
    """`native_batch_norm`, the running statistics present or left out: (..., training, momentum, eps)."""
    statistics, options = (rest[:2], rest[2:]) if len(rest) == 5 else ((None, None), rest)
    return native_batch_norm(input, weight, bias, *statistics, *options)


@composite("torch.batch_norm")
def batch_norm(
    input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled=False
):
    """`nn.functional.batch_norm` with the parameters in torch's order."""
    return layers._with_statistics(
        layers._batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps),
        running_mean,
        running_var,
    )


@composite("torch.instance_norm")
def instance_norm(
    input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled=False
):
    """`nn.functional.instance_norm` with the parameters in torch's order."""
    return layers.instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


# --- pooling, embeddings, convolution ---------------------------------------------------------------------------------


def _pooling(name: str, pool: Callable) -> None:
    def fn(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False):
        return pool(input, kernel_size, stride or None, padding, dilation, ceil_mode)

    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = f"`nn.functional.{name}`."
    composite(f"torch.{name}")(fn)


for _name in ("max_pool1d", "max_pool2d", "max_pool3d", "max_pool1d_with_indices"):
    _pooling(_name, getattr(pools, _name))


@composite("torch.adaptive_max_pool1d")
def adaptive_max_pool1d(input, output_size):
    """(largest values, their places) of `output_size` windows that cover `input` (N, C, L)."""
    return pools.adaptive_max_pool1d_with_indices(input, output_size)


_bag = _call(_bag_ops.embedding_bag.op)


@composite("torch.embedding_bag")
def embedding_bag(
    weight, indices, offsets, scale_grad_by_freq=False, mode=0, sparse=False, per_sample_weights=None,
    include_last_offset=False, padding_idx=None,
):  # fmt: skip
    """(bags, the bag of every index, the size of every bag, the place of every maximum).

    `mode` is 0 for sums, 1 for means, 2 for maxima.
    """
    bags._not_sparse("embedding_bag", sparse)
    return _bag(
        weight, indices, offsets, per_sample_weights, scale_grad_by_freq, mode, include_last_offset, padding_idx
    )


_conv1d = _call(_convolution.conv1d.op)


@composite("torch.conv_tbc", "F.conv_tbc")
def conv_tbc(input, weight, bias, pad=0):
    """A convolution of (time, batch, channels) with `weight` (k, C_in, C_out)."""
    check(input.dim() == 3, "Input must have 3 dims: time, batch, in_channel")
    check(weight.dim() == 3, "Weight tensor must have 3 dims: kernel_width, in_channels, out_channels.")
    check(bias.dim() == 1, "Bias must be 1-D")
    out = _conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, 1, pad)
    return out.permute(2, 0, 1)


# --- losses -----------------------------------------------------------------------------------------------------------

_REDUCTIONS = ("none", "mean", "sum")


def _loss(name: str, loss: Any, *parameters: str) -> None:
    """A loss with these parameters in this order, whose `reduction` is a number: 0 none, 1 mean, 2 sum."""

    def fn(*args, **kwargs):
        given = {**dict(zip(parameters, args, strict=False)), **kwargs}
        reduction = given.get("reduction", 1)
        given["reduction"] = reduction if isinstance(reduction, str) else _REDUCTIONS[reduction]
        return loss(**given)

    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = f"`nn.functional.{name}`, with `reduction` a number: 0 none, 1 mean, 2 sum."
    composite(f"torch.{name}")(fn)


for _row in (
    "cosine_embedding_loss input1 input2 target margin reduction",
    "hinge_embedding_loss input target margin reduction",
    "margin_ranking_loss input1 input2 target margin reduction",
    "triplet_margin_loss anchor positive negative margin p eps swap reduction",
    "kl_div input target reduction log_target",
    "poisson_nll_loss input target log_input full eps reduction",
    "binary_cross_entropy_with_logits input target weight pos_weight reduction",
):
    _name, *_parameters = _row.split()
    _loss(_name, getattr(losses, _name), *_parameters)
_loss("ctc_loss", label_losses.ctc_loss, "log_probs", "targets", "input_lengths", "target_lengths", "blank",
      "reduction", "zero_infinity")  # fmt: skip
