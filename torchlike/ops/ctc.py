"""Connectionist temporal classification (Graves et al. 2006, https://www.cs.toronto.edu/~graves/icml_2006.pdf)."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, op
from torchlike.ops.checks import check, need


def _log_sum(*xs):
    """log Σ exp, whose gradient is 0 and not NaN where all are -inf."""
    top = lax.stop_gradient(jnp.stack(xs).max(0))
    safe = jnp.where(jnp.isfinite(top), top, 0)
    total = sum(jnp.exp(x - safe) for x in xs)
    none = total == 0
    return jnp.where(none, -jnp.inf, jnp.log(jnp.where(none, 1, total)) + safe)


@op(grad="CtcLossBackward0")
def ctc_loss(
    log_probs: Array, targets: Array, input_lengths: Array, target_lengths: Array, blank: int, zero_infinity: bool
):
    """-log of the summed probability of all alignments, one per sample: `log_probs` (T, N, C), `targets` (N, S) or all
    of them in one row, lengths (N).

    As in PyTorch, the gradient is that towards what went into a log_softmax.
    """
    need(log_probs, "ctc_loss_cpu", 2, 2)
    steps, batch, classes = log_probs.shape
    check(0 <= blank < classes, "blank must be in label range")
    check(input_lengths.size == batch, "input_lengths must be of size batch_size")
    check(target_lengths.size == batch, "target_lengths must be of size batch_size")
    lengths = target_lengths.astype(jnp.int64)
    if targets.ndim == 1:
        first = jnp.cumsum(lengths) - lengths
        place = first[:, None] + jnp.arange(targets.shape[0])
        labels = targets[jnp.minimum(place, max(targets.shape[0] - 1, 0))] if targets.shape[0] else place[:, :0]
    else:
        labels = targets
    labels = labels.astype(jnp.int64)
    size = 2 * labels.shape[1] + 1
    # blanks around every label
    extended = jnp.full((batch, size), blank, jnp.int64).at[:, 1::2].set(jnp.clip(labels, 0, classes - 1))
    before = jnp.pad(extended, ((0, 0), (2, 0)), constant_values=blank)[:, :size]
    skips = (extended != blank) & (extended != before)
    rows = jnp.arange(batch)[:, None]
    none = jnp.asarray(-jnp.inf, log_probs.dtype)
    emitted = log_probs[:, rows, extended]  # (T, N, 2 S + 1)
    start = jnp.where((jnp.arange(size) < 2) & (jnp.arange(size) < 2 * lengths[:, None] + 1), emitted[0], none)

    def step(alpha, inputs):
        now, t = inputs
        one = jnp.pad(alpha, ((0, 0), (1, 0)), constant_values=-jnp.inf)[:, :size]
        two = jnp.pad(alpha, ((0, 0), (2, 0)), constant_values=-jnp.inf)[:, :size]
        fresh = _log_sum(alpha, one, jnp.where(skips, two, none)) + now
        return jnp.where((t < input_lengths)[:, None], fresh, alpha), None

    alpha, _ = lax.scan(step, start, (emitted[1:], jnp.arange(1, steps)))
    last = jnp.take_along_axis(alpha, 2 * lengths[:, None], 1)[:, 0]
    previous = jnp.take_along_axis(alpha, jnp.maximum(2 * lengths[:, None] - 1, 0), 1)[:, 0]
    ends = _log_sum(last, jnp.where(lengths > 0, previous, none))
    loss = jnp.where(input_lengths > 0, -ends, jnp.where(lengths == 0, 0.0, jnp.inf)).astype(log_probs.dtype)
    # adds nothing to the value, and to the gradient the term that PyTorch's has from the softmax before it
    inside = (jnp.arange(steps)[:, None] < input_lengths)[:, :, None]
    shares = jnp.where(inside, jnp.exp(log_probs), 0)
    loss = loss + (shares - lax.stop_gradient(shares)).sum((0, 2))
    return jnp.where(loss == jnp.inf, 0, loss) if zero_infinity else loss


@op(grad="MeanBackward0")
def ctc_mean(losses: Array, target_lengths: Array):
    """The mean of the losses, each divided by its number of labels."""
    return (losses / jnp.maximum(target_lengths, 1).astype(losses.dtype)).mean()


