"""torch.fx.node: what can be done with arguments without a graph; see torch.fx."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchlike import absent as _absent

Argument = Any
Target = Any
_absent.fill(globals(), _absent.NO_GRAPHS, kinds="Node")


def map_aggregate(a: Any, fn: Callable[[Any], Any]) -> Any:
    """A nest of tuples, lists, dicts and slices with every leaf replaced by `fn(leaf)`."""
    if isinstance(a, tuple):
        parts = [map_aggregate(x, fn) for x in a]
        return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
    if isinstance(a, list):
        return [map_aggregate(x, fn) for x in a]
    if isinstance(a, dict):
        return {k: map_aggregate(v, fn) for k, v in a.items()}
    if isinstance(a, slice):
        return slice(map_aggregate(a.start, fn), map_aggregate(a.stop, fn), map_aggregate(a.step, fn))
    return fn(a)


def map_arg(a: Any, fn: Callable[[Any], Any]) -> Any:
    """The nest itself: `fn` goes to the nodes of a graph in it, and there can be none."""
    return map_aggregate(a, lambda x: x)


def has_side_effect(fn: Callable) -> Callable:
    """The function as it is."""
    return fn
