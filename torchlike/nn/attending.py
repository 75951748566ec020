"""Attention in torch.nn.functional."""

from __future__ import annotations

import math
import warnings

import numpy as np

from torchlike.backends import cuda as _flags
from torchlike.core import dtype as _dtype
from torchlike.drawing import draw
from torchlike.facade import call as _call
from torchlike.nn import layers as _layers
from torchlike.nn.causal_bias import CausalBias
from torchlike.ops import attention as _attention
from torchlike.ops import joining as _joining
from torchlike.ops import linear as _linear_ops
from torchlike.ops.checks import check
from torchlike.tensor import Tensor

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]

_sdpa = _call(_attention.scaled_dot_product_attention.op)
_linear = _call(_linear_ops.linear.op)
_joined = _call(_joining.cat.op)


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query · keyᵀ · scale + mask) · value (https://arxiv.org/abs/1706.03762).

    Args:
        query: (N, ..., Hq, L, E).
        key: (N, ..., H, S, E).
        value: (N, ..., H, S, Ev).
        attn_mask: added to the scores, or booleans that are False where a key is hidden; broadcast to (N, ..., L, S).
        dropout_p: the share of weights set to zero, drawn here whatever the mode; a layer passes 0 in evaluation.
        is_causal: query i sees the keys 0 to i.
        scale: 1 / sqrt(E) unless given.
        enable_gqa: several heads of the query share one of key and value.

    Returns (N, ..., Hq, L, Ev); zeros for a query whose mask hides every key.
    """
    check(0.0 <= dropout_p <= 1.0, f"dropout probability has to be between 0 and 1, but got {dropout_p}", RuntimeError)
    if attn_mask is not None and isinstance(attn_mask, CausalBias):
        check(not is_causal, "CausalBias should not be used with causal=True", ValueError)
        attn_mask = attn_mask._materialize(query.device)
    kept = None
    if dropout_p > 0:
        lead = np.broadcast_shapes(tuple(query.shape[:-2]), *([] if enable_gqa else [tuple(key.shape[:-2])]))
        shape = (*lead, query.size(-2), key.size(-2))
        kept = draw("bernoulli", shape, 1 - dropout_p, dtype=np.bool_, device=query.device)
    fused = _flags.fused_sdp_enabled()
    return _sdpa(query, key, value, attn_mask, kept, dropout_p, is_causal, scale, enable_gqa, fused)


def _none_or_dtype(given: Tensor | None):
    return None if given is None else given.dtype


def _canonical_mask(
    mask: Tensor | None, mask_name: str, other_type, other_name: str, target_type, check_other: bool = True
) -> Tensor | None:
    """A mask as numbers of `target_type` to add: where a boolean one is True, nothing may be seen."""
    if mask is None:
        return None
    check(
        mask.dtype is _dtype.bool or mask.is_floating_point(),
        f"only bool and floating types of {mask_name} are supported", AssertionError,
    )  # fmt: skip
    if check_other and other_type is not None and mask.dtype is not other_type:
        warnings.warn(
            f"Support for mismatched {mask_name} and {other_name} is deprecated. Use same type for both instead.",
            stacklevel=2,
        )
    if mask.is_floating_point():
        return mask
    return mask.new_zeros(mask.shape, dtype=target_type).masked_fill_(mask, -math.inf)


def _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads: int) -> bool:
    """Whether there is a batch, with PyTorch's checks."""
    n = query.dim()
    check(
        n in (2, 3),
        f"query should be unbatched 2D or batched 3D tensor but received {n}-D query tensor",
        AssertionError,
    )
    kind = "batched (3-D)" if n == 3 else "unbatched (2-D)"
    check(
        key.dim() == n and value.dim() == n,
        f"For {kind} `query`, expected `key` and `value` to be {n}-D but found {key.dim()}-D and {value.dim()}-D "
        "tensors respectively",
        AssertionError,
    )
    if key_padding_mask is not None:
        check(
            key_padding_mask.dim() == n - 1,
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {n - 1}-D but found "
            f"{key_padding_mask.dim()}-D tensor instead",
            AssertionError,
        )
    if attn_mask is not None:
        check(
            attn_mask.dim() in (2, 3),
            f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {attn_mask.dim()}-D tensor "
            "instead",
            AssertionError,
        )
        expected = (num_heads, query.shape[0], key.shape[0])
        check(
            n == 3 or attn_mask.dim() == 2 or tuple(attn_mask.shape) == expected,
            f"Expected `attn_mask` shape to be {expected} but got {attn_mask.shape}",
            AssertionError,
        )
    return n == 3


def _projected(query, key, value, packed, bias, separate):
    """The three inputs after their linear maps; one product where all three are the same tensor."""
    width = query.size(-1)
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    if separate is not None:
        maps = zip((query, key, value), separate, biases, strict=True)
        return [_linear(x, w, b) for x, w, b in maps]
    if query is key and key is value:
        return list(_linear(query, packed, bias).split(width, -1))
    maps = zip((query, key, value), packed.chunk(3), biases, strict=True)
    return [_linear(x, w, b) for x, w, b in maps]


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What `nn.MultiheadAttention` computes (https://arxiv.org/abs/1706.03762); see there for the shapes.

    Returns the attended values (L, N, E) and, with `need_weights`, the weights (N, L, S), or (N, heads, L, S) unless
    `average_attn_weights`.
    """
    batched = _check_shapes(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        same = query is key and key is value
        query = query.unsqueeze(1)
        key, value = (query, query) if same else (key.unsqueeze(1), value.unsqueeze(1))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, width = query.shape
    source = key.size(0)
    key_padding_mask = _canonical_mask(
        key_padding_mask, "key_padding_mask", _none_or_dtype(attn_mask), "attn_mask", query.dtype
    )
    check(
        not is_causal or attn_mask is not None,
        "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
        "`generate_square_subsequent_mask` to create this mask.",
    )
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None
    else:
        attn_mask = _canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, False)
        is_causal = False  # the mask says it already
    check(
        width == embed_dim_to_check,
        f"was expecting embedding dimension of {embed_dim_to_check}, but got {width}",
        AssertionError,
    )
    head = width // num_heads
    check(head * num_heads == width, f"embed_dim {width} not divisible by num_heads {num_heads}", AssertionError)
    separate = None
    if use_separate_proj_weight:
        check(
            key.shape[:2] == value.shape[:2],
            f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}",
            AssertionError,
        )
        separate = (q_proj_weight, k_proj_weight, v_proj_weight)
        for letter, w in zip("qkv", separate, strict=True):
            check(
                w is not None, f"use_separate_proj_weight is True but {letter}_proj_weight is None", AssertionError
            )
    else:
        check(
            key.shape == value.shape,
            f"key shape {key.shape} does not match value shape {value.shape}",
            AssertionError,
        )
        check(
            in_proj_weight is not None, "use_separate_proj_weight is False but in_proj_weight is None", AssertionError
        )
    q, k, v = _projected(query, key, value, in_proj_weight, in_proj_bias, separate)
    if attn_mask is not None:
        attn_mask = _check_attn_mask(attn_mask, (length, source), (batch * num_heads, length, source))

    def longer(mask):  # one more key, which everybody sees
        return None if mask is None else _layers.pad(mask, (0, 1))

    check((bias_k is None) == (bias_v is None), "bias_k and bias_v are given together or not at all", AssertionError)
    if bias_k is not None and bias_v is not None:
        check(static_k is None, "bias cannot be added to static key.", AssertionError)
        check(static_v is None, "bias cannot be added to static value.", AssertionError)
        k, v = (_joined([x, b.repeat(1, batch, 1)], 0) for x, b in ((k, bias_k), (v, bias_v)))
        attn_mask, key_padding_mask = longer(attn_mask), longer(key_padding_mask)
    heads = batch * num_heads
    q = q.reshape(length, heads, head).transpose(0, 1)
    k = k.reshape(k.size(0), heads, head).transpose(0, 1) if static_k is None else static_k
    v = v.reshape(v.size(0), heads, head).transpose(0, 1) if static_v is None else static_v
    for name, x in (("k", static_k), ("v", static_v)):
        if x is not None:
            for d, size in ((0, heads), (2, head)):
                check(
                    x.size(d) == size,
                    f"expecting static_{name}.size({d}) of {size}, but got {x.size(d)}",
                    AssertionError,
                )
    if add_zero_attn:
        k, v = (_joined([x, x.new_zeros((heads, 1, head))], 1) for x in (k, v))
        attn_mask, key_padding_mask = longer(attn_mask), longer(key_padding_mask)
    source = k.size(1)
    if key_padding_mask is not None:
        for d, (have, need) in enumerate(zip(key_padding_mask.shape, (batch, source), strict=True)):
            check(have == need, f"Expected key_padded_mask.shape[{d}] to be {need}, but got {have}", AssertionError)
        padding = key_padding_mask.view(batch, 1, 1, source).expand(-1, num_heads, -1, -1).reshape(heads, 1, source)
        attn_mask = padding if attn_mask is None else attn_mask + padding
    dropout_p = dropout_p if training else 0.0
    if not need_weights:
        if attn_mask is not None:
            shared = attn_mask.size(0) == 1 and attn_mask.dim() == 3
            attn_mask = attn_mask.unsqueeze(0) if shared else attn_mask.view(batch, num_heads, -1, source)
        q, k, v = (x.reshape(batch, num_heads, x.size(1), head) for x in (q, k, v))
        out = scaled_dot_product_attention(q, k, v, attn_mask, dropout_p, is_causal)
        out = out.permute(2, 0, 1, 3).reshape(batch * length, width)
        out = _linear(out, out_proj_weight, out_proj_bias)
        out = out.view(length, batch, out.size(1))
        return out if batched else out.squeeze(1), None
    scores = (q * math.sqrt(1.0 / head)).bmm(k.transpose(-2, -1))
    chances = (scores if attn_mask is None else attn_mask + scores).softmax(-1)
    if dropout_p > 0.0:
        chances = _layers.dropout(chances, dropout_p)
    out = chances.bmm(v).transpose(0, 1).reshape(length * batch, width)
    out = _linear(out, out_proj_weight, out_proj_bias)
    out = out.view(length, batch, out.size(1))
    chances = chances.view(batch, num_heads, length, source)
    chances = chances.mean(1) if average_attn_weights else chances
    return (out, chances) if batched else (out.squeeze(1), chances.squeeze(0))


def _check_attn_mask(mask: Tensor, flat: tuple, whole: tuple) -> Tensor:
    for n, size in ((2, flat), (3, whole)):
        check(
            mask.dim() != n or tuple(mask.shape) == size,
            f"The shape of the {n}D attn_mask is {mask.shape}, but should be {size}.",
        )
    check(mask.dim() in (2, 3), f"attn_mask's dimension {mask.dim()} is not supported")
    return mask.unsqueeze(0) if mask.dim() == 2 else mask

