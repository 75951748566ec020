"""Which parts of a module FSDP would wrap: functions that say so, and calls that wrap, which raise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torchlike import absent as _absent

_absent.fill(
    globals(), "shard parameters with JAX; on one device use the module as it is", functions="wrap enable_wrap",
)  # fmt: skip


def always_wrap_policy(*args: Any, **kwargs: Any) -> bool:
    """True: every module."""
    return True


def lambda_auto_wrap_policy(module: Any, recurse: bool, nonwrapped_numel: int, lambda_fn: Callable) -> bool:
    """The modules for which a function says so."""
    return True if recurse else lambda_fn(module)


def transformer_auto_wrap_policy(
    module: Any, recurse: bool, nonwrapped_numel: int, transformer_layer_cls: Iterable[type]
) -> bool:
    """The modules of these classes."""
    return True if recurse else isinstance(module, tuple(transformer_layer_cls))


_module_wrap_policy = transformer_auto_wrap_policy


def _or_policy(module: Any, recurse: bool, nonwrapped_numel: int, policies: Iterable[Callable]) -> bool:
    """The modules that one of several functions says."""
    return any(p(module=module, recurse=recurse, nonwrapped_numel=nonwrapped_numel) for p in policies)


def size_based_auto_wrap_policy(
    module: Any, recurse: bool, nonwrapped_numel: int, min_num_params: int = int(1e8),
    force_leaf_modules: Any = None, exclude_wrap_modules: Any = None,
) -> bool:  # fmt: skip
    """The modules with so many parameters."""
    return nonwrapped_numel >= min_num_params


class _Policy:
    """A rule that says which modules would be wrapped."""


class ModuleWrapPolicy(_Policy):
    """The modules of these classes."""

    def __init__(self, module_classes: Iterable[type]):
        self._module_classes = set(module_classes)

    def __call__(self, module: Any, recurse: bool, *args: Any, **kwargs: Any) -> bool:
        return transformer_auto_wrap_policy(module, recurse, 0, self._module_classes)


class CustomPolicy(_Policy):
    """The modules for which a function says so."""

    def __init__(self, lambda_fn: Callable):
        self._lambda_fn = lambda_fn


