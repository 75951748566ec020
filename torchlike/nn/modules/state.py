"""The state of a module as a dictionary of tensors, and back again."""

from __future__ import annotations

import warnings
import weakref
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from torchlike.core.autograd import no_grad
from torchlike.core.hooks import RemovableHandle
from torchlike.nn.modules.hooks import Handle
from torchlike.nn.parameter import Parameter, is_lazy
from torchlike.tensor import Tensor

_EXTRA_STATE_KEY_SUFFIX = "_extra_state"
_BUG = (
    "Reached a code path in Module.{}() that should never be called. Please file an issue at "
    "https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml to report this bug."
)


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What `load_state_dict` found on one side only."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"_IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"

    __str__ = __repr__


class StateMethods:
    """The part of Module that saves and loads."""

    _version: int
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _non_persistent_buffers_set: set[str]
    _modules: dict[str, Any]
    _state_dict_hooks: OrderedDict
    _state_dict_pre_hooks: OrderedDict
    _load_state_dict_pre_hooks: OrderedDict
    _load_state_dict_post_hooks: OrderedDict

    # --- saving -----------------------------------------------------------------------------------------------------

    def state_dict(
        self, *args, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """An ordered dictionary from dotted names to the parameters and persistent buffers of this module and below.

        Args:
            destination: a dictionary to add to, instead of a new one.
            prefix: put before every name.
            keep_vars: whether the values are the parameters themselves; otherwise they are detached, but share memory.

        Its attribute `_metadata` holds each module's version number, which `load_state_dict` hands to the loaders.

        >>> import torchlike as torch
        >>> list(torch.nn.Sequential(torch.nn.Linear(2, 1)).state_dict(prefix="net."))
        ['net.0.weight', 'net.0.bias']
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead. Refer to "
                "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.state_dict for details.",
                FutureWarning,
                stacklevel=2,
            )
            destination = args[0] if destination is None else destination
            prefix = args[1] if len(args) > 1 and not prefix else prefix
            keep_vars = args[2] if len(args) > 2 and not keep_vars else keep_vars
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()  # type: ignore[attr-defined]
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            answer = hook(self, destination, prefix, local_metadata)
            if getattr(hook, "_from_public_api", False):
                if answer is not None:
                    raise RuntimeError("state_dict post-hook must return None")
            elif answer is not None:
                destination = answer
        return destination

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Put this module's own state, without its children's, into `destination`; a layer may override it."""
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars else value.detach()
        if _extends_state(self, "get_extra_state"):
            destination[prefix + _EXTRA_STATE_KEY_SUFFIX] = self.get_extra_state()

    def _own_state(self) -> dict[str, Tensor]:
        """This module's own parameters and persistent buffers that are not None."""
        own: dict[str, Tensor] = {name: p for name, p in self._parameters.items() if p is not None}
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                own[name] = buffer
        return own

    def get_extra_state(self) -> Any:
        """What `state_dict` stores for this module beside tensors: override it, together with `set_extra_state`."""
        raise RuntimeError(_BUG.format("get_extra_state"))

    def set_extra_state(self, state: Any) -> None:
        """Take back what `get_extra_state` gave: called by `load_state_dict` where overridden."""
        raise RuntimeError(_BUG.format("set_extra_state"))

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Run `hook(module, prefix, keep_vars)` before `state_dict` collects this module's state."""
        return Handle(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Run `hook(module, state_dict, prefix, local_metadata)` after it; the dictionary is changed in place."""
        hook._from_public_api = True  # type: ignore[attr-defined]
        return Handle(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        """As `register_state_dict_post_hook`, but what the hook returns, unless None, replaces the dictionary."""
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError(
                "Cannot register the same function as the state dict post hook that was previously registered via "
                "register_state_dict_post_hook"
            )
        return Handle(self._state_dict_hooks, hook)

    # --- loading ----------------------------------------------------------------------------------------------------

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> _IncompatibleKeys:
        """Copy the values of `state_dict` into the parameters and buffers of this module and its children.

        Args:
            state_dict: dotted names to tensors; it is not changed.
            strict: whether names on one side only are an error.
            assign: put the tensors themselves in place, with their dtype and device, instead of copying their values;
                parameters keep their `requires_grad`.

        Returns a pair of lists, `missing_keys` and `unexpected_keys`. RuntimeError with every complaint in it if a
        shape differs, or, with `strict`, a name. TypeError if `state_dict` is no mapping.

        >>> import torchlike as torch
        >>> m = torch.nn.Linear(2, 1)
        >>> m.load_state_dict({"weight": torch.ones(1, 2), "bias": torch.zeros(1)})
        <All keys matched successfully>
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        found = _Findings(strict, assign, getattr(state_dict, "_metadata", None))
        state_dict = OrderedDict(state_dict)
        if found.metadata is not None:
            state_dict._metadata = found.metadata  # type: ignore[attr-defined]
        found.load(self, state_dict, "")
        errors = found.errors
        if strict:
            for kind, names in (("Unexpected", found.unexpected), ("Missing", found.missing)):
                if names:
                    listed = ", ".join(f'"{name}"' for name in names)
                    errors.insert(0, f"{kind} key(s) in state_dict: {listed}. ")
        if errors:
            complaints = "\n\t".join(errors)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{complaints}")
        return _IncompatibleKeys(found.missing, found.unexpected)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load this module's own state, without its children's, adding to the three lists: the place to override."""
        for hook in self._load_state_dict_pre_hooks.values():
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        assign = local_metadata.get("assign_to_params_buffers", False)
        own = self._own_state()
        for name, target in own.items():
            key = prefix + name
            if key not in state_dict:
                if strict:
                    missing_keys.append(key)
                continue
            complaint = self._load_one(name, key, target, state_dict[key], assign)
            if complaint:
                error_msgs.append(complaint)
        extra_key = prefix + _EXTRA_STATE_KEY_SUFFIX
        if _extends_state(self, "set_extra_state"):
            if extra_key in state_dict:
                self.set_extra_state(state_dict[extra_key])
            elif strict:
                missing_keys.append(extra_key)
        elif strict and extra_key in state_dict:
            unexpected_keys.append(extra_key)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra_key:
                    first, *deeper = key[len(prefix) :].split(".", 1)
                    if first not in (self._modules if deeper else own):
                        unexpected_keys.append(key)

    def _load_one(self, name: str, key: str, target: Tensor, value: Any, assign: bool) -> str | None:
        """Load one tensor; the complaint if it cannot be."""
        if not isinstance(value, Tensor):
            return (
                f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from '
                f"checkpoint but received {type(value)}"
            )
        known = not is_lazy(value)
        if known and target.dim() == 0 and value.dim() == 1 and len(value) == 1:
            value = value[0]  # checkpoints of PyTorch 0.3 and before have no 0-dim tensors
        if known and value.shape != target.shape:
            return (
                f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, the shape in "
                f"current model is {target.shape}."
            )
        try:
            with no_grad():
                if not assign:
                    target.copy_(value)
                    return None
                if isinstance(target, Parameter):
                    if isinstance(value, Parameter):
                        value.requires_grad_(target.requires_grad)
                    else:
                        value = Parameter(value, requires_grad=target.requires_grad)
                setattr(self, name, value)
        except Exception as error:
            return (
                f'While copying the parameter named "{key}", whose dimensions in the model are {target.size()} and '
                f"whose dimensions in the checkpoint are {value.size()}, an exception occurred : {error.args}."
            )
        return None

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Run a hook before this module's own state is loaded, to rename or convert what an older version saved.

        It is called as `hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs)` and changes the dictionary, a copy of the caller's, in place.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(self, hook: Callable, with_module: bool = False) -> RemovableHandle:
        """As `register_load_state_dict_pre_hook`; without `with_module` the hook is not given the module."""
        return Handle(self._load_state_dict_pre_hooks, _PreHook(hook, self) if with_module else hook)

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Run `hook(module, incompatible_keys)` after this module and its children are loaded.

        It may change the lists in `incompatible_keys`, for instance clear them so that a strict load passes.
        """
        return Handle(self._load_state_dict_post_hooks, hook)


class _PreHook:
    """A load hook together with its module, which it does not keep alive; a copy belongs to the copied module."""

    def __init__(self, hook: Callable, module: Any):
        self.__setstate__((hook, module))

    def __call__(self, *args):
        return self.hook(self.module(), *args)

    def __getstate__(self):
        return self.hook, self.module()

    def __setstate__(self, state):
        self.hook, module = state
        self.module = weakref.ref(module)


class _Findings:
    """A walk over a module and its children that loads each one's part and notes what was wrong."""

    def __init__(self, strict: bool, assign: bool, metadata: Any):
        self.strict = strict
        self.assign = assign
        self.metadata = metadata
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.errors: list[str] = []

    def load(self, module, state_dict: dict[str, Any], prefix: str) -> None:
        # a copy: PyTorch's own leaves the mark below in the caller's dictionary, and the next load would assign too
        local_metadata = {} if self.metadata is None else dict(self.metadata.get(prefix[:-1], {}))
        if self.assign:
            local_metadata["assign_to_params_buffers"] = True
        # True for strict, whatever the caller chose: names that do not match are reported either way
        module._load_from_state_dict(
            state_dict, prefix, local_metadata, True, self.missing, self.unexpected, self.errors
        )
        for name, child in module._modules.items():
            if child is not None:
                inside = f"{prefix}{name}."
                own = OrderedDict((key, value) for key, value in state_dict.items() if key.startswith(inside))
                self.load(child, own, inside)
        incompatible = _IncompatibleKeys(self.missing, self.unexpected)
        for hook in module._load_state_dict_post_hooks.values():
            answer = hook(module, incompatible)
            assert answer is None, (
                "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new values, "
                "if incompatible_keys need to be modified, it should be done inplace."
            )


def _extends_state(module: StateMethods, name: str) -> bool:
    """Whether a subclass overrides `get_extra_state` or `set_extra_state`."""
    return getattr(type(module), name) is not getattr(StateMethods, name)
