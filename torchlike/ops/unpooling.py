"""The way back from pooling to the places the values came from, and pooling over windows of random size."""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from torchlike.core.op import Array, op
from torchlike.ops.checks import check, listed, need, word
from torchlike.ops.pooling import _largest


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _put(places: int, values, at):
    rows = jnp.arange(values.shape[0])[:, None]
    return jnp.zeros((values.shape[0], places), values.dtype).at[rows, at].set(values, mode="drop")


@_put.defjvp
def _put_jvp(places, primals, tangents):
    # PyTorch's: also a value that a later one for the same place has overwritten gets that place's gradient
    values, at = primals
    rows = jnp.arange(values.shape[0])[:, None]
    moved = jnp.zeros((values.shape[0], places), values.dtype).at[rows, at].add(tangents[0], mode="drop")
    return _put(places, values, at), moved


def _unpool(n: int, input, indices, size):
    name = f"max_unpool{n}d"
    check(
        word(indices) == "Long",
        f"elements in indices should be type int64 but got: {word(indices)}",
    )
    check(len(size) == n, f"There should be exactly {n} elements in output_size, but got {len(size)} elements.")
    check(
        input.ndim in (n + 1, n + 2),
        f"Input to max_unpooling{n}d should be a {n + 1}d or {n + 2}d Tensor, but got a tensor with {input.ndim} "
        "dimensions.",
    )
    check(
        input.shape == indices.shape,
        "Expected shape of indices to be same as that of the input tensor "
        f"({listed(input)}) but got indices tensor with shape: {listed(indices)}",
    )
    check(
        all(input.shape[input.ndim - n :]),
        f"{name}(): Expected input to have non-zero size for non-batch dimensions, but got {listed(input)}",
    )
    need(input, name, 2, 2)
    lead = input.shape[: input.ndim - n]
    places = math.prod(size)
    values, at = input.reshape(math.prod(lead), -1), indices.reshape(math.prod(lead), -1)
    at = jnp.where((at >= 0) & (at < places), at, places)  # an index outside is left out
    return _put(places, values, at).reshape(*lead, *size)


@op(grad="MaxUnpool2DBackward0")
def max_unpool(input: Array, indices: Array, size: tuple, n: int):
    """Zeros (N, C, *size) with the values of `input` at the places `indices` that a max pooling in n dimensions
    returned. Of several values for one place the last counts."""
    return _unpool(n, input, indices, size)


def _starts(samples, n: int, o: int, k: int):
    """Where the o windows of length k begin along n elements: pseudorandom steps from one draw
    (https://arxiv.org/abs/1412.6071)."""
    u = samples[..., None]
    if o == 1:
        return jnp.full((*samples.shape, 1), n - k, jnp.int64)
    d = samples.dtype
    alpha = jnp.asarray((n - k) / (o - 1), d)
    i = jnp.arange(o - 1, dtype=d)
    whole = lambda x: jnp.trunc(x).astype(jnp.int64)  # noqa: E731
    first = whole((i + u) * alpha) - whole(u * alpha)
    return jnp.concatenate([first, jnp.full((*samples.shape, 1), n - k, jnp.int64)], -1)


def _fractional(n: int, input, samples, kernel, size):
    name = f"fractional_max_pool{n}d"
    check(
        len(kernel) == n,
        f"{name}: kernel_size must either be a single Int or tuple of Ints",
    )
    check(len(size) == n, f"{name}: output_size must either be a single Int or tuple of Ints")
    check(
        input.ndim in (n + 1, n + 2) and all(input.shape[1:]),
        f"{name}(): Expected {n + 1}D or {n + 2}D tensor, but got: {listed(input)}",
    )
    need(input, name, 2, 2)
    x = input if input.ndim == n + 2 else input[None]
    batch, channels, *spatial = x.shape
    check(
        samples.ndim == 3,
        "Expect _random_samples to have 3 dimensions",
    )
    check(
        samples.shape[0] >= batch and samples.shape[1] >= channels and samples.shape[2] == n,
        f"Expect _random_samples to be of shape ({batch}, {channels}, {n}), but got {listed(samples)}",
    )
    check(input.dtype == samples.dtype, "Expect _random_samples to have the same dtype as input")
    for what, s, o, k in zip(("time", "height", "width")[-n:], spatial, size, kernel, strict=True):
        check(
            o + k - 1 <= s,
            f"{name}_out(): pool {what} {k} too large relative to input {what} {s}"
            if n == 3
            else f"{name}(): pool {what} {k} too large relative to input {what} {s}",
        )
    wide = samples.astype(jnp.float32) if samples.dtype.itemsize == 2 else samples
    wide = wide[:batch, :channels]
    # the draws stand for width, height in two dimensions and for time, height, width in three
    order = range(n) if n == 3 else reversed(range(n))
    starts: list[Any] = [None] * n
    for draw, axis in enumerate(order):
        starts[axis] = _starts(wide[:, :, draw], spatial[axis], size[axis], kernel[axis])
    flat = x.reshape(batch, channels, math.prod(spatial))
    candidates = []
    for at in itertools.product(*map(range, kernel)):
        place: Any = np.zeros((1,) * (n + 2), np.int64)
        for axis, (start, i, s) in enumerate(zip(starts, at, spatial, strict=True)):
            where = [size[axis] if a == axis else 1 for a in range(n)]
            place = place * s + (start + i).reshape(batch, channels, *where)
        value = jnp.take_along_axis(flat, place.reshape(batch, channels, math.prod(size)), 2).reshape(place.shape)
        candidates.append((value, place))
    best, index = _largest(candidates)
    return (best, index) if input.ndim == n + 2 else (best[0], index[0])


@op(grad="FractionalMaxPool2DBackward0")
def fractional_max_pool2d(input: Array, random_samples: Array, kernel_size: tuple, output_size: tuple):
    """(largest values, their places) of windows whose steps `random_samples` (N, C, 2) decides."""
    return _fractional(2, input, random_samples, kernel_size, output_size)


@op(grad="FractionalMaxPool3DBackward0")
def fractional_max_pool3d(input: Array, random_samples: Array, kernel_size: tuple, output_size: tuple):
    """(largest values, their places) of windows whose steps `random_samples` (N, C, 3) decides."""
    return _fractional(3, input, random_samples, kernel_size, output_size)
