"""Tensors that take another size over their memory, and those that become a view of themselves."""

from __future__ import annotations

import math

import jax.numpy as jnp

from torchlike.core.former import become, leave, twin
from torchlike.core.op import SLOT, Array, Op, Scalar, composite, op, sizes
from torchlike.core.variable import Cell, apply, contiguous_strides
from torchlike.ops.checks import check
from torchlike.ops.conversion import channels_last
from torchlike.ops.slicing import as_strided, memory
from torchlike.ops.views import _becomes


def _grown(input: Array, size: tuple[int, ...], offset: Scalar):
    flat = jnp.pad(input.reshape(-1), (0, math.prod(size)))
    return jnp.take(flat, offset + jnp.arange(math.prod(size)), mode="clip").reshape(size)


_GROWN = Op("resize", _grown, differentiable=False)


@composite("*.resize_")
def resize_(self, *size, memory_format=None):
    """Give this tensor another size over its memory, which grows if needed; what is new holds zeros.

    Differs from PyTorch: when the memory grows, other tensors over the old memory keep that.
    """
    wanted = sizes(size, "size", "resize_")
    assert wanted is not None
    check(not self.requires_grad, "cannot resize variables that require grad")
    return resized(self, wanted, memory_format)


@composite("_.resize")
def resized(self, wanted: tuple[int, ...], memory_format=None):
    """What `resize_` does, also to a tensor given as `out=` while no gradients are computed."""
    for n in wanted:
        check(n >= 0, f"Trying to create tensor with negative dimension {n}: {list(wanted)}")
    shape, _, offset = self._geometry()
    strides = contiguous_strides(wanted)
    if memory_format is not None and memory_format._name.startswith("channels_last"):
        strides = channels_last(wanted, memory_format._name)
    elif tuple(shape) == wanted:
        return self
    whole = memory(self)
    if math.prod(wanted) + offset <= whole.numel():  # type: ignore[attr-defined]
        before = twin(self)
        become(self, before, as_strided(before, wanted, strides, offset))
        return self
    grown = apply(_GROWN, (SLOT, wanted, SLOT), [whole, offset])
    leave(self, grown)
    self._cell, self._parent, self._step, self._strided = Cell(grown._read()), None, None, None
    if strides != contiguous_strides(wanted):
        self._strided = (wanted, strides, 0)
    return self


@composite("*.resize_as_")
def resize_as_(self, the_template, memory_format=None):
    """`resize_` to the size of another tensor."""
    return resize_(self, tuple(the_template.shape), memory_format=memory_format)


_becomes("as_strided_", as_strided)


@op("Tensor.fill_diagonal_")
def fill_diagonal(input: Array, fill_value: Scalar, wrap: bool = False):
    """One number on the main diagonal; with `wrap`, that of a tall matrix begins again below each square."""
    check(input.ndim >= 2, "dimensions must larger than 1")
    if input.ndim > 2:
        check(len(set(input.shape)) == 1, "all dimensions of input must be of equal length")
    n = min(input.shape)
    if wrap and input.ndim == 2 and input.shape[0] > input.shape[1] + 1:
        flat = jnp.arange(0, input.size, input.shape[1] + 1)
        return input.reshape(-1).at[flat].set(jnp.asarray(fill_value, input.dtype)).reshape(input.shape)
    return input.at[(jnp.arange(n),) * input.ndim].set(jnp.asarray(fill_value, input.dtype))


def _no(name: str, instead: str) -> None:
    def fn(self, *args, **kwargs):
        raise NotImplementedError(f"Tensor.{name}(): {instead}")

    fn.__name__ = name
    fn.__doc__ = f"Not supported: {instead}."
    composite(f"Tensor.{name}")(fn)


_no("chalf", "JAX has no complex numbers of half precision; use cfloat(), or view_as_real on pairs of half()")
