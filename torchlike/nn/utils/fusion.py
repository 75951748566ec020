"""A layer and the batch normalisation behind it as one layer, for evaluation."""

from __future__ import annotations

import copy
from typing import Any

from torchlike.nn.parameter import Parameter
from torchlike.tensor import Tensor


def _scale(bn_rv: Any, bn_eps: float, bn_w: Any, like: Any) -> Any:
    factor = (bn_rv + bn_eps).rsqrt()
    return (factor if bn_w is None else factor * bn_w).to(like.dtype)


def _bias(bias: Any, bn_rm: Any, scale: Any, bn_b: Any) -> Any:
    moved = (bn_rm.new_zeros(bn_rm.shape) if bias is None else bias) - bn_rm
    return moved * scale if bn_b is None else moved * scale + bn_b


def _parameters(weight: Any, bias: Any, old: Any) -> tuple[Parameter, Parameter]:
    return Parameter(weight, old.requires_grad), Parameter(bias.to(old.dtype), old.requires_grad)


def fuse_conv_bn_weights(
    conv_w: Tensor, conv_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor | None,
    bn_b: Tensor | None, transpose: bool = False,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """(weight, bias) of a convolution that does what this one and the normalisation (rm, rv: mean, variance) do."""
    scale = _scale(bn_rv, bn_eps, bn_w, conv_w)
    shape = [1] * conv_w.dim()
    shape[1 if transpose else 0] = -1
    return _parameters(conv_w * scale.reshape(shape), _bias(conv_b, bn_rm, scale, bn_b), conv_w)


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float, bn_w: Tensor, bn_b: Tensor
) -> tuple[Parameter, Parameter]:
    """(weight, bias) of a linear layer that does what this one and the normalisation do."""
    scale = _scale(bn_rv, bn_eps, bn_w, linear_w)
    return _parameters(linear_w * scale.unsqueeze(-1), _bias(linear_b, bn_rm, scale, bn_b), linear_w)


def _both_evaluated(layer: Any, bn: Any) -> Any:
    if layer.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    return copy.deepcopy(layer)


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A copy of the convolution that does the normalisation's work too; both must be in evaluation mode."""
    fused = _both_evaluated(conv, bn)
    fused.weight, fused.bias = fuse_conv_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, transpose
    )
    return fused


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A copy of the linear layer that does the normalisation's work too; both must be in evaluation mode."""
    fused = _both_evaluated(linear, bn)
    if linear.out_features != bn.num_features and bn.num_features != 1:
        raise AssertionError("To fuse, linear.out_features == bn.num_features or bn.num_features == 1")
    fused.weight, fused.bias = fuse_linear_bn_weights(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused
