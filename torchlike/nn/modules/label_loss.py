"""Losses between scores and labels, sequences of labels, and triplets by any distance, as layers."""

from __future__ import annotations

import math
from collections.abc import Callable

from torchlike.nn import functional as F
from torchlike.nn.linear_loss import LinearCrossEntropyOptions
from torchlike.nn.modules.linear import Linear
from torchlike.nn.modules.loss import _Loss, _WeightedLoss
from torchlike.ops.checks import check
from torchlike.tensor import Tensor

__all__ = [
    "CTCLoss", "LinearCrossEntropyLoss", "LinearCrossEntropyOptions", "MultiLabelMarginLoss", "MultiMarginLoss",
    "TripletMarginWithDistanceLoss",
]  # fmt: skip


class MultiMarginLoss(_WeightedLoss):
    """Σ weight[y] · max(0, margin - x[y] + x[i])^p / C over the classes i other than the target y."""

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: Tensor | None = None, size_average=None, reduce=None,
        reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(weight, size_average, reduce, reduction)
        check(p in (1, 2), "only p == 1 and p == 2 supported", ValueError)
        check(
            weight is None or weight.dim() == 1, "MultiMarginLoss: expected weight to be None or 1D tensor", ValueError
        )
        self.p = p
        self.margin = margin

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The margin loss."""
        return F.multi_margin_loss(
            input, target, p=self.p, margin=self.margin, weight=self.weight, reduction=self.reduction
        )


class MultiLabelMarginLoss(_Loss):
    """Σ max(0, 1 - (x[y] - x[i])) / C over the target classes y and the others i."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The margin loss."""
        return F.multilabel_margin_loss(input, target, reduction=self.reduction)


class TripletMarginWithDistanceLoss(_Loss):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin) for any distance d (Euclidean unless given)."""

    def __init__(
        self, *, distance_function: Callable[[Tensor, Tensor], Tensor] | None = None, margin: float = 1.0,
        swap: bool = False, reduction: str = "mean",
    ) -> None:  # fmt: skip
        super().__init__(reduction=reduction)
        check(margin > 0, f"TripletMarginWithDistanceLoss: expected margin to be greater than 0, got {margin} instead",
              ValueError)  # fmt: skip
        self.distance_function = distance_function if distance_function is not None else F.pairwise_distance
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """The triplet loss."""
        return F.triplet_margin_with_distance_loss(
            anchor, positive, negative, distance_function=self.distance_function, margin=self.margin, swap=self.swap,
            reduction=self.reduction,
        )  # fmt: skip


class CTCLoss(_Loss):
    """Connectionist temporal classification: -log p(targets), summed over all alignments; see `F.ctc_loss`."""

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Tensor, targets: Tensor, input_lengths, target_lengths) -> Tensor:
        """The loss of `log_probs` (T, N, C) or (T, C)."""
        return F.ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )


class LinearCrossEntropyLoss(_WeightedLoss):
    """The cross entropy of a linear layer's outputs; with `options` these are never held as a whole.

    `linear` is the layer. With `out_features` (d1, ...) there is a class for each of so many places. Flax has no such
    layer.
    """

    def __init__(
        self, in_features: int, num_classes: int, *, out_features: tuple[int, ...] = (), bias: bool = False,
        device=None, dtype=None, reduction: str = "mean", weight: Tensor | None = None, ignore_index: int | None = None,
        label_smoothing: float = 0.0, options: LinearCrossEntropyOptions | None = None,
    ) -> None:  # fmt: skip
        check(
            weight is None or tuple(weight.shape) == (num_classes,),
            f"expected weight shape to be {(num_classes,)}, got {None if weight is None else tuple(weight.shape)}",
        )
        check(
            0 <= label_smoothing <= 1, f"expected label_smoothing to be in range [0, 1], got {label_smoothing}"
        )
        super().__init__(weight, reduction=reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        places = math.prod(out_features) * num_classes
        self.linear = Linear(in_features, places, bias=bias, device=device, dtype=dtype)
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The cross entropy of `input` (N, in) or (in)."""
        shape, bias = (self.num_classes, *self.out_features), self.linear.bias
        return F.linear_cross_entropy(
            input, self.linear.weight.reshape(*shape, self.linear.in_features), target,
            linear_bias=None if bias is None else bias.reshape(shape), weight=self.weight, reduction=self.reduction,
            ignore_index=self.ignore_index, label_smoothing=self.label_smoothing, options=self.options,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The sizes and options."""
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, out_features={self.out_features}, "
            f"bias={self.linear.bias is not None}, reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
