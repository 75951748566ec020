"""Dimensions and sizes given by the user: wrapping, inferring and PyTorch's errors about them."""

from __future__ import annotations

import math

from torchlike.ops.checks import check


def wrap_dim(dim: int, n: int) -> int:
    """A dimension of an n-dimensional tensor, negative ones counted from the end; a scalar counts as one dimension."""
    m = max(n, 1)
    if not -m <= dim < m:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-m}, {m - 1}], but got {dim})")
    return dim % m


def wrap_dims(dims, n: int) -> tuple[int, ...]:
    """Several different dimensions; one int counts as a tuple of one."""
    wrapped = tuple(wrap_dim(d, n) for d in ((dims,) if isinstance(dims, int) else dims))
    for d in wrapped:
        check(wrapped.count(d) == 1, f"dim {d} appears multiple times in the list of dims")
    return wrapped


def infer_size(size: tuple[int, ...], numel: int) -> tuple[int, ...]:
    """A size in which one -1 stands for whatever makes it hold `numel` elements."""
    for i, n in enumerate(size):
        check(n >= -1, f"invalid shape dimension {n} at index {i} of shape {list(size)}")
    check(size.count(-1) <= 1, "only one dimension can be inferred")
    known = math.prod(n for n in size if n >= 0)
    if -1 not in size:
        fits = known == numel
    elif known:
        fits = numel % known == 0
    else:
        fits = numel == 0
        check(
            not fits,
            f"cannot reshape tensor of 0 elements into shape {list(size)} because the unspecified dimension size -1 "
            "can be any value and is ambiguous",
        )
    check(fits, f"shape '{list(size)}' is invalid for input of size {numel}")
    return tuple(numel // known if n == -1 else n for n in size)


def view_strides(size: tuple, stride: tuple, new: tuple) -> tuple | None:
    """The strides of memory laid out as (size, stride) when it is looked at in the size `new`; None if it cannot be.

    From the last dimension to the first, old dimensions that lie in memory without a gap are merged, and each merged
    block must be filled exactly by some of the new ones.
    """
    if math.prod(size) == 0:
        if size == new:
            return stride
        steps, step = [], 1
        for n in reversed(new):
            steps.append(step)
            step *= max(n, 1)
        return tuple(reversed(steps))
    strides = [1] * len(new)
    at = len(new) - 1
    d = len(size) - 1
    while d >= 0:
        base, block = stride[d], size[d]
        while d > 0 and (size[d - 1] == 1 or stride[d - 1] == block * base):
            d -= 1
            block *= size[d]
        d -= 1
        filled = 1
        while at >= 0 and (filled < block or new[at] == 1):
            strides[at] = filled * base
            filled *= new[at]
            at -= 1
        if filled != block:
            return None
    return tuple(strides) if at < 0 or not size else None


def apart(size, stride) -> bool:
    """Whether all elements certainly have places of their own: each stride jumps over what the smaller ones reach."""
    reach = 0
    for s, n in sorted((s, n) for s, n in zip(stride, size, strict=True) if n > 1):
        if s <= reach:
            return False
        reach += s * (n - 1)
    return True


def broadcast_shape(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """The common shape, with PyTorch's error where there is none."""
    common: list[int] = []
    for shape in shapes:
        a, b = common, list(shape)
        n = max(len(a), len(b))
        a, b = [1] * (n - len(a)) + a, [1] * (n - len(b)) + b
        common = []
        for d, (x, y) in enumerate(zip(a, b, strict=True)):
            check(
                x == y or x == 1 or y == 1,
                f"The size of tensor a ({x}) must match the size of tensor b ({y}) at non-singleton dimension {d}",
            )
            common.append(y if x == 1 else x)
    return tuple(common)
