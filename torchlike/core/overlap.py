"""Whether two tensors share memory, told from where their elements lie, and PyTorch's errors where they may not."""

from __future__ import annotations

import math

from torchlike.core.layout import without_gaps
from torchlike.core.variable import Variable

APART = frozenset({
    "cat", "stack", "gather", "index_add", "index_copy", "index_fill", "index_put", "index_reduce", "index_select",
    "kthvalue", "masked_select", "put", "scatter", "scatter_add", "scatter_reduce", "take",
})  # fmt: skip
"""Operations whose inputs may not be what they write into; elementwise ones read each place before they write it."""

FREE = frozenset({
    "addmm", "addmv", "all", "amax", "amin", "any", "baddbmm", "bmm", "count_nonzero", "logsumexp", "masked_fill",
    "mean", "mm", "nanmean", "nansum", "norm", "prod", "std", "sum", "var",
})  # fmt: skip
"""Operations of which PyTorch does not ask; here inputs are read before anything is written."""


def _extent(t: Variable) -> tuple[int, int, tuple] | None:
    """First byte, end and strides of a tensor that fills a stretch of memory; None where it has gaps or repeats."""
    size, stride, offset = t._geometry()
    if not without_gaps(size, stride):
        return None
    width = t._aval().dtype.itemsize
    while size and size[0] == 1:  # says nothing about the places
        size, stride = size[1:], stride[1:]
    return offset * width, (offset + math.prod(size)) * width, tuple(s * width for s in stride)


def refuse_overlap(out: Variable, x, whole: bool = False) -> None:
    """Raise if `x` lies on a part of `out`'s memory, or, unless `whole` overlap is allowed, on all of it.

    As in PyTorch, tensors with gaps are not judged.
    """
    if not isinstance(x, Variable) or x._cell is not out._cell:
        return
    if x is not out:
        if 0 in out._aval().shape or 0 in x._aval().shape:
            return
        a, b = _extent(out), _extent(x)
        if a is None or b is None or a[0] >= b[1] or b[0] >= a[1]:
            return
        whole = whole and a == b
    if not whole:
        raise RuntimeError(
            "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single "
            "memory location. Please clone() the tensor before performing the operation."
        )
