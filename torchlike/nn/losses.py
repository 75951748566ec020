"""The losses of torch.nn.functional: what they decide before an operation of `ops/loss.py` is recorded."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from torchlike.core import variable
from torchlike.facade import call as _call
from torchlike.nn.bags import known_values
from torchlike.ops import loss as _loss
from torchlike.ops import loss_pairs as _pairs
from torchlike.ops.checks import check
from torchlike.tensor import Tensor

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "cosine_embedding_loss", "cross_entropy",
    "gaussian_nll_loss", "hinge_embedding_loss", "huber_loss", "kl_div", "l1_loss", "margin_ranking_loss", "mse_loss",
    "multilabel_soft_margin_loss", "nll_loss", "poisson_nll_loss", "smooth_l1_loss", "soft_margin_loss",
    "triplet_margin_loss",
]  # fmt: skip


def _reduction(
    reduction: str, size_average: bool | None = None, reduce: bool | None = None,
    words: str = "{} is not a valid value for reduction",
) -> str:  # fmt: skip
    """The reduction, checked; the two flags that came before it are translated, with PyTorch's warning."""
    if size_average is not None or reduce is not None:
        size_average = True if size_average is None else size_average
        reduction = "none" if reduce is False else "mean" if size_average else "sum"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
            stacklevel=3,
        )
    check(reduction in ("none", "mean", "sum"), words.format(reduction), ValueError)
    return reduction


def _check_targets(target: Tensor, n_classes: int, ignore_index: int) -> None:
    """PyTorch's IndexError for a class that does not exist, if the values are there: a pending target is not waited for
    (there the loss becomes NaN)."""
    value = target._read()
    if value.array is None or value.aval.traced or not target.is_cpu or value.aval.dtype.kind not in "iu":
        return
    host = np.asarray(value.array)
    # one quick look is enough nearly always: without its sign a negative number is a great one
    if not host.size or host.view(f"u{host.itemsize}").max() < n_classes:
        return
    wrong = (host != ignore_index) & ((host < 0) | (host >= n_classes))
    if wrong.any():
        raise IndexError(f"Target {host[wrong][0]} is out of bounds.")


_nll, _nll_nd = _call(_loss.nll_loss.op), _call(_loss.nll_loss_nd.op)
_smoothed, _probability = _call(_loss.smoothed_nll_loss.op), _call(_loss.probability_loss.op)


_probability_op = _loss.probability_loss.op


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-likelihood: -weight[target] · input[target] of log-probabilities (N, C, *) at classes (N, *).

    The mean is over the weights of the targets, and leaves out those equal to `ignore_index`. A class that does not
    exist raises IndexError if `target` holds its values already; while they are pending, the loss becomes NaN instead.
    """
    reduction = _reduction(reduction, size_average, reduce)
    ndim = input.dim()
    check(ndim > 0, "Expected 1 or more dimensions (got 0)", ValueError)
    loss = (_nll if ndim <= 2 else _nll_nd)(input, target, weight, ignore_index, reduction)
    _check_targets(target, input.size(min(ndim - 1, 1)), ignore_index)
    return loss


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross entropy of softmax(input) (N, C, *) and targets: classes (N, *), or probabilities (N, C, *).

    See `nll_loss` for weight, ignore_index and classes out of range.
    """
    reduction = _reduction(reduction, size_average, reduce)
    if not isinstance(target, Tensor):
        raise TypeError(
            "cross_entropy_loss(): argument 'target' (position 2) must be Tensor, not " + type(target).__name__
        )
    check(
        0.0 <= label_smoothing <= 1.0, f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}"
    )
    axis = 0 if input.dim() <= 1 else 1
    if variable.casting is not None:  # autocast lists the whole, not its parts
        (input,) = variable.casting(_probability_op, [input])
    if target.shape == input.shape:
        check(
            target.is_floating_point(),
            f"Expected floating point type for target with class probabilities, got {target.dtype._scalar_name}",
        )
        check(ignore_index < 0, "ignore_index is not supported for floating point target")
        return _probability(input.log_softmax(axis), target, weight, reduction, label_smoothing)
    likelihoods = input.log_softmax(axis)
    if label_smoothing == 0.0:
        return nll_loss(likelihoods, target, weight, None, ignore_index, None, reduction)
    loss = _smoothed(likelihoods, target, weight, ignore_index, reduction, label_smoothing)
    _check_targets(target, input.size(axis), ignore_index)
    return loss


def _same_size(input: Tensor, target: Tensor) -> None:
    if target.size() != input.size():
        warnings.warn(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). This will "
            "likely lead to incorrect results due to broadcasting. Please ensure they have the same size.",
            stacklevel=3,
        )


def _expanded(weight: Tensor | None, input: Tensor, target: Tensor) -> Tensor | None:
    if weight is not None and weight.size() != input.size():
        raise ValueError("Weights and input must have the same size.")
    return weight


_mse, _l1, _smooth_l1, _huber = (
    _call(f.op) for f in (_pairs.mse_loss, _pairs.l1_loss, _pairs.smooth_l1_loss, _pairs.huber_loss)
)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The squared error, (input - target)². With a weight, the mean is over the weights."""
    _same_size(input, target)
    return _mse(input, target, _reduction(reduction, size_average, reduce), _expanded(weight, input, target))


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """The absolute error, |input - target|. With a weight, the mean is over the weights."""
    _same_size(input, target)
    return _l1(input, target, _reduction(reduction, size_average, reduce), _expanded(weight, input, target))


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Squared error / (2 · beta) where the absolute error is below `beta`, else absolute error - beta / 2."""
    _same_size(input, target)
    return _smooth_l1(input, target, _reduction(reduction, size_average, reduce), beta)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
) -> Tensor:
    """Half the squared error where the absolute error is at most `delta`, else delta · (absolute error - delta / 2)."""
    _same_size(input, target)
    return _huber(input, target, _reduction(reduction), delta, _expanded(weight, input, target))


_bce, _bce_logits = _call(_pairs.binary_cross_entropy.op), _call(_pairs.binary_cross_entropy_with_logits.op)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The binary cross entropy of probabilities `input` and targets between 0 and 1.

    RuntimeError for an element outside [0, 1]; where the values are still pending they are not waited for, and an input
    outside gives NaN.
    """
    reduction = _reduction(reduction, size_average, reduce)
    check(
        target.size() == input.size(),
        f"Using a target size ({target.size()}) that is different to the input size ({input.size()}) is deprecated. "
        "Please ensure they have the same size.",
        ValueError,
    )
    loss = _bce(input, target, weight, reduction)
    for name, x in (("input", input), ("target", target)):
        known = known_values(x)
        check(
            known is None or bool(((known >= 0) & (known <= 1)).all()),
            f"all elements of {name} should be between 0 and 1",
        )
    return loss


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """The binary cross entropy of sigmoid(input), computed without overflow; `pos_weight` weighs positive targets."""
    reduction = _reduction(reduction, size_average, reduce)
    check(
        target.size() == input.size(),
        f"Target size ({target.size()}) must be the same as input size ({input.size()})",
        ValueError,
    )
    return _bce_logits(input, target, weight, pos_weight, reduction)


_kl = _call(_pairs.kl_div.op)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """The Kullback-Leibler divergence, target · (log(target) - input), `input` being log-probabilities.

    `reduction="batchmean"` (sum / batch size) is the mathematical one; "mean" divides by all elements.
    """
    if size_average is not None or reduce is not None or reduction != "batchmean":
        reduction = _reduction(reduction, size_average, reduce)
        if reduction == "mean":
            warnings.warn(
                "reduction: 'mean' divides the total loss by both the batch size and the support size."
                "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
                "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
                stacklevel=2,
            )
    return _kl(input, target, reduction, log_target)


_poisson, _gaussian = _call(_pairs.poisson_nll_loss.op), _call(_pairs.gaussian_nll_loss.op)


def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The negative log-likelihood of counts `target` under a Poisson distribution."""
    return _poisson(input, target, log_input, full, eps, _reduction(reduction, size_average, reduce))


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor | float, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Tensor:
    """The negative log-likelihood of `target` under a normal distribution of mean `input` and variance `var`.

    `var` has the shape of `input`, or 1 at one of its dimensions, or lacks the last one. ValueError if an element is
    negative; where `var` is still pending it is not waited for, and raised to eps instead.
    """
    if not isinstance(var, Tensor):
        check(var >= 0, "var has negative entry/entries", ValueError)
        var = input.new_full(input.shape, var)
    else:
        known = known_values(var)
        check(known is None or not (known < 0).any(), "var has negative entry/entries", ValueError)
        if var.size() != input.size():
            if input.shape[:-1] == var.shape:
                var = var.unsqueeze(-1)
            else:
                differ = [m for n, m in zip(input.shape, var.shape, strict=False) if n != m]
                check(var.dim() == input.dim() and sum(differ) == 1, "var is of incorrect size", ValueError)
    return _gaussian(input, target, var, full, eps, _reduction(reduction, words="{} is not valid"))


def _margin_loss(body: Any, words: str = "{} is not a valid value for reduction") -> Callable:
    """An operation with PyTorch's parameters size_average and reduce before its last one, `reduction`."""
    plain, parameters = _call(body.op), body.op.parameters
    names = [p.name for p in parameters[:-1]]

    def fn(*args, size_average=None, reduce=None, reduction="mean", **kwargs):
        old = args[len(names) :]
        if old:
            rest = (size_average, reduce, reduction)[len(old) :]
            size_average, reduce, reduction = old + rest
        reduction = _reduction(reduction, size_average, reduce, words)
        return plain(*args[: len(names)], **kwargs, reduction=reduction)

    fn.__name__ = fn.__qualname__ = body.op.name
    fn.__doc__ = body.__doc__
    return fn


hinge_embedding_loss = _margin_loss(_pairs.hinge_embedding_loss)
margin_ranking_loss = _margin_loss(_pairs.margin_ranking_loss)
soft_margin_loss = _margin_loss(_pairs.soft_margin_loss)
multilabel_soft_margin_loss = _margin_loss(_pairs.multilabel_soft_margin_loss, "{} is not valid")
cosine_embedding_loss = _margin_loss(_pairs.cosine_embedding_loss)
triplet_margin_loss = _margin_loss(_pairs.triplet_margin_loss)
