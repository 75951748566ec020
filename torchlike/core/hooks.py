"""Handles that remove a registered hook again."""

from __future__ import annotations

import itertools
import weakref

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
