"""Linear layers: flax.linen.Dense as the body, PyTorch's layout of the weight outside."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from flax import linen
from jax import lax

from torchlike.core.op import Array, inexact, op
from torchlike.ops.checks import c_word, check, listed, word
from torchlike.ops.norms import vector_norm
from torchlike.ops.products import mm


def _linear_name(template, avals) -> str:
    """PyTorch takes another way for each number of dimensions, and the node is named after its last step."""
    biased, ndim = len(avals) == 3, len(avals[0].shape)
    if len(avals[1].shape) == 1:
        return "AddBackward0" if biased else "MvBackward0" if ndim == 2 else "ViewBackward0"
    if ndim == 2:
        return "AddmmBackward0" if biased else "MmBackward0"
    return "ViewBackward0" if biased else "SqueezeBackward4" if ndim == 1 else "UnsafeViewBackward0"


@op("F.linear", grad=_linear_name)
def linear(input: Array, weight: Array, bias: Array | None = None):
    """`input @ weight.T + bias`.

    `input` (*, in_features), `weight` (out_features, in_features) or (in_features), `bias` (out_features); gives
    (*, out_features). Computed by flax.linen.Dense.
    """
    check(weight.ndim <= 2, f"t() expects a tensor with <= 2 dimensions, but self is {weight.ndim}D")
    check(input.ndim > 0 and weight.ndim > 0, "both arguments to linear need to be at least 1D")
    if input.dtype != weight.dtype:
        raise RuntimeError(
            f"mat1 and mat2 must have the same dtype, but got {word(input)} and {word(weight)}"
            if bias is not None
            else "expected m1 and m2 to have the same dtype, but got: "
            f"{c_word(input)} != {c_word(weight)}"
        )
    rows = math.prod(input.shape[:-1])
    if weight.ndim == 1:
        check(input.shape[-1] == weight.shape[0], f"size mismatch, got input ({rows}), mat ({rows}x{input.shape[-1]}), "
              f"vec ({weight.shape[0]})")  # fmt: skip
        y: Any = input @ weight
        return y if bias is None else y + bias
    out, width = weight.shape
    check(
        input.shape[-1] == width,
        f"mat1 and mat2 shapes cannot be multiplied ({rows}x{input.shape[-1]} and {width}x{out})",
    )
    if bias is not None:
        check(
            bias.dtype == weight.dtype,
            f"self and mat2 must have the same dtype, but got {word(bias)} and {word(weight)}",
        )
        check(
            bias.ndim != 1 or bias.shape[0] in (1, out),
            f"The expanded size of the tensor ({out}) must match the existing size ({bias.size}) at non-singleton "
            f"dimension 1.  Target sizes: [{rows}, {out}].  Tensor sizes: {listed(bias)}",
        )
    plain = bias is not None and bias.shape == (out,)
    if not inexact(weight.dtype) or not weight.size:  # no layer of Flax has a width of 0
        y = mm(input.reshape(rows, width), weight.T).reshape(*input.shape[:-1], out)
        plain = False
    else:
        params = {"kernel": weight.T, "bias": bias} if plain else {"kernel": weight.T}
        y = linen.Dense(out, use_bias=plain, param_dtype=weight.dtype).apply({"params": params}, input)
    return y if bias is None or plain else y + bias


@op("torch.bilinear", "F.bilinear", grad="ViewBackward0")
def bilinear(input1: Array, input2: Array, weight: Array, bias: Array | None = None):
    """`input1 · weight[k] · input2 + bias[k]` for every k.

    `input1` (*, in1), `input2` (*, in2), `weight` (out, in1, in2), `bias` (out); gives (*, out).
    """
    for i, x in enumerate((input1, input2), 1):
        check(
            x.shape[-1] == weight.shape[i],
            f"bilinear(): input{i} size does not match weight size: got {x.shape[-1]} but expected {weight.shape[i]}",
        )
    check(
        input1.shape[:-1] == input2.shape[:-1],
        "bilinear(): input batch dimensions do not match: got "
        f"{listed(input1)[:-1]} and {listed(input2)[:-1]}",
    )
    y = jnp.einsum("...i,kij,...j->...k", input1, weight, input2)
    return y if bias is None else y + bias


@op("torch.embedding", grad="EmbeddingBackward0")
def embedding(
    weight: Array, indices: Array, padding_idx: int = -1, scale_grad_by_freq: bool = False, sparse: bool = False
):
    """The rows of `weight` at `indices`; the row `padding_idx` gets no gradient, and with `scale_grad_by_freq` the
    others a gradient divided by how often they are used."""
    check(
        word(indices) in ("Long", "Int"),
        "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
        f"torch.{word(indices)}Tensor instead (while checking arguments for embedding)",
    )
    check(weight.ndim == 2, "'weight' must be 2-D")
    if sparse:
        raise NotImplementedError("embedding: sparse=True is not supported; leave it out, the gradient is dense")
    rows = jnp.take(weight, indices, axis=0, mode="fill", fill_value=jnp.nan)
    if scale_grad_by_freq:
        rows = by_frequency(rows, indices, weight.shape[0])
    if padding_idx >= 0:
        rows = jnp.where((indices == padding_idx)[..., None], lax.stop_gradient(rows), rows)
    return rows


def by_frequency(rows, indices, count: int):
    """The same rows, their gradient divided by how often each index occurs."""
    times = jnp.zeros(count, jnp.int64).at[indices.reshape(-1)].add(1, mode="drop")
    share = 1 / jnp.take(times, indices, mode="clip")[..., None].astype(rows.dtype)
    still = lax.stop_gradient(rows)
    return still + (rows - still) * share


@op(differentiable=False)
def embedding_renorm(weight: Array, indices: Array, max_norm: float, norm_type: float):
    """`weight` with the rows at `indices` scaled down to `max_norm` where their norm is above it."""
    used = jnp.zeros(weight.shape[0], bool).at[indices.reshape(-1)].set(True, mode="drop")
    length = vector_norm(weight, float(norm_type), 1, True)
    scale = jnp.where(used[:, None] & (length > max_norm), max_norm / (length + 1e-7), 1)
    return weight * scale.astype(weight.dtype)


@op(differentiable=False)
def one_hot(tensor: Array, num_classes: int):
    """Ones where the class is the index, along a new last dimension."""
    return (tensor[..., None] == jnp.arange(num_classes)).astype(jnp.int64)
