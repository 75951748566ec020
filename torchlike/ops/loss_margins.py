"""Losses that compare the scores of wrong classes with those of the right ones."""

from __future__ import annotations

import jax.numpy as jnp

from torchlike.core.op import Array, op
from torchlike.ops.checks import check, listed, need, word
from torchlike.ops.loss import reduce


def _above(x):
    """max(0, x), with gradient 0 at 0."""
    return jnp.where(x > 0, x, 0)


@op(grad="MultiMarginLossBackward0")
def multi_margin_loss(
    input: Array, target: Array, p: int = 1, margin: float = 1.0, weight: Array | None = None, reduction: str = "mean"
):
    """Σ max(0, margin - x[y] + x[i])^p / C over the other classes i, for `input` (N, C) or (C) and classes `target`."""
    check(
        input.ndim in (1, 2) and (input.ndim == 1 or input.shape[1] != 0) and (input.ndim == 2 or input.shape[0] != 0)
        or input.ndim == 0,
        f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {listed(input)}",
    )
    x = input.reshape(1, -1) if input.ndim < 2 else input
    n, classes = x.shape
    check(
        target.ndim <= 1 and target.size == n,
        "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size). "
        f"Expected target size [{n}], but got {listed(target)}. Input has shape {listed(input)}.",
    )
    check(
        weight is None or weight.size == classes,
        f"inconsistent weight size, expected {classes} but got {None if weight is None else listed(weight)}",
    )
    need(input, "multi_margin_loss", 2, 2)
    check(word(target) == "Long", f"expected scalar type Long but found {word(target)}")
    y = target.reshape(n, 1)
    right = jnp.take_along_axis(x, y, 1, mode="fill")
    gap = _above(margin - right + x)
    gap = gap if p == 1 else gap * gap
    if weight is not None:
        gap = gap * weight[y]
    loss = jnp.where(jnp.arange(classes) == y, 0, gap).sum(1) / classes
    if reduction == "none" and input.ndim < 2:
        return loss.reshape(target.shape)
    return reduce(loss, reduction)


@op(grad="MultilabelMarginLossBackward0")
def multilabel_margin_loss(input: Array, target: Array, reduction: str = "mean"):
    """Σ max(0, 1 - (x[y] - x[i])) / C over the right classes y, those before the first -1 in `target` (N, C) or
    (C), and the others i."""
    check(
        input.ndim <= 1 or input.ndim == 2 and input.shape[1] != 0,
        f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {listed(input)}",
    )
    check(
        target.ndim <= input.ndim and target.size == input.size and (input.ndim < 2 or target.shape == input.shape),
        f"inconsistent target size: {listed(target)} for input of size: {listed(input)}",
    )
    need(input, "multilabel_margin_loss_forward_out_frame", 2, 2)
    check(word(target) == "Long", f"expected scalar type Long but found {word(target)}")
    x = input.reshape(1, -1) if input.ndim < 2 else input
    y = target.reshape(x.shape)
    n, classes = x.shape
    valid = jnp.cumsum(y < 0, 1) == 0
    rows = jnp.arange(n)[:, None]
    right = jnp.zeros(x.shape, bool).at[rows, jnp.where(valid, y, classes)].set(True, mode="drop")
    scores = jnp.take_along_axis(x, jnp.where(valid, y, 0), 1)
    gap = _above(1 - scores[:, :, None] + x[:, None, :])
    loss = jnp.where(valid[:, :, None] & ~right[:, None, :], gap, 0).sum((1, 2)) / classes
    loss = loss.astype(input.dtype)
    if reduction == "none":
        return loss if input.ndim == 2 else loss.reshape(())
    return reduce(loss, reduction)
