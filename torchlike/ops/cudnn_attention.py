"""Attention by cuDNN's fused kernel: where it is chosen, and how it is called.

The formula makes the weights of all queries and keys in float32; the kernel never has them in memory
(https://arxiv.org/abs/2205.14135), neither forwards nor backwards. It is chosen when an operation is traced for one
NVIDIA GPU (`core/platform.py`), where PyTorch would say the same (`fits`) and cuDNN has a kernel (`accepted`).

No GPU was at hand: that the kernel is called, and with what it wants, is tested by lowering for one and with XLA's
implementation in its place; here it has never run.
"""

from __future__ import annotations

import functools
import math
from typing import Literal

import jax
import jax.numpy as jnp

from torchlike.core import platform, symbolic
from torchlike.core.device import device, sharding

HIDDEN = {"bfloat16": -(2.0**41), "float16": -(2.0**15)}
"""What is added to hide a key: JAX's numbers. cuDNN takes two large numbers from each other, so it may not be -inf."""


def chosen(query, key, value, mask, is_causal: bool, scale: float) -> bool:
    """Whether the use of attention that is being traced goes through cuDNN."""
    where = platform.cuda()
    if where is None or not fits(query, key, value, mask, is_causal, scale):
        return False
    given = (query, key, value) if mask is None else (query, key, value, mask)
    return accepted(where, is_causal, scale, tuple([(x.shape, x.dtype) for x in given]))


def fits(query, key, value, mask, is_causal: bool, scale: float) -> bool:
    """Whether the kernel computes what PyTorch does, as far as types and shapes tell."""
    if query.dtype.name not in HIDDEN or not scale > 0:
        return False
    if not all(symbolic.known(x.shape) and x.size for x in (query, key, value)):
        return False
    if key.shape != value.shape or query.ndim != key.ndim or query.shape[:-3] != key.shape[:-3]:
        return False
    if query.ndim > 2 and query.shape[-3] % key.shape[-3]:
        return False
    scores = *query.shape[:-1], key.shape[-2]
    if is_causal and scores[-2] != scores[-1]:  # PyTorch's diagonal begins at the upper left; cuDNN's was not tried
        return False
    if mask is None:
        return True
    seen = zip(reversed(mask.shape), reversed(scores), strict=False)
    # a mask in float32 says more than a half can
    return mask.dtype in (bool, query.dtype) and mask.ndim <= len(scores) and all(m in (1, s) for m, s in seen)


@functools.cache
def accepted(where: device, is_causal: bool, scale: float, given: tuple) -> bool:
    """Whether JAX and cuDNN take arguments of these (shape, dtype), forwards and backwards.

    They are asked, by compiling it, once for each use: what a version of cuDNN has for which GPU, head size and lengths
    they know best, and a refusal that came when a program is compiled would be an error.
    """

    def both(cotangent, query, key, value, *mask):
        call = functools.partial(attention, is_causal, scale)
        y, pullback = jax.vjp(lambda *three: call(*three, *mask), query, key, value)
        return y, pullback(cotangent)

    try:
        structs = [jax.ShapeDtypeStruct(shape, dtype, sharding=sharding(where)) for shape, dtype in given]
        jax.jit(both).lower(structs[0], *structs).compile()
    except (NotImplementedError, RuntimeError, ValueError):
        return False
    return True


def attention(
    is_causal: bool, scale: float, query, key, value, mask=None, implementation: Literal["cudnn", "xla"] = "cudnn"
):
    """softmax(query · keyᵀ · scale + mask) · value, of PyTorch's layout (..., heads, length, size).

    JAX has (batch, length, heads, size), which is how it lies in memory where a model makes heads of its width. It
    refuses odd lengths, which get one more query, whose result is dropped, and one more key, which nobody sees.
    """
    q, k, v = (_even(_laid(x), 1) for x in (query, key, value))
    queries, keys = query.shape[-2], key.shape[-2]
    bias = blind = seen = None
    if mask is not None:
        mask = _spread(mask, query.shape[:-3], queries, keys)
        hidden = ~mask if mask.dtype == bool else mask == -jnp.inf
        blind = jnp.swapaxes(hidden.all(-1, keepdims=True), 1, 2)
        mask = _even(mask, 2, 3, fill=False if mask.dtype == bool else -jnp.inf)
        if mask.dtype != bool:
            mask, bias = None, jnp.maximum(mask, HIDDEN[query.dtype.name])
    elif keys % 2 and not is_causal:
        seen = jnp.full(q.shape[0], keys, "int32")
    y = jax.nn.dot_product_attention(
        q, k, v, bias, mask, scale=float(scale), is_causal=is_causal, key_value_seq_lengths=seen,
        implementation=implementation,
    )[:, :queries]  # fmt: skip
    if blind is not None:  # the kernel gives such a query all keys alike
        y = jnp.where(blind, 0, y)
    return jnp.swapaxes(y, 1, 2).reshape(query.shape)


def _laid(x):
    heads = x.shape[-3] if x.ndim > 2 else 1
    return jnp.swapaxes(x.reshape(-1, heads, *x.shape[-2:]), 1, 2)


def _even(x, *axes: int, fill=0):
    """One place more along each of these axes where there is an odd number."""
    more = [(0, x.shape[d] % 2 if d in axes else 0) for d in range(x.ndim)]
    return jnp.pad(x, more, constant_values=fill) if any(m for _, m in more) else x


def _spread(mask, batch: tuple, queries: int, keys: int):
    """The mask as (batch or 1, heads or 1, queries, keys)."""
    heads = mask.shape[-3] if mask.ndim > 2 else 1
    if math.prod(mask.shape[:-3]) == 1:
        batch = mask.shape[:-3]
    return jnp.broadcast_to(mask, (*batch, heads, queries, keys)).reshape(-1, heads, queries, keys)
