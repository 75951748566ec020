"""torch.utils.hooks: handles of registered hooks."""

from __future__ import annotations

from typing import Any

from torchlike.core.hooks import RemovableHandle as RemovableHandle

__all__ = ["RemovableHandle", "unserializable_hook", "warn_if_has_hooks"]


def unserializable_hook(f: Any) -> Any:
    """Mark a hook that is not saved with its tensor."""
    f.__torch_unserializable__ = True
    return f


def warn_if_has_hooks(tensor: Any) -> None:
    """A warning if a tensor has hooks, which are not saved with it."""
    import warnings

    node = tensor._accumulator
    for hook in (node and node.tensor_hooks or {}).get(0, {}).values():
        if not getattr(hook, "__torch_unserializable__", False):
            warnings.warn(f"backward hook {hook!r} on tensor will not be serialized.",
                          UserWarning, stacklevel=2)  # fmt: skip
