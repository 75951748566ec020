"""Embeddings of torch.nn.functional: rows of a table, and bags of them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from torchlike.core import dtype as _dtype
from torchlike.core.graph import mode as grad_mode
from torchlike.core.graph import no_grad
from torchlike.facade import call as _call
from torchlike.ops import embedding_bag as _bag_ops
from torchlike.ops import linear as _linear
from torchlike.ops.checks import check
from torchlike.ranges import arange
from torchlike.tensor import Tensor

__all__ = ["embedding", "embedding_bag"]

_embedding = _call(_linear.embedding.op)
_renormed = _call(_linear.embedding_renorm.op)
_bag = _call(_bag_ops.embedding_bag.op)


def known_values(t: Tensor) -> np.ndarray | None:
    """The elements where they exist already on the CPU; None where reading them would be a barrier."""
    value = t._read()
    if value.array is None or value.aval.traced or not t.is_cpu:
        return None
    return np.asarray(value.array)


def _not_sparse(name: str, sparse: bool) -> None:
    if sparse:
        raise NotImplementedError(
            f"{name}: sparse=True is not supported, since there are no sparse gradients; leave it out and the gradient "
            "of the weight is dense"
        )


def _check_rows(input: Tensor, rows: int, message: str, error: type[Exception]) -> None:
    known = known_values(input)
    if known is not None and known.dtype.kind in "iu" and known.size:
        check(known.min() >= 0 and known.max() < rows, message, error)


def renorm(weight: Tensor, input: Tensor, max_norm: float, norm_type: float) -> None:
    """Scale the rows of `weight` at the indices down, in place, where their norm is above `max_norm`."""
    with no_grad():
        alias = weight.detach()
        alias.copy_(_renormed(alias, input.detach(), max_norm, norm_type))


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of `weight` (num_embeddings, embedding_dim) at the indices in `input` (*); gives (*, embedding_dim).

    The row `padding_idx` gets no gradient. With `max_norm`, rows that are used and longer (in the `norm_type` norm) are
    shortened in `weight` itself first. `scale_grad_by_freq` divides the gradient of a row by how often it is used. An
    index out of range is PyTorch's IndexError if `input` holds its values already; if they are still pending its row is
    NaN. `sparse=True` is not supported where a gradient is wanted.
    """
    check(weight.dim() == 2, "'weight' must be 2-D")
    _not_sparse("embedding", sparse and weight.requires_grad and grad_mode.grad)
    rows = weight.size(0)
    if padding_idx is None:
        padding_idx = -1
    else:
        assert -rows <= padding_idx < rows, "Padding_idx must be within num_embeddings"
        padding_idx %= rows
    _check_rows(input, rows, "index out of range in self", IndexError)
    if max_norm is not None:
        renorm(weight, input, max_norm, norm_type)
    return _embedding(weight, input, padding_idx, scale_grad_by_freq)


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or maxima of rows of `weight` over bags of indices.

    Args:
        input: indices (B, n), a bag per row, or all of them in one row (N).
        offsets: for one row, where each bag begins; with `include_last_offset` its last element is where the last ends.
        mode: sum, mean or max.
        per_sample_weights: factors of the rows, of the shape of `input` (mode sum).
        padding_idx: an index that does not count.

    Returns (B, embedding_dim). max_norm, norm_type and scale_grad_by_freq as in `embedding`; `sparse=True` is not
    supported.

    Differs from PyTorch 2.13 with scale_grad_by_freq: that divides the gradient of the i-th different index by how
    often the i-th of the sorted indices is used, this by how often the index itself is.
    """
    if weight.dtype is _dtype.int64 and input.is_floating_point():
        warnings.warn(
            "Argument order of nn.functional.embedding_bag was changed. Usage `embedding_bag(weight, input, ...)` is "
            "deprecated, and should now be `embedding_bag(input, weight, ...)`.",
            stacklevel=2,
        )
        weight, input = input, weight
    check(
        per_sample_weights is None or input.size() == per_sample_weights.size(),
        f"embedding_bag: If per_sample_weights ({getattr(per_sample_weights, 'shape', None)}) is not None, then it "
        f"must have the same shape as the input ({input.shape})",
        ValueError,
    )
    check(weight.dim() == 2, f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.dim()}", ValueError)
    if input.dim() == 2:
        check(
            offsets is None,
            "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
            f"sequences. However, found offsets of type {type(offsets)}",
            ValueError,
        )
        offsets = arange(0, input.numel(), input.size(1), dtype=input.dtype, device=input.device)
        include_last_offset = False
        input = input.reshape(-1)
        per_sample_weights = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    else:
        check(
            input.dim() == 1, f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}", ValueError
        )
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        check(offsets.dim() == 1, "offsets has to be a 1D Tensor", ValueError)
        known = known_values(offsets)
        if known is not None and known.size:
            check(
                known[0] == 0,
                "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
                f"However, got {known[0]}\n[ torch.{offsets.dtype._scalar_name}Tensor{{}} ]",
            )
            check(
                known[-1] <= input.size(0),
                f"offsets[-1] can not be greater than input's length {input.size(0)} but got offsets[-1] of "
                f"{known[-1]}",
            )
    check(mode in ("sum", "mean", "max"), "mode has to be one of sum, mean or max", ValueError)
    if mode == "max":
        check(not scale_grad_by_freq, "max mode does not support scaling the gradient by the frequency", ValueError)
        check(not sparse, "max mode does not support sparse weights", ValueError)
    _not_sparse("embedding_bag", sparse and weight.requires_grad and grad_mode.grad)
    rows = weight.size(0)
    indices: Any = known_values(input)
    wrong: Any = () if indices is None else np.flatnonzero((indices < 0) | (indices >= rows))
    if len(wrong):
        raise RuntimeError(
            f"embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be {indices[wrong[0]]}"
            if mode == "max" else
            f"Index {wrong[0]} of input takes value {indices[wrong[0]]} which is not in the valid range [0, {rows})"
        )  # fmt: skip
    if max_norm is not None:
        renorm(weight, input, max_norm, norm_type)
    check(
        per_sample_weights is None or mode == "sum",
        "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got "
        f"mode='{mode}'). Please open a feature request on GitHub.",
        NotImplementedError,
    )
    if padding_idx is not None:
        check(
            -rows <= padding_idx < rows,
            f"padding_idx must be within the number of embeddings, -{rows} through {rows - 1}, but got {padding_idx}",
        )
        padding_idx %= rows
    kind = ("sum", "mean", "max").index(mode)
    return _bag(
        weight, input, offsets, per_sample_weights, scale_grad_by_freq, kind, include_last_offset, padding_idx
    )[0]
