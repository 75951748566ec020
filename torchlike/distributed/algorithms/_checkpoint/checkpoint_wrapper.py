"""checkpoint_wrapper: a module under torch.utils.checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Any

from torchlike.nn.modules.module import Module
from torchlike.utils.checkpoint import checkpoint

_PREFIX = "_checkpoint_wrapped_module."


class CheckpointImpl(Enum):
    """Which of the two ways of torch.utils.checkpoint."""

    REENTRANT = auto()
    NO_REENTRANT = auto()


class CheckpointWrapper(Module):
    """A module whose intermediate tensors are computed again in the backward pass. Its state_dict is the module's."""

    def __init__(
        self, mod: Module, checkpoint_impl: CheckpointImpl = CheckpointImpl.NO_REENTRANT,
        checkpoint_fn: Callable | None = None, **checkpoint_fn_kwargs: Any,
    ):  # fmt: skip
        super().__init__()
        self._checkpoint_wrapped_module = mod
        self.checkpoint_impl = checkpoint_impl
        self.checkpoint_fn = checkpoint_fn
        self.settings = checkpoint_fn_kwargs
        self._register_state_dict_hook(self._without_prefix)
        self.register_load_state_dict_pre_hook(self._with_prefix)

    @staticmethod
    def _without_prefix(module: Any, state: dict, prefix: str, *args: Any) -> None:
        for key in list(state):
            if key.startswith(prefix + _PREFIX):
                state[prefix + key[len(prefix + _PREFIX) :]] = state.pop(key)

    @staticmethod
    def _with_prefix(module: Any, state: dict, prefix: str, *args: Any) -> None:
        for key in list(state):
            if key.startswith(prefix) and not key.startswith(prefix + _PREFIX):
                state[prefix + _PREFIX + key[len(prefix) :]] = state.pop(key)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The module, under `checkpoint`."""
        inner = self._checkpoint_wrapped_module
        if self.checkpoint_fn is not None:
            return self.checkpoint_fn(inner, *args, **self.settings, **kwargs)
        reentrant = self.checkpoint_impl is CheckpointImpl.REENTRANT
        return checkpoint(inner, *args, use_reentrant=reentrant, **self.settings, **kwargs)


def checkpoint_wrapper(module: Module, checkpoint_impl: CheckpointImpl = CheckpointImpl.NO_REENTRANT,
                       checkpoint_fn: Callable | None = None, **kwargs: Any) -> CheckpointWrapper:  # fmt: skip
    """`CheckpointWrapper(module, ...)`."""
    return CheckpointWrapper(module, checkpoint_impl, checkpoint_fn, **kwargs)


def apply_activation_checkpointing(
    model: Module, checkpoint_wrapper_fn: Callable = checkpoint_wrapper, check_fn: Callable = lambda _: True,
    auto_wrap_policy: Any = None,
) -> None:  # fmt: skip
    """Wrap every module inside `model` for which `check_fn` says so, in place."""
    if auto_wrap_policy is not None:
        raise NotImplementedError("apply_activation_checkpointing(auto_wrap_policy=...): give a check_fn")
    for parent in list(model.modules()):
        if isinstance(parent, CheckpointWrapper):
            continue
        for name, child in list(parent.named_children()):
            if check_fn(child):
                setattr(parent, name, checkpoint_wrapper_fn(child))
