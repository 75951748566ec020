"""Losses over log-probabilities and classes. Those between two tensors of one shape are in `loss_pairs.py`."""

from __future__ import annotations

import jax.numpy as jnp

from torchlike.core.op import Array, op
from torchlike.ops.checks import check, listed, word


def reduce(loss, reduction: str):
    """The mean, the sum, or the losses as they are."""
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    check(reduction == "none", f"{reduction} is not a valid value for reduction", ValueError)
    return loss


def _check_weight(weight, input, n_classes: int) -> None:
    if weight is not None:
        check(
            weight.shape == (n_classes,),
            f"weight tensor should be defined either for all {n_classes} classes or no classes but got weight tensor "
            f"of shape: {listed(weight)}",
        )
        check(weight.dtype == input.dtype, f"expected scalar type {word(input)} but found {word(weight)}")


def _check_classes(input, target) -> None:
    """PyTorch's checks of log-probabilities (N, C, *) against classes (N, *)."""
    check(input.ndim > 0, "Expected 1 or more dimensions (got 0)", ValueError)
    if input.ndim == 1:
        check(
            target.ndim == 0 or target.shape == (1,),
            f"For 1D input, 1D target must have size 1, but got target size: {target.shape[0] if target.ndim else 0}"
            if target.ndim == 1
            else "0D or 1D target tensor expected, multi-target not supported",
            ValueError if target.ndim == 1 else RuntimeError,
        )
    else:
        check(
            target.ndim > 0 and input.shape[0] == target.shape[0],
            f"Expected input batch_size ({input.shape[0]}) to match target batch_size "
            f"({target.shape[0] if target.ndim else 0}).",
            ValueError,
        )
        wanted = (input.shape[0], *input.shape[2:])
        if input.ndim == 2:
            check(target.ndim == 1, "0D or 1D target tensor expected, multi-target not supported")
        elif input.ndim == 4:
            check(
                target.ndim == 3,
                f"only batches of spatial targets supported (3D tensors) but got targets of dimension: {target.ndim}",
            )
            check(target.shape == wanted, f"size mismatch (got input: {listed(input)} , target: {listed(target)}")
        else:
            check(target.shape == wanted, f"Expected target size {list(wanted)}, got {listed(target)}")
    check(
        word(target) in ("Long", "Byte"), f"expected target dtype to be Long or Byte, but got {word(target)}"
    )


def _picked(values, target, axis: int):
    """values at the target class; NaN where there is no such class, so that a wrong target is not overlooked."""
    return jnp.take_along_axis(values, jnp.expand_dims(target, axis), axis, mode="fill").squeeze(axis)


def _nll(input, target, weight, ignore_index: int, reduction: str):
    _check_classes(input, target)
    axis = min(input.ndim - 1, 1)
    _check_weight(weight, input, input.shape[axis])
    if input.ndim == 1:
        target = target.reshape(())
    target = target.astype(jnp.int64)
    kept = target != ignore_index
    target = jnp.where(kept, target, 0)
    target = jnp.where(target < 0, input.shape[axis], target)  # no counting from the end
    scale = kept.astype(input.dtype) if weight is None else weight[target] * kept
    loss = jnp.where(kept, -_picked(input, target, axis) * scale, 0)
    if reduction == "mean":
        return loss.sum() / scale.sum()
    return reduce(loss, reduction)


@op(grad="NllLossBackward0")
def nll_loss(
    input: Array, target: Array, weight: Array | None = None, ignore_index: int = -100, reduction: str = "mean"
):
    """-weight[target] · input[target] for `input` (N, C) or (C), `target` (N) or (): classes 0 to C - 1.

    The mean is over the weights. Targets equal to `ignore_index` do not count.
    """
    return _nll(input, target, weight, ignore_index, reduction)


@op(grad="NllLoss2DBackward0")
def nll_loss_nd(
    input: Array, target: Array, weight: Array | None = None, ignore_index: int = -100, reduction: str = "mean"
):
    """As `nll_loss`, for `input` (N, C, d1, ...) and `target` (N, d1, ...)."""
    return _nll(input, target, weight, ignore_index, reduction)


@op(grad="AddBackward0")
def smoothed_nll_loss(
    input: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str, label_smoothing: float
):
    """`nll_loss` for targets mixed with the uniform distribution (https://arxiv.org/abs/1512.00567).

    (1 - s) · loss of the target + s / C · sum of the (weighted) losses of all classes.
    """
    plain = _nll(input, target, weight, ignore_index, reduction)
    axis = min(input.ndim - 1, 1)
    n_classes = input.shape[axis]
    target = target.reshape(()) if input.ndim == 1 else target
    kept = target != ignore_index
    weighted = input if weight is None else input * weight.reshape((-1,) + (1,) * (input.ndim - axis - 1))
    smooth = jnp.where(kept, -weighted.sum(axis), 0)
    if reduction == "mean":
        scale = kept.astype(input.dtype) if weight is None else weight[jnp.where(kept, target, 0)] * kept
        smooth = smooth.sum() / scale.sum()
    else:
        smooth = reduce(smooth, reduction)
    return (1 - label_smoothing) * plain + label_smoothing / n_classes * smooth


@op(grad=lambda template, avals: "DivBackward1" if template[3] == "mean" else "NegBackward0")
def probability_loss(input: Array, target: Array, weight: Array | None, reduction: str, label_smoothing: float):
    """-sum over classes of weight · target · input, for targets that are probabilities of the input's shape.

    The mean is over everything but the classes.
    """
    check(
        jnp.issubdtype(target.dtype, jnp.floating),
        f"Expected floating point type for target with class probabilities, got {word(target)}",
    )
    axis = min(input.ndim - 1, 1)
    n_classes = input.shape[axis]
    _check_weight(weight, input, n_classes)
    if label_smoothing > 0:
        target = target * (1 - label_smoothing) + label_smoothing / n_classes
    loss = -(input * target)
    if weight is not None:
        loss = loss * weight.reshape((-1,) + (1,) * (input.ndim - axis - 1))
    if reduction == "mean":
        return loss.sum() / (input.size / n_classes if input.size else 0)
    return reduce(loss.sum(axis), reduction)
