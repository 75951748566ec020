"""The cross entropy of a linear layer's outputs, without holding all of these outputs at once."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.op import Array, op
from torchlike.ops.checks import check, word


@op(grad="LinearCrossEntropyBatchChunkedBackward")
def linear_cross_entropy(
    input: Array, linear_weight: Array, target: Array, linear_bias: Array | None, weight: Array | None,
    reduction: str, ignore_index: int, chunk: int, accumulator: np.dtype,
):  # fmt: skip
    """`cross_entropy(input @ linear_weight.T + bias, target)`, `chunk` rows of `input` (N, in) at a time.

    The scores of a chunk are computed again for its gradient, so that those of one chunk are held at most.
    """
    n, classes = input.shape[0], linear_weight.shape[0]
    check(
        input.dtype == linear_weight.dtype,
        f"expected m1 and m2 to have the same dtype, but got: {word(input)} != {word(linear_weight)}",
    )
    chunks = -(-n // chunk)
    spare = chunks * chunk - n
    rows = jnp.pad(input, ((0, spare), (0, 0))).reshape(chunks, chunk, -1)
    labels = jnp.pad(target, (0, spare), constant_values=ignore_index).reshape(chunks, chunk)

    @jax.checkpoint
    def losses(x, y, w, b):
        scores = jnp.matmul(x, w.T, preferred_element_type=accumulator)
        scores = scores if b is None else scores + b.astype(accumulator)
        kept = y != ignore_index
        y = jnp.where(kept, y, 0)
        y = jnp.where(y < 0, classes, y)
        logs = jax.nn.log_softmax(scores, -1)
        picked = jnp.take_along_axis(logs, y[:, None], 1, mode="fill")[:, 0]
        scale = kept.astype(accumulator) if weight is None else weight.astype(accumulator)[y] * kept
        return jnp.where(kept, -picked * scale, 0), scale

    loss, scale = lax.map(lambda part: losses(*part, linear_weight, linear_bias), (rows, labels))
    if reduction == "none":
        return loss.reshape(-1)[:n].astype(input.dtype)
    total = loss.sum()
    return (total / scale.sum() if reduction == "mean" else total).astype(input.dtype)
