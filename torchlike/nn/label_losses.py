"""Losses of torch.nn.functional between scores and labels or sequences of labels, and triplets by any distance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchlike import creation
from torchlike.core import dtype as _dtype
from torchlike.facade import call as _call
from torchlike.nn.bags import known_values
from torchlike.nn.losses import _reduction
from torchlike.ops import ctc as _ctc_ops
from torchlike.ops import loss_margins as _margins
from torchlike.ops import loss_pairs as _pairs
from torchlike.ops.checks import check
from torchlike.tensor import Tensor

__all__ = ["ctc_loss", "multi_margin_loss", "multilabel_margin_loss", "triplet_margin_with_distance_loss"]

_multi_margin, _multilabel_margin = _call(_margins.multi_margin_loss.op), _call(_margins.multilabel_margin_loss.op)


def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ weight[y] · max(0, margin - x[y] + x[i])^p / C over the classes i other than the target y.

    `input` (N, C) or (C), `target` (N) or (); `p` is 1 or 2.
    """
    reduction = _reduction(reduction, size_average, reduce)
    check(p in (1, 2), "only p == 1 and p == 2 supported", ValueError)
    check(weight is None or weight.dim() == 1, "weight must be one-dimensional", ValueError)
    loss = _multi_margin(input, target, p, margin, weight, reduction)
    host, classes = known_values(target), input.shape[-1] if input.dim() else 1
    if host is not None:
        check(not host.size or host.min() >= 0 and host.max() < classes, "target out of range")
    return loss


def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ max(0, 1 - (x[y] - x[i])) / C over the target classes y and the others i.

    `input` and `target` (N, C) or (C); the targets of a sample end before its first -1.
    """
    loss = _multilabel_margin(input, target, _reduction(reduction, size_average, reduce))
    host, classes = known_values(target), input.shape[-1] if input.dim() else 1
    if host is not None:
        check(not host.size or host.min() >= -1 and host.max() < classes, "argument #2 'target' is out of range")
    return loss


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) for any distance d (Euclidean unless given).

    With `swap` the smaller of the distances of the negative to the anchor and to the positive counts.
    """
    check(reduction in ("mean", "sum", "none"), f"{reduction} is not a valid value for reduction", ValueError)
    check(margin > 0, f"margin must be greater than 0, got {margin}", ValueError)
    dims = [x.dim() for x in (anchor, positive, negative)]
    check(
        dims[0] == dims[1] == dims[2],
        "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
        f"anchor {dims[0]}D, positive {dims[1]}D, and negative {dims[2]}D inputs",
    )
    distance = distance_function or _call(_pairs.pairwise_distance.op)
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = far.minimum(distance(positive, negative))
    loss = (margin + near - far).clamp_min(0)
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss


_ctc, _ctc_mean = _call(_ctc_ops.ctc_loss.op), _call(_ctc_ops.ctc_mean.op)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Connectionist temporal classification (Graves et al. 2006): -log p(targets), summed over all alignments.

    Args:
        log_probs: (T, N, C) or (T, C), logarithms of probabilities.
        targets: classes (N, S), or those of all samples in one row; never the `blank`.
        input_lengths, target_lengths: (N), tensors or sequences of ints.
        reduction: mean (each loss divided by its target's length first), sum or none.
        zero_infinity: losses of targets that do not fit into their inputs count 0 instead of infinity.

    The gradient is PyTorch's: right for `log_probs` that come out of a log_softmax. Lengths are checked only where they
    are given as numbers or their values are there.
    """
    check(reduction in ("none", "mean", "sum"), f"{reduction} is not a valid value for reduction", ValueError)
    check(log_probs.dim() in (2, 3), f"ctc_loss: log_probs must be 2D or 3D, but got {log_probs.dim()}D")
    batched = log_probs.dim() == 3
    if not batched:
        log_probs = log_probs.unsqueeze(1)
        targets = targets.unsqueeze(0) if targets.dim() == 1 else targets
    lengths, known = [], []
    for name, given in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        if not isinstance(given, Tensor):
            given = creation.tensor(list(given) if isinstance(given, list | tuple) else [given], dtype=_dtype.int64)
        check(not given.is_floating_point(), f"{name} must be integral")
        known.append(known_values(given))
        lengths.append(given.reshape(-1).to(log_probs.device))
    _check_ctc_lengths(log_probs, targets, *known)
    losses = _ctc(log_probs, targets, *lengths, blank, zero_infinity)
    if reduction == "mean":
        return _ctc_mean(losses, lengths[1])
    if reduction == "sum":
        return losses.sum()
    return losses if batched else losses.squeeze(0)


def _check_ctc_lengths(log_probs: Tensor, targets: Tensor, inputs: Any, labels: Any) -> None:
    """PyTorch's errors for lengths that do not fit, given as NumPy arrays; None is not checked."""
    where = "(while checking arguments for ctc_loss_allocate_outputs)"
    if inputs is not None and inputs.size:
        check(
            inputs.min() >= 0, f"Expected input_lengths to have value at least 0, but got value {inputs.min()} {where}"
        )
        check(
            inputs.max() <= log_probs.size(0),
            f"Expected input_lengths to have value at most {log_probs.size(0)}, but got value {inputs.max()} {where}",
        )
    if labels is not None and labels.size:
        check(
            labels.min() >= 0, f"Expected target_lengths to have value at least 0, but got value {labels.min()} {where}"
        )
        rows = targets.dim() == 2
        need, have = (labels.max(), targets.size(1)) if rows else (labels.sum(), targets.size(0))
        check(
            need <= have if rows else need == have,
            f"Expected tensor to have size {'at least ' if rows else ''}{need} at dimension {int(rows)}, but got size "
            f"{have} for argument #2 'targets' {where}",
        )
