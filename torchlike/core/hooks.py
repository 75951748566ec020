"""Hooks: handles that remove one again, and running those of a node in the backward pass."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

_keys = itertools.count()


class RemovableHandle:
    """Returned by every `register_*hook`; `remove()` or the end of a `with` block takes the hook away."""

    def __init__(self, hooks: dict, hook=None, *, first: bool = False):
        self.id = next(k for k in _keys if k not in hooks)  # an unpickled table may hold any id
        # a plain dict cannot be weakly referenced; its owner lives as long as the hooks matter
        self._hooks = weakref.ref(hooks) if hasattr(hooks, "__weakref__") else (lambda: hooks)
        if hook is not None:
            if first:
                rest = dict(hooks)
                hooks.clear()
                hooks[self.id] = hook
                hooks.update(rest)
            else:
                hooks[self.id] = hook

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        hooks = self._hooks()
        if hooks is not None:
            hooks.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, *exc) -> None:
        self.remove()


def _checked(hook: Callable, before: Any, now: Any) -> Any:
    """What a hook returned in the place of a gradient, with PyTorch's errors."""
    if before is None or now is None:
        return now
    if not hasattr(now, "_aval"):
        raise TypeError(f"expected Variable, but hook returned '{type(now).__name__}'")
    a, b = before._aval(), now._aval()
    if a.dtype != b.dtype or a.device is not b.device:
        raise RuntimeError(
            f"hook '{_name(hook)}' has changed the type of value (was {before.type()} got {now.type()})"
        )
    if a.shape != b.shape:
        raise RuntimeError(f"hook '{_name(hook)}' has changed the size of value")
    return now


def _name(hook: Callable) -> str:
    return getattr(hook, "__name__", type(hook).__name__)


def run_tensor_hooks(node: Any, cotangents: list) -> None:
    """Let the hooks of the outputs replace their gradients, in place."""
    for nr, hooks in (node.tensor_hooks or {}).items():
        for hook in list(hooks.values()):
            if cotangents[nr] is not None and (other := hook(cotangents[nr])) is not None:
                cotangents[nr] = _checked(hook, cotangents[nr], other)


def _all_checked(hook: Callable, before: tuple, now: Any) -> tuple:
    """What a hook returned in the place of several gradients."""
    if not isinstance(now, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(now).__name__}'")
    if len(now) != len(before):
        raise RuntimeError(
            f"hook '{_name(hook)}' has returned an incorrect number of values (got {len(now)}, but expected "
            f"{len(before)})"
        )
    return tuple([_checked(hook, b, n) for b, n in zip(before, now, strict=True)])


def run_pre_hooks(node: Any, cotangents: list) -> list:
    """The gradients of the outputs after the hooks that run before the node."""
    given = tuple(cotangents)
    for hook in list((node.pre_hooks or {}).values()):
        other = hook(given)
        if other is not None:
            given = _all_checked(hook, given, other)
    return list(given)


def run_post_hooks(node: Any, grads: list, cotangents: list) -> list:
    """The gradients of the inputs after the hooks that run behind the node."""
    places = node.shown()
    given = tuple([None if i is None else grads[i] for i in places])
    for hook in list((node.post_hooks or {}).values()):
        other = hook(given, tuple(cotangents))
        if other is not None:
            given = _all_checked(hook, given, other)
    grads = list(grads)
    for i, g in zip(places, given, strict=True):
        if i is not None:
            grads[i] = g
    return grads
