"""Draws inside a JAX function: the same calls as on a generator, answered by `jax.random` from a key.

A torchlike module that runs as a pure function (nn/to_flax.py) must not draw on the host, as its trace would hold the
numbers as constants. While `source(keys)` is open every draw of this thread comes from the next of these keys. The
numbers are JAX's, not PyTorch's.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from torchlike.core.device import x64


class _Open(threading.local):
    source: Keyed | None = None


_open = _Open()


def current() -> Keyed | None:
    """Where draws come from now, if not from a generator."""
    return _open.source


@contextlib.contextmanager
def source(next_key: Callable[[], jax.Array]) -> Iterator[None]:
    """Take all draws of this thread from keys: one call of `next_key` for each draw."""
    before, _open.source = _open.source, Keyed(next_key)
    try:
        yield
    finally:
        _open.source = before


class Keyed:
    """The draws of `core.random.Generator` that have a counterpart in `jax.random`."""

    def __init__(self, next_key: Callable[[], jax.Array]):
        self._next_key = next_key

    def draw(self, sample: Callable) -> jax.Array:
        """What `sample(generator)` makes of the next key."""
        return jnp.asarray(sample(_OneKey(self._next_key())))


def _as(x: jax.Array, dtype) -> jax.Array:
    with x64():
        return x.astype(dtype)


class _OneKey:
    """One key as a generator. Drawn is in the width that the user's JAX has, and then converted."""

    def __init__(self, key: jax.Array):
        self._key = key

    def __getattr__(self, name: str):
        raise NotImplementedError(
            f"a draw by `{name}` inside a JAX function: draw before, and pass the numbers in as an argument"
        )

    def uniform(self, size, low=0.0, high=1.0, dtype=np.float32):
        return _as(jax.random.uniform(self._key, tuple(size)), dtype) * (high - low) + low

    def normal(self, size, mean=0.0, std=1.0, dtype=np.float32):
        return _as(jax.random.normal(self._key, tuple(size)), dtype) * std + mean

    def exponential(self, size, lambd=1.0, dtype=np.float32):
        return _as(jax.random.exponential(self._key, tuple(size)), dtype) / lambd

    def bernoulli(self, p, size, dtype=np.float32):
        return _as(jax.random.bernoulli(self._key, float(p), tuple(size)), dtype)

    def randint(self, low, high, size, dtype=np.int64):
        return _as(jax.random.randint(self._key, tuple(size), low, high), dtype)

    def randperm(self, n, dtype=np.int64):
        return _as(jax.random.permutation(self._key, n), dtype)
