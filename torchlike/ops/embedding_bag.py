"""Embeddings summed up, averaged or maximised over bags."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from torchlike.core.op import Array, op
from torchlike.ops.checks import check, word
from torchlike.ops.linear import by_frequency

SUM, MEAN, MAX = range(3)


@op(grad="EmbeddingBagBackward0")
def embedding_bag(
    weight: Array, indices: Array, offsets: Array, per_sample_weights: Array | None, scale_grad_by_freq: bool,
    mode: int, include_last_offset: bool, padding_idx: int | None,
):  # fmt: skip
    """(bags, the bag of every index, the size of every bag, for MAX the index that gave each maximum).

    Bag i holds the indices from offsets[i] up to offsets[i + 1]. An empty bag is 0; `padding_idx` does not count.
    """
    for what, x in (("indices", indices), ("offsets", offsets)):
        check(
            word(x) in ("Long", "Int"),
            f"expected {what} to be Long or Int but got {word(x)}",
        )
    if per_sample_weights is not None:
        check(
            per_sample_weights.dtype == weight.dtype,
            f"expected scalar type {word(weight)} but found {word(per_sample_weights)}",
        )
    count = indices.shape[0]
    bags = offsets.shape[0] - int(include_last_offset)
    rows = jnp.take(weight, indices, axis=0, mode="fill", fill_value=jnp.nan)
    if scale_grad_by_freq:
        rows = by_frequency(rows, indices, weight.shape[0])
    counts = jnp.ones(count, bool)
    if padding_idx is not None and padding_idx >= 0:
        counts = indices != padding_idx
    starts = offsets[:bags]
    bag = jnp.searchsorted(starts, jnp.arange(count), side="right").astype(jnp.int64) - 1
    if include_last_offset:
        bag = jnp.where(jnp.arange(count) < offsets[-1], bag, bags)
    size = jnp.zeros(bags, jnp.int64).at[bag].add(counts, mode="drop")
    wide = rows.astype(jnp.float32) if rows.dtype.itemsize == 2 else rows
    if per_sample_weights is not None:
        wide = wide * per_sample_weights.astype(wide.dtype)[:, None]
    width = weight.shape[1]
    if mode == MAX:
        wide = jnp.where(counts[:, None], wide, -jnp.inf)
        # of equal values the first counts, so that the gradient goes to one place
        top = lax.stop_gradient(
            jnp.full((bags, width), -jnp.inf, wide.dtype).at[bag].max(lax.stop_gradient(wide), mode="drop")
        )
        places = jnp.where(wide == top[bag], jnp.arange(count)[:, None], count)
        first = jnp.full((bags, width), count).at[bag].min(places, mode="drop")
        values = jnp.take_along_axis(wide, jnp.minimum(first, max(count - 1, 0)), 0) if count else top
        out = jnp.where(first < count, values, 0)
        return out.astype(weight.dtype), bag, size, first
    wide = jnp.where(counts[:, None], wide, 0)
    out = jnp.zeros((bags, width), wide.dtype).at[bag].add(wide, mode="drop")
    if mode == MEAN:
        out = out / jnp.maximum(size, 1)[:, None].astype(out.dtype)
    return out.astype(weight.dtype), bag, size, size
