"""`linear_cross_entropy` and how it is cut into chunks."""

from __future__ import annotations

import dataclasses
import math
import warnings

from torchlike.core import dtype as _dtype
from torchlike.facade import call as _call
from torchlike.nn.losses import cross_entropy
from torchlike.ops import linear as _linear_ops
from torchlike.ops import linear_loss as _linear_loss
from torchlike.ops.checks import check
from torchlike.tensor import Tensor

__all__ = ["linear_cross_entropy"]

_chunked = _call(_linear_loss.linear_cross_entropy.op)
_linear = _call(_linear_ops.linear.op)


@dataclasses.dataclass(slots=True, frozen=True)
class LinearCrossEntropyOptions:
    """How `linear_cross_entropy` is cut into chunks.

    Args:
        allow_retain_graph: accepted; a gradient may always be taken again here.
        batch_chunk_size: rows of a chunk; all rows unless given or chosen by `chunking_method`.
        chunking_method: "aspect_ratio" gives the scores of a chunk about the size of the input, "aspect_ratio:n" an
            n-th of it, "auto" is "aspect_ratio:2", None leaves it to `batch_chunk_size`.
        acc_policy: accepted; XLA decides which intermediate results are kept.
        acc_dtype: the dtype that scores are computed in; float32 for 16-bit inputs unless given.
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: _dtype.dtype | None = None

    def __post_init__(self) -> None:
        policies = ("accurate", "balanced", "compact", "auto")
        check(
            self.acc_policy in policies, f"acc_policy must be one of {policies}, got {self.acc_policy!r}", ValueError
        )
        method = self.chunking_method
        stem, _, factor = (method or "auto").partition(":")
        sound = method in (None, "auto", "aspect_ratio") or stem == "aspect_ratio" and factor.isdigit() and int(factor)
        check(bool(sound), f"unknown chunking_method {method!r}", ValueError)
        size = self.batch_chunk_size
        check(
            size is None or isinstance(size, int) and not isinstance(size, bool) and size > 0,
            f"batch_chunk_size must be positive int or None, got {size!r}",
            ValueError,
        )


def _rows(options, n: int, in_features: int, classes: int) -> int:
    """Rows of a chunk for `n` rows of `in_features` and so many classes."""
    method = options.chunking_method
    if method == "auto":
        method = None if options.batch_chunk_size is not None else "aspect_ratio:2"
    given = n if options.batch_chunk_size is None else min(options.batch_chunk_size, n)
    if method is None:
        return max(given, 1)
    wanted = -(-n // -(-classes // in_features))
    chosen = min((1 << (wanted - 1).bit_length()) // int(method.partition(":")[2] or 1), n)
    check(
        options.batch_chunk_size in (None, chosen),
        f"batch_chunk_size (={options.batch_chunk_size}) and chunking_method ('{method}') give different chunk sizes "
        f"({options.batch_chunk_size} vs {chosen}); pass only one.",
        ValueError,
    )
    return max(chosen, 1)


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Tensor:
    """The cross entropy of `input @ linear_weight.T + linear_bias` and `target`.

    Args:
        input: (in) or (N, in).
        linear_weight: (C, in), or (C, d1, ..., in) for targets with dimensions of their own.
        target: classes (), (N) or (N, d1, ...), or probabilities with the shape of the scores.
        options: with `LinearCrossEntropyOptions`, the scores are computed in chunks of rows and never held as a whole
            (classes as targets, no label smoothing, no further dimensions). Gradients of gradients work here too.

    The rest as in `cross_entropy`.
    """
    check(input.dim() in (1, 2), f"expected input with dimensionality 1 or 2, got {input.dim()}")
    check(
        linear_weight.dim() >= 2, f"expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}"
    )
    batch, in_features = tuple(input.shape[:-1]), input.shape[-1]
    check(
        in_features == linear_weight.shape[-1],
        "expected equal input and linear_weight last dimensions (in_features), got "
        f"{in_features} and {linear_weight.shape[-1]}, respectively",
    )
    classes, inner = linear_weight.shape[0], tuple(linear_weight.shape[1:-1])
    check(
        linear_bias is None or tuple(linear_bias.shape) == (classes, *inner),
        f"expected linear_bias shape {(classes, *inner)}, got "
        f"{None if linear_bias is None else tuple(linear_bias.shape)}",
    )
    check(
        not inner or bool(batch),
        f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires batched input, "
        f"(N, {in_features}), got unbatched input with shape {tuple(input.shape)}",
    )
    shape = (*batch, classes, *inner)
    check(
        tuple(target.shape) != shape or ignore_index is None,
        "ignore_index cannot be specified when target contains probabilities",
    )
    ignored = -100 if ignore_index is None else ignore_index
    if options is not None:
        fits = reduction in ("mean", "sum", "none") and label_smoothing == 0.0 and target.dtype is _dtype.int64
        if fits and not inner:
            rows = input if batch else input.unsqueeze(0)
            labels = target if batch else target.unsqueeze(0)
            narrow = input.dtype in (_dtype.float16, _dtype.bfloat16)
            accumulator = (options.acc_dtype or (_dtype.float32 if narrow else input.dtype)).np
            chunk = _rows(options, rows.size(0), in_features, classes)
            loss = _chunked(
                rows, linear_weight, labels, linear_bias, weight, reduction, ignored, chunk, accumulator
            )
            return loss if batch or reduction != "none" else loss.squeeze(0)
        warnings.warn(
            "linear_cross_entropy: ``options`` ignored; chunked path needs reduction in {'mean','sum','none'}, "
            "label_smoothing == 0, target.dtype == int64, out_features == ().",
            stacklevel=2,
        )
    if inner:
        flat = math.prod(inner) * classes
        linear_weight = linear_weight.reshape(flat, in_features)
        linear_bias = None if linear_bias is None else linear_bias.reshape(flat)
    scores = _linear(input, linear_weight, linear_bias).reshape(shape)
    return cross_entropy(
        scores, target, weight=weight, reduction=reduction, ignore_index=ignored, label_smoothing=label_smoothing
    )
