"""What depends on which elements are true: `nonzero`, `masked_select`, `masked_scatter`. Mostly barriers."""

from __future__ import annotations

import numpy as np

from torchlike.core import dtype as _dtype
from torchlike.core.op import SLOT, composite
from torchlike.core.value import put
from torchlike.core.variable import Variable, apply, wrap
from torchlike.ops.checks import check
from torchlike.ops.copies import put_out
from torchlike.ops.dims import broadcast_shape
from torchlike.ops.indexing import index_, masked_scatter_
from torchlike.ops.views import expand, reshape, t


def _made(array, like) -> Variable:
    return wrap(put(np.ascontiguousarray(array), like._aval().device, copy=False))


@composite("*.nonzero")
def nonzero(input, *, as_tuple: bool = False, out=None):
    """The places of the elements that are not zero, one per row; with `as_tuple` one vector per dimension (a barrier).

    >>> import torchlike as torch
    >>> torch.tensor([0, 5, 7]).nonzero()
    tensor([[1],
            [2]])
    """
    if out is not None and not isinstance(out, Variable):
        raise TypeError(f"nonzero(): argument 'out' must be Tensor, not {type(out).__name__}")
    check(out is None or not as_tuple, "nonzero does not support the out kwarg when as_tuple is True")
    host = input._host()
    places = np.atleast_1d(host).nonzero()
    if as_tuple:
        return tuple(_made(at, input) for at in places)
    made = t.view((SLOT,), [_made(np.stack(places)[: host.ndim], input)])  # PyTorch's layout: a row per dimension
    made._turned = True
    return put_out("nonzero", made, out)


@composite("*.argwhere")
def argwhere(input):
    """The places of the elements that are not zero, one per row (a barrier)."""
    return nonzero(input)


@composite("*.masked_select")
def masked_select(input, mask):
    """A vector of the elements at which the mask is True (a barrier); both broadcast."""
    check(mask.dtype is _dtype.bool, "masked_select: expected BoolTensor for mask")
    size = broadcast_shape(mask._aval().shape, input._aval().shape)
    input = expand.view((SLOT, size), [input]) if size else reshape(input, 1)
    at = np.broadcast_to(mask._host(), size or (1,)).nonzero()
    return apply(index_.op, (SLOT, (SLOT,) * len(at), tuple(range(len(at)))), [input, *[_made(i, mask) for i in at]])


def _enough(mask, source, size) -> None:
    """A barrier only where the source could be too short."""
    if source.numel() < np.prod(size):
        trues = int(np.broadcast_to(mask._host(), size).sum())
        check(trues <= source.numel(), "Number of elements of source < number of ones in mask")


@composite("*.masked_scatter")
def masked_scatter(input, mask, source):
    """`input` with the elements of `source`, in order, at the places where the mask is True."""
    check(
        mask.dtype is _dtype.bool,
        f"masked_scatter_ only supports boolean masks, but got mask with dtype {mask.dtype._scalar_name}",
    )
    _enough(mask, source, broadcast_shape(input._aval().shape, mask._aval().shape))
    return apply(masked_scatter_.op, (SLOT, SLOT, SLOT), [input, mask, source])


@composite("Tensor.masked_scatter_")
def masked_scatter_into(self, mask, source):
    """Write the elements of `source`, in order, at the places where the mask is True."""
    self._check_writable()
    size, given = list(self._aval().shape), mask._aval().shape
    check(
        len(given) <= len(size),
        f"expand(CPUBoolType{{{list(given)}}}, size={size}): the number of sizes provided ({len(size)}) must be "
        f"greater or equal to the number of dimensions in the tensor ({len(given)})",
    )
    for d, (n, m) in enumerate(zip(reversed(size), reversed(given), strict=False)):
        check(
            m in (1, n),
            f"The expanded size of the tensor ({n}) must match the existing size ({m}) at non-singleton dimension "
            f"{len(size) - 1 - d}.  Target sizes: {size}.  Tensor sizes: {list(given)}",
        )
    self._assign(masked_scatter(self, mask, source))
    return self
