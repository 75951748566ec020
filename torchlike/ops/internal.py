"""Functions that PyTorch names with an underscore, for code its compilers and its sharded optimizers write."""

from __future__ import annotations

import math

import jax.numpy as jnp

from torchlike.core.op import SLOT, Array, Arrays, Op, Scalar, composite, op
from torchlike.core.variable import apply
from torchlike.ops.checks import check
from torchlike.ops.indexing import _key
from torchlike.ops.promotion import as_np, promote


@op("torch._chunk_cat", grad="NotImplemented")
def _chunk_cat(tensors: Arrays, dim: int, num_chunks: int):
    """Each tensor cut along `dim` into so many chunks (the last padded with zeros), the chunks of all tensors laid flat
    and joined: (..., num_chunks, n)."""
    check(len(tensors) > 0, "_chunk_cat expects a non-empty input tensor list")
    check(num_chunks > 0, "_chunk_cat expects positive num_chunks")
    for x in tensors:
        check(x.size > 0, "_chunk_cat expects non-empty tensor")
    if dim < 0:
        check(
            len({x.ndim for x in tensors}) == 1,
            "_chunk_cat expects non-negative dim when input tensors have different ndims",
        )
        dim += tensors[0].ndim
    lead = tensors[0].shape[:dim]
    parts = []
    for x in promote(*tensors):
        check(dim < x.ndim, "_chunk_cat expects dim < ndim for all input tensors")
        check(
            x.shape[:dim] == lead,
            "_chunk_cat expects same sizes of 0,...,dim-1 dimensions for all tensors",
        )
        missing = -x.shape[dim] % num_chunks
        x = jnp.pad(x, [(0, missing if d == dim else 0) for d in range(x.ndim)])
        parts.append(x.reshape(*lead, num_chunks, math.prod(x.shape[dim:]) // num_chunks))
    return jnp.concatenate(parts, -1)


@op("torch._softmax_backward_data")
def _softmax_backward_data(grad_output: Array, output: Array, dim: int, input_dtype):
    """The gradient of softmax from its output."""
    moved = grad_output * output
    return (moved - output * jnp.sum(moved, dim, keepdims=True)).astype(as_np(input_dtype))


def _masked_index(input: Array, mask: Array, indices: Arrays, fill: Scalar, dims: tuple[int, ...]):
    found = input.at[_key(input.ndim, dims, indices)].get(mode="clip")
    mask = mask.reshape(mask.shape + (1,) * (found.ndim - mask.ndim))
    return jnp.where(mask, found, jnp.asarray(fill, input.dtype))


_MASKED_INDEX = Op("_unsafe_masked_index", _masked_index)


def _given(indices) -> tuple[list, tuple]:
    dims = tuple(d for d, i in enumerate(indices) if i is not None)
    return [indices[d] for d in dims], dims


@composite("torch._unsafe_masked_index")
def _unsafe_masked_index(input, mask, indices, fill):
    """`input[indices]` where the mask is True, `fill` elsewhere; the places are not checked."""
    at, dims = _given(indices)
    return apply(_MASKED_INDEX, (SLOT, SLOT, (SLOT,) * len(at), SLOT, dims), [input, mask, *at, fill])


def _masked_add(input: Array, mask: Array, indices: Arrays, values: Array, dims: tuple[int, ...]):
    values = jnp.where(mask.reshape(mask.shape + (1,) * (values.ndim - mask.ndim)), values, 0)
    inside = [jnp.clip(i, -input.shape[d], input.shape[d] - 1) for d, i in zip(dims, indices, strict=True)]
    return input.at[_key(input.ndim, dims, inside)].add(values.astype(input.dtype))


_MASKED_ADD = Op("_unsafe_masked_index_put_accumulate", _masked_add)


@composite("torch._unsafe_masked_index_put_accumulate")
def _unsafe_masked_index_put_accumulate(input, mask, indices, values):
    """`values` added at `indices` where the mask is True; the places are not checked."""
    at, dims = _given(indices)
    return apply(_MASKED_ADD, (SLOT, SLOT, (SLOT,) * len(at), SLOT, dims), [input, mask, *at, values])


@composite("torch._shape_as_tensor")
def _shape_as_tensor(self):
    """The shape as an integer tensor."""
    from torchlike.core.dtype import int64
    from torchlike.creation import tensor

    return tensor(list(self.shape), dtype=int64)


@composite("torch._standard_gamma")
def _standard_gamma(self, generator=None):
    """A draw from the Gamma distribution with each of these concentrations and rate 1."""
    from torchlike.distributions.sampling import standard_gamma

    return standard_gamma(self, generator)


@composite("torch._sample_dirichlet")
def _sample_dirichlet(self, generator=None):
    """A draw from the Dirichlet distribution with these concentrations, along the last dimension."""
    from torchlike.distributions.sampling import dirichlet

    return dirichlet(self, generator)
