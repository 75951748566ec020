"""The layers of torch.nn.functional: what they decide before an operation is recorded.

The mode, a random draw, which running statistics to write, whether an index can be checked already.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from torchlike import creation
from torchlike.core import dtype as _dtype
from torchlike.core.graph import no_grad
from torchlike.drawing import draw
from torchlike.facade import assign, write_out
from torchlike.facade import call as _call
from torchlike.nn.bags import known_values
from torchlike.ops import dropout as _dropout_ops
from torchlike.ops import linear as _linear
from torchlike.ops import normalization as _normalization
from torchlike.ops import padding as _padding
from torchlike.ops.checks import check
from torchlike.tensor import Tensor

__all__ = [
    "alpha_dropout", "batch_norm", "dropout", "dropout1d", "dropout2d", "dropout3d",
    "feature_alpha_dropout", "instance_norm", "normalize", "one_hot", "pad",
]  # fmt: skip

def written(input: Tensor, result: Tensor) -> Tensor:
    """The input, after the result has been written into it."""
    input._check_writable()
    assign(input, result)
    return input


# --- dropout ----------------------------------------------------------------------------------------------------------

_dropout = _call(_dropout_ops.dropout.op)
_alpha_dropout = _call(_dropout_ops.alpha_dropout.op)


def _drop(input: Tensor, p: float, training: bool, inplace: bool, features: bool = False, alpha: bool = False):
    """Draw a mask (one number per element or per channel) as PyTorch's CPU generator draws it, and apply it."""
    check(0.0 <= p <= 1.0, f"dropout probability has to be between 0 and 1, but got {p}", ValueError)
    shape = tuple(input.shape)
    if p == 0 or not training or 0 in shape:
        return input
    strides = creation.strides_like(input)  # the mask lies in memory as the input does, and is drawn in that order
    if features:
        check(len(shape) >= 2, "Feature dropout requires at least 2 dimensions in the input")
        shape, strides = shape[:2] + (1,) * (len(shape) - 2), None
    if p == 1:
        result = input * 0.0
    else:
        mask = draw("bernoulli", shape, 1 - p, dtype=np.bool_, device=input.device, strides=strides)
        result = (_alpha_dropout if alpha else _dropout)(input, mask, p)
    return written(input, result) if inplace else result


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero every element with probability `p`, divide the others by 1 - p (https://arxiv.org/abs/1207.0580).

    On the CPU a seed drops the same elements as in PyTorch; on other devices see `torch.random.set_stream`.
    """
    return _drop(input, p, training, inplace)


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Dropout for SELU networks: keeps mean 0 and variance 1 (https://arxiv.org/abs/1706.02515)."""
    return _drop(input, p, training, inplace, alpha=True)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """`alpha_dropout` of whole channels."""
    return _drop(input, p, training, inplace, features=True, alpha=True)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of `input` (N, C, L) or (C, L) with probability `p`."""
    dims = input.dim()
    check(
        dims in (2, 3),
        f"dropout1d: Expected 2D or 3D input, but received a {dims}D input. Note that dropout1d exists to provide "
        "channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional batch dimension "
        "(i.e. 2D or 3D inputs).",
    )
    if dims == 3:
        return _drop(input, p, training, inplace, features=True)
    result = _drop(input.unsqueeze(0), p, training, inplace, features=True).squeeze(0)
    return input if inplace else result


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of `input` (N, C, H, W) with probability `p`."""
    dims = input.dim()
    if dims not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {dims}-D input to dropout2d, which is deprecated and will result in an error in a "
            "future release. To retain the behavior and silence this warning, please use dropout instead. Note that "
            "dropout2d exists to provide channel-wise dropout on inputs with 2 spatial dimensions, a channel "
            "dimension, and an optional batch dimension (i.e. 3D or 4D inputs).",
            stacklevel=2,
        )
    elif dims == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired "
            "- input is interpreted as shape (N, C, L), where C is the channel dim. This behavior will change in a "
            "future release to interpret the input as one without a batch dimension, i.e. shape (C, H, W). To maintain "
            "the 1D channel-wise dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    return _drop(input, p, training, inplace, features=True)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero whole channels of `input` (N, C, D, H, W) with probability `p`."""
    dims = input.dim()
    if dims not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {dims}-D input to dropout3d, which is deprecated and will result in an error in a "
            "future release. To retain the behavior and silence this warning, please use dropout instead. Note that "
            "dropout3d exists to provide channel-wise dropout on inputs with 3 spatial dimensions, a channel "
            "dimension, and an optional batch dimension (i.e. 4D or 5D inputs).",
            stacklevel=2,
        )
    if dims == 5:
        return _drop(input, p, training, inplace, features=True)
    result = _drop(input.unsqueeze(0), p, training, inplace, features=True).squeeze(0)
    return input if inplace else result


# --- normalisation ----------------------------------------------------------------------------------------------------

_batch_norm = _call(_normalization.batch_norm.op)
_instance_norm = _call(_normalization.instance_norm.op)


def _with_statistics(outcome, running_mean: Any, running_var: Any) -> Tensor:
    """Write the new running statistics, if there are any; nothing is read, so a training step stays one program."""
    if not isinstance(outcome, tuple):
        return outcome
    out, mean, var = outcome
    with no_grad():
        running_mean._assign(mean)
        running_var._assign(var)
    return out


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float | Tensor = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise every channel (dimension 1) over the batch (https://arxiv.org/abs/1502.03167).

    While training with the batch's own statistics, which also update `running_mean` and `running_var` in place; else
    with the running ones. `momentum` may be a 0-dim tensor.
    """
    if training:
        size = input.size()
        count = 1
        for n in (size[0], *size[2:]):
            count *= n
        check(count != 1, f"Expected more than 1 value per channel when training, got input size {size}", ValueError)
        check(eps > 0, f"batch_norm eps must be positive during training, but got {eps}", ValueError)
    outcome = _batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)
    return _with_statistics(outcome, running_mean, running_var)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float | Tensor = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise every channel of every sample by itself (https://arxiv.org/abs/1607.08022)."""
    n, channels = (*input.shape, 1, 1)[:2]
    for name, x in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)):
        if x is not None and x.shape[0] != channels:
            raise RuntimeError(f"{name} should contain {n * channels} elements not {n * x.shape[0]}")
    if not use_input_stats:
        check(
            running_mean is not None and running_var is not None,
            "Expected running_mean and running_var to be defined when use_input_stats is false",
        )
        return _batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    size = input.size()
    count = 1
    for n in size[2:]:
        count *= n
    check(
        count != 1, f"Expected more than 1 spatial element when training, got input size {size}", ValueError
    )
    outcome = _instance_norm(input, running_mean, running_var, weight, bias, momentum, eps)
    return _with_statistics(outcome, running_mean, running_var)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None) -> Tensor:
    """x / max(its p-norm along `dim`, eps)."""
    length = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    if out is None:
        return input / length
    return write_out("normalize", input / length, out)


# --- classes, padding -------------------------------------------------------------------------------------------------


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """int64 zeros (*, num_classes) with a one at each index of `tensor` (*).

    Without `num_classes` the largest index is read (a barrier). An index out of range raises if `tensor` holds its
    values already; if they are still pending its row is zero.
    """
    check(tensor.dtype is _dtype.int64, "one_hot is only applicable to index tensor of type LongTensor.")
    if tensor.numel() == 0:
        check(num_classes > 0, "Can not infer total number of classes from empty tensor.")
    if num_classes == -1 and tensor.numel():
        num_classes = max(int(tensor.detach()._host().max()) + 1, 0)
        known: np.ndarray | None = tensor.detach()._host()
    else:
        known = known_values(tensor)
    if known is not None and known.size:
        check(known.min() >= 0, "Class values must be non-negative.")
        check(known.max() < num_classes, "Class values must be smaller than num_classes.")
    return _one_hot(tensor, num_classes)


_one_hot = _call(_linear.one_hot.op)
_constant_pad = _call(_padding.constant_pad_nd.op)
_border_pads = {
    "reflect": _call(_padding.reflection_pad.op),
    "replicate": _call(_padding.replication_pad.op),
    "circular": _call(_padding.circular_pad.op),
}


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """Pad: `pad` has (before, after) for the last dimension, then for the one before it, and so on.

    `mode` is constant (any number of dimensions), reflect, replicate or circular (the last one, two or three dimensions
    of a tensor with channels, batch optional).
    """
    pad = tuple(pad)
    check(len(pad) % 2 == 0, "Padding length must be divisible by 2")
    check(
        len(pad) <= 2 * input.dim(),
        "Padding length should be less than or equal to two times the input dimension but got padding length "
        f"{len(pad)} and input of dimension {input.dim()}",
    )
    if mode == "constant":
        return _constant_pad(input, pad, 0 if value is None else value)
    check(mode in _border_pads, f"Unrecognised padding mode {mode}", NotImplementedError)
    check(not value, f'Padding mode "{mode}" doesn\'t take in value argument')
    return _border_pads[mode](input, pad)
