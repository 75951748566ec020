"""torch.cuda.nvtx: named ranges, which appear in jax.profiler's traces."""

from __future__ import annotations

import contextlib
from typing import Any

__all__ = ["range_push", "range_pop", "range_start", "range_end", "mark", "range"]

_stack: list[Any] = []


def range_push(msg: str) -> int:
    """Begin a range inside the present one; returns its depth."""
    import jax

    block = jax.profiler.TraceAnnotation(msg)
    block.__enter__()
    _stack.append(block)
    return len(_stack) - 1


def range_pop() -> int:
    """End the innermost range; returns its depth."""
    if _stack:
        _stack.pop().__exit__(None, None, None)
    return len(_stack)


def range_start(msg: str) -> Any:
    """Begin a range that `range_end` ends."""
    import jax

    block = jax.profiler.TraceAnnotation(msg)
    block.__enter__()
    return block


def range_end(range_id: Any) -> None:
    """End the range that `range_start` returned."""
    range_id.__exit__(None, None, None)


def mark(msg: str) -> None:
    """A range without length."""
    with range(msg):
        pass


@contextlib.contextmanager
def range(msg: str, *args: Any, **kwargs: Any):
    """A block as a range; `msg` is formatted with the arguments."""
    range_push(msg.format(*args, **kwargs))
    try:
        yield
    finally:
        range_pop()
