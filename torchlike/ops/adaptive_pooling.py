"""Pooling to a given output size: window i of o covers the input from floor(i·n/o) to ceil((i+1)·n/o)."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np

from torchlike.core.op import Array, inexact, op
from torchlike.ops.checks import check, listed, ntuple
from torchlike.ops.pooling import _avg_pool, _largest, _max_pool


def _borders(n: int, o: int) -> tuple[np.ndarray, np.ndarray]:
    i = np.arange(o)
    return i * n // o, -(-(i + 1) * n // o)


def _target(name: str, n: int, input, output_size) -> tuple:
    """The output sizes; None keeps a size of the input."""
    message = f"{name}: output_size must be {n}"
    given = ntuple(output_size, n, message)
    size = input.shape[input.ndim - n :]
    target = tuple(s if o is None else o for s, o in zip(size, given, strict=True))
    check(
        all(o >= 0 for o in target),
        f"{name}: elements of output_size must be greater than or equal to 0 but received "
        "{" + ", ".join(map(str, target)) + "}",
    )
    return target


def _adaptive_avg(name: str, n: int, input, output_size):
    if n == 1:
        check(
            input.ndim in (2, 3),
            f"Expected 2 to 3 dimensions, but got {input.ndim}-dimensional tensor for argument #1 'self' (while "
            "checking arguments for adaptive_avg_pool1d)",
        )
    else:
        _check_input_dims(n, input, output_size)
    check(
        input.ndim in (n + 1, n + 2),
        f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got {listed(input)}",
    )
    target = _target(name, n, input, output_size)
    size = input.shape[input.ndim - n :]
    check(inexact(np.dtype(input.dtype)), f"\"{name}\" not implemented for integers", NotImplementedError)
    if all(o and s % o == 0 for s, o in zip(size, target, strict=True)):
        kernel = tuple(s // o for s, o in zip(size, target, strict=True))
        return _avg_pool(name, n, input, kernel, None, 0, False, True, None)
    x = input.astype(jnp.promote_types(input.dtype, jnp.float32))
    for axis, (s, o) in enumerate(zip(size, target, strict=True), input.ndim - n):
        start, stop = _borders(s, o)
        along = [-1 if a == axis else 1 for a in range(input.ndim)]
        total = jnp.zeros((), x.dtype)
        for i in range(int((stop - start).max(initial=0))):  # a product with weights would put NaN in every window
            taken = jnp.take(x, jnp.asarray(np.minimum(start + i, s - 1)), axis)
            total = total + jnp.where((start + i < stop).reshape(along), taken, 0)
        x = total / jnp.asarray(stop - start, x.dtype).reshape(along)
    return x.astype(input.dtype)


def _check_input_dims(n: int, input, output_size) -> None:
    """PyTorch's nn.functional looks at the dimensions first where the output size is a sequence."""
    check(
        not isinstance(output_size, tuple | list) or input.ndim > len(output_size),
        f"Input dimension should be at least {n + 1}",
        ValueError,
    )


def _adaptive_max(name: str, n: int, input, output_size, indices: bool):
    if n > 1:
        _check_input_dims(n, input, output_size)
    check(
        input.ndim in (n + 1, n + 2),
        f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got: {listed(input)}",
    )
    target = _target(name, n, input, output_size)
    size = input.shape[input.ndim - n :]
    if all(o and s % o == 0 for s, o in zip(size, target, strict=True)):
        kernel = tuple(s // o for s, o in zip(size, target, strict=True))
        return _max_pool(f"max_pool{n}d", n, input, kernel, None, 0, 1, False, indices)
    starts, longest = [], []
    for s, o in zip(size, target, strict=True):
        start, stop = _borders(s, o)
        starts.append((start, stop))
        longest.append(int((stop - start).max(initial=0)))
    lead = input.ndim - n
    candidates = []
    for at in itertools.product(*map(range, longest)):
        value, flat = input, np.zeros((1,) * n, np.int64)
        for axis, ((start, stop), i, s) in enumerate(zip(starts, at, size, strict=True)):
            # a shorter window repeats its last element, which as an equal is never taken
            place = np.minimum(start + i, stop - 1)
            value = jnp.take(value, jnp.asarray(place), axis=lead + axis)
            flat = flat * s + place.reshape([-1 if a == axis else 1 for a in range(n)])
        candidates.append((value, jnp.asarray(flat)))
    best, index = _largest(candidates)
    return (best, jnp.broadcast_to(index, best.shape)) if indices else best


@op("torch.adaptive_avg_pool1d", "F.adaptive_avg_pool1d", grad="SqueezeBackward1")
def adaptive_avg_pool1d(input: Array, output_size: int):
    """Means over `output_size` windows that cover `input` (N, C, L)."""
    return _adaptive_avg("adaptive_avg_pool1d", 1, input, output_size)


@op("F.adaptive_avg_pool2d", grad="AdaptiveAvgPool2DBackward0")
def adaptive_avg_pool2d(input: Array, output_size: int):
    """Means over windows that cover `input` (N, C, H, W), as many as `output_size` (oH, oW) says; None keeps a size."""
    return _adaptive_avg("adaptive_avg_pool2d", 2, input, output_size)


@op("F.adaptive_avg_pool3d", grad="AdaptiveAvgPool3DBackward0")
def adaptive_avg_pool3d(input: Array, output_size: int):
    """Means over windows that cover `input` (N, C, D, H, W)."""
    return _adaptive_avg("adaptive_avg_pool3d", 3, input, output_size)


@op(grad="SqueezeBackward1")
def adaptive_max_pool1d(input: Array, output_size: int, return_indices: bool = False):
    """The largest values of `output_size` windows that cover `input` (N, C, L)."""
    return _adaptive_max("adaptive_max_pool1d", 1, input, output_size, return_indices)


@op(grad="AdaptiveMaxPool2DBackward0")
def adaptive_max_pool2d(input: Array, output_size: int, return_indices: bool = False):
    """The largest values of windows that cover `input` (N, C, H, W)."""
    return _adaptive_max("adaptive_max_pool2d", 2, input, output_size, return_indices)


@op(grad="AdaptiveMaxPool3DBackward0")
def adaptive_max_pool3d(input: Array, output_size: int, return_indices: bool = False):
    """The largest values of windows that cover `input` (N, C, D, H, W)."""
    return _adaptive_max("adaptive_max_pool3d", 3, input, output_size, return_indices)
