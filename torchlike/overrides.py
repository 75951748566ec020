"""torch.overrides: `__torch_function__`. Operations here never call it; what can be answered without that is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from torchlike.tensor import Tensor

__all__ = [
    "TorchFunctionMode", "BaseTorchFunctionMode", "has_torch_function", "handle_torch_function", "is_tensor_like",
    "is_tensor_method_or_property", "get_ignored_functions", "get_overridable_functions",
    "get_default_nowrap_functions", "get_testing_overrides", "resolve_name",
    "wrap_torch_function", "enable_reentrant_dispatch",
]  # fmt: skip


class TorchFunctionMode:
    """A block in which `__torch_function__` of this object sees every operation. Entering it raises."""

    def __torch_function__(self, func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise NotImplementedError

    def __enter__(self) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__}(): operations here do not pass through __torch_function__; see torchlike.explain "
            "for what is recorded, or wrap the functions that you call"
        )

    def __exit__(self, *exc: Any) -> None:
        pass


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing; entering it raises, as `TorchFunctionMode` does."""


def _overloaded(args: Iterable[Any]) -> list:
    return [a for a in args if not isinstance(a, type) and hasattr(type(a), "__torch_function__")]


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """Whether one of the arguments has a `__torch_function__` of its own."""
    return bool(_overloaded(relevant_args))


def has_torch_function_unary(arg: Any) -> bool:
    """Whether the argument has a `__torch_function__` of its own."""
    return has_torch_function((arg,))


def has_torch_function_variadic(*args: Any) -> bool:
    """Whether one of the arguments has a `__torch_function__` of its own."""
    return has_torch_function(args)


def handle_torch_function(public_api: Callable, relevant_args: Iterable[Any], *args: Any, **kwargs: Any) -> Any:
    """Let the arguments' `__torch_function__` answer a call, in order, until one does; TypeError if none does."""
    found = _overloaded(relevant_args)
    types = tuple({type(a) for a in found})
    for a in found:
        result = a.__torch_function__(public_api, types, args, kwargs)
        if result is not NotImplemented:
            return result
    raise TypeError(f"no implementation found for '{resolve_name(public_api)}' on types that implement "
                    f"__torch_function__: {list(types)}")  # fmt: skip


def wrap_torch_function(dispatcher: Callable) -> Callable:
    """A decorator: arguments with a `__torch_function__` (those that `dispatcher(*args)` names) answer the call."""

    def decorate(func: Callable) -> Callable:
        @functools.wraps(func)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return func(*args, **kwargs)

        return wrapped

    return decorate


def is_tensor_like(inp: Any) -> bool:
    """Whether it is a tensor or has a `__torch_function__`."""
    return isinstance(inp, Tensor) or hasattr(inp, "__torch_function__")


def is_tensor_method_or_property(func: Callable) -> bool:
    """Whether a function is a method of Tensor."""
    return any(func is value for value in vars(Tensor).values())


def get_default_nowrap_functions() -> set:
    """Functions whose result is not wrapped into a subclass: none is, see the module's first line."""
    return set()


def get_ignored_functions() -> set:
    """All are ignored by `__torch_function__`; as there is no list of them, an empty set."""
    return set()


def get_overridable_functions() -> dict:
    """None can be overridden."""
    return {}


def get_testing_overrides() -> dict:
    """None can be overridden."""
    return {}


def resolve_name(f: Callable) -> str | None:
    """The name of a function, "torch.add"."""
    module = (getattr(f, "__module__", None) or "").replace("torchlike", "torch", 1)
    name = getattr(f, "__qualname__", None) or getattr(f, "__name__", None)
    return name if not name or name.startswith(("torch.", "Tensor.")) or not module else f"{module}.{name}"


def enable_reentrant_dispatch() -> Any:
    """A block that changes nothing."""
    import contextlib

    return contextlib.nullcontext()


def _disabled_torch_function_impl(func: Callable, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """Call the function as it is."""
    return func(*args, **(kwargs or {}))
