"""Where draws inside a JAX function come from: keys that the function was given.

A torchlike module that runs as a pure function (nn/to_flax.py) must not draw on the host, as its trace would hold the
numbers as constants. While `source(keys)` is open every draw of this thread is made by one of these keys.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import jax


class _Open(threading.local):
    next_key: Callable[[], jax.Array] | None = None


_open = _Open()


def current() -> Callable[[], jax.Array] | None:
    """What gives the next key, where draws come from keys now."""
    return _open.next_key


@contextlib.contextmanager
def source(next_key: Callable[[], jax.Array]) -> Iterator[None]:
    """Take all draws of this thread from keys: one call of `next_key` for each draw."""
    before, _open.next_key = _open.next_key, next_key
    try:
        yield
    finally:
        _open.next_key = before
