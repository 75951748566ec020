"""How the elements of a tensor lie in memory, and the order in which PyTorch walks them: along it, not by indices.

A draw into a tensor takes its numbers in that order, so a transposed tensor gets other numbers at its indices than a
contiguous one (https://docs.pytorch.org/docs/stable/tensor_attributes.html#torch.memory_format).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def memory_order(size: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """The dimensions from the slowest to the fastest in memory. A dimension of stride 0 has no place of its own and
    keeps the one that its index has, where the others leave it; of two equal strides the smaller dimension is faster.
    """
    order = list(range(len(size)))[::-1]  # fastest first
    for i in range(1, len(order)):
        at = i
        for other in range(i - 1, -1, -1):
            fast, slow = order[other], order[at]
            if strides[fast] == 0 or strides[slow] == 0:
                continue  # undecided: look further
            swap = strides[fast] > strides[slow] or strides[fast] == strides[slow] and size[fast] > size[slow]
            if swap:
                order[other], order[at] = slow, fast
                at = other
            elif strides[fast] < strides[slow]:
                break
    return tuple(reversed(order))


def packed_like(size: Sequence[int], strides: Sequence[int]) -> tuple[int, ...]:
    """The strides of fresh memory without gaps in the order of a tensor: what `empty_like` gives."""
    packed, step = [0] * len(size), 1
    for d in reversed(memory_order(size, strides)):
        packed[d] = step
        step *= max(size[d], 1)
    return tuple(packed)


def without_gaps(size: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether the elements fill a stretch of memory, each place once, in whatever order of the dimensions."""
    if 0 in size:
        return True
    step = 1
    for stride, n in sorted((s, n) for s, n in zip(strides, size, strict=True) if n > 1):
        if stride != step:
            return False
        step *= n
    return True


def in_order(size: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether memory has the elements one after the other in the order of the indices."""
    expected = 1
    for n, stride in zip(reversed(size), reversed(strides), strict=True):
        if n != 1 and stride != expected:
            return 0 in size
        expected *= n
    return True


def strided_view(host: np.ndarray, geometry: tuple, of: tuple) -> np.ndarray:
    """The part of `host`, whose own layout is `of`, that lies at `geometry` of the same memory."""
    size, stride, offset = geometry
    itemsize = host.itemsize
    if not host.size or 0 in size:
        return np.empty(size, host.dtype)
    if host.flags.c_contiguous:  # many times quicker than `as_strided`
        return np.ndarray(size, host.dtype, host, (offset - of[2]) * itemsize, [s * itemsize for s in stride])
    start = host
    if offset != of[2]:
        flat = np.lib.stride_tricks.as_strided(host, (1 + _span(of),), (itemsize,))
        start = flat[offset - of[2] :]
    return np.lib.stride_tricks.as_strided(start, size, [s * itemsize for s in stride])


def _span(geometry: tuple) -> int:
    size, stride, _ = geometry
    return sum((n - 1) * s for n, s in zip(size, stride, strict=True))
