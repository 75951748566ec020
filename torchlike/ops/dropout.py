"""Dropout: the random mask comes from outside, drawn by the generator (nn/functional.py)."""

from __future__ import annotations

import jax.numpy as jnp

from torchlike.core.op import Array, Scalar, op
from torchlike.ops.checks import check, word


@op(grad="MulBackward0")
def dropout(input: Array, mask: Array, p: Scalar):
    """input · mask / (1 - p): what stays grows so that the expectation does not change. All zeros if p is 1."""
    check(jnp.issubdtype(input.dtype, jnp.inexact), f"result type Float can't be cast to the desired output type "
          f"{word(input)}")  # fmt: skip
    wide = jnp.promote_types(input.dtype, jnp.float32)
    keep = (1 - jnp.asarray(p, jnp.float64)).astype(jnp.finfo(wide).dtype)  # rounded once, as PyTorch does
    noise = jnp.where(mask, 1 / keep, 0).astype(input.dtype)  # a choice of two numbers, not a division each
    return input * noise


@op(grad="AddBackward0")
def alpha_dropout(input: Array, mask: Array, p: float):
    """Dropout that keeps mean 0 and variance 1 after a SELU (https://arxiv.org/abs/1706.02515): what is dropped becomes
    SELU's negative limit, and an affine map restores the moments."""
    alpha = 1.7580993408473766
    a = 1 / ((alpha * alpha * p + 1) * (1 - p)) ** 0.5
    noise = mask.astype(input.dtype)
    return input * (noise * a) + ((noise - 1) * (alpha * a) + alpha * a * p)
