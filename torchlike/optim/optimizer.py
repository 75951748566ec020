"""The base of every optimizer: parameter groups, state, hooks and PyTorch's checkpoint layout. No mathematics."""

from __future__ import annotations

import functools
import itertools
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, TypeAlias

from torchlike.core import capture, graph
from torchlike.core.hooks import RemovableHandle
from torchlike.core.op import TABLE
from torchlike.core.tape import barrier
from torchlike.tensor import Tensor

ParamsT: TypeAlias = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]
_params_t = ParamsT

_HOOKS = tuple(f"_optimizer_{what}_{when}_hooks" for what in ("step", "state_dict", "load_state_dict")
               for when in ("pre", "post"))  # fmt: skip
_before_every_step: dict = {}
_after_every_step: dict = {}


class _Required:
    """Marks a setting that has no default: every group must give it."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` before each step of every optimizer."""
    return RemovableHandle(_before_every_step, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Call `hook(optimizer, args, kwargs)` after each step of every optimizer."""
    return RemovableHandle(_after_every_step, hook)


class Optimizer:
    """What all optimizers share. A subclass calls `super().__init__(params, defaults)` and defines `step`.

    Args:
        params: tensors, (name, tensor) pairs, or dicts with "params" and settings of their own for a group.
        defaults: settings for the groups that do not give them.

    `param_groups` are plain dicts that may be changed at any time; `state` holds what is kept for each parameter.
    `step()` is a barrier: what the training step recorded runs there, usually as one program.

    >>> import torchlike as torch
    >>> w = torch.ones(2, requires_grad=True)
    >>> optimizer = torch.optim.SGD([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0., 0.], requires_grad=True)
    """

    _optimizer_step_pre_hooks: dict
    _optimizer_step_post_hooks: dict
    _optimizer_state_dict_pre_hooks: dict
    _optimizer_state_dict_post_hooks: dict
    _optimizer_load_state_dict_pre_hooks: dict
    _optimizer_load_state_dict_post_hooks: dict
    _generation = 0  # how often the state was replaced
    _opt_called: bool | None = None  # None until a learning rate scheduler asks to be told of the first step

    def __init_subclass__(cls, **kwargs) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = Optimizer.profile_hook_step(cls.__dict__["step"])  # type: ignore[method-assign]

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + _typename(params)
            )
        self.defaults = defaults
        self.state: defaultdict[Any, Any] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._prepare()
        groups: list = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _prepare(self) -> None:
        for name in _HOOKS:
            setattr(self, name, {})

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if _HOOKS[0] not in self.__dict__:
            self._prepare()
        self.defaults.setdefault("differentiable", False)
        self._generation += 1

    def _structure(self) -> tuple:
        """What of the settings is structure, not input, and which state is in use: a captured step holds for one
        structure."""
        return self._generation, tuple([len(group["params"]) for group in self.param_groups])

    def __repr__(self) -> str:
        groups = "\n".join(
            f"Parameter Group {i}\n" + "".join(f"    {k}: {group[k]}\n" for k in sorted(group) if k != "params")
            for i, group in enumerate(self.param_groups)
        )
        return f"{type(self).__name__} (\n{groups})"

    # --- groups -----------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group: a dict with "params" and the settings in which it differs from the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, Tensor):
            params = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
                "will change between runs. Please use a list instead."
            )
        params = list(params)
        named = [isinstance(p, tuple) for p in params]
        if any(named):
            if not all(named):
                raise ValueError("all optimizer params should be with/without names. Some param names are missing")
            param_group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        param_group["params"] = params
        for p in params:
            if not isinstance(p, Tensor):
                raise TypeError("optimizer can only optimize Tensors, but one of the params is " + _typename(p))
            if not (self.defaults.get("differentiable") or p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        ids = set(map(id, params))
        if len(ids) != len(params):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=3,
            )
        if self.param_groups:
            has_names = "param_names" in param_group
            if has_names != ("param_names" in self.param_groups[0]):
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param group "
                    f"{'with' if has_names else 'without'} names to the optimizer"
                )
        if any(id(p) in ids for group in self.param_groups for p in group["params"]):
            raise ValueError("some parameters appear in more than one parameter group")
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or with `set_to_none=False` fill them with zeros."""
        active = capture.active
        for group in self.param_groups:
            for p in group["params"]:
                if active is not None:
                    active.touched_grad(p)
                if set_to_none:
                    p._grad = None
                elif p._grad is not None:
                    with graph.no_grad():
                        p._grad.detach_().zero_()

    # --- the step ---------------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update the parameters once. `closure` computes the loss anew, where an optimizer needs or accepts that."""
        raise NotImplementedError

    @staticmethod
    def profile_hook_step(func: Callable) -> Callable:
        """Wrap a `step`: hooks around it and the barrier after it. Applied to every subclass by itself."""

        @functools.wraps(func)
        def step(self, *args, **kwargs):
            if type(self).step is not step:  # an overriding step called this one and does the rest itself
                return func(self, *args, **kwargs)
            if _before_every_step or self._optimizer_step_pre_hooks:
                args, kwargs = self._run_pre_hooks(func, args, kwargs)
            result = func(self, *args, **kwargs)
            barrier()
            if self._opt_called is False:
                self._opt_called = True
            if self._optimizer_step_post_hooks or _after_every_step:
                for hook in [*self._optimizer_step_post_hooks.values(), *_after_every_step.values()]:
                    hook(self, (self, *args), kwargs)
            return result

        return step

    def _run_pre_hooks(self, func: Callable, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        given = (self, *args)
        for hook in [*_before_every_step.values(), *self._optimizer_step_pre_hooks.values()]:
            result = hook(self, given, kwargs)
            if result is not None:
                if not (isinstance(result, tuple) and len(result) == 2):
                    raise RuntimeError(
                        f"{func} must return None or a tuple of (new_args, new_kwargs), but got {result}."
                    )
                given, kwargs = result
        return tuple(given[1:]), kwargs

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` before each step; it may return other (args, kwargs)."""
        return RemovableHandle(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return RemovableHandle(self._optimizer_step_post_hooks, hook)

    # --- checkpoints ------------------------------------------------------------------------------------------------

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` before `state_dict`."""
        return RemovableHandle(self._optimizer_state_dict_pre_hooks, hook, first=prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` after `state_dict`; it may return another one."""
        return RemovableHandle(self._optimizer_state_dict_post_hooks, hook, first=prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer, state_dict)` before `load_state_dict`; it may return another one to load."""
        return RemovableHandle(self._optimizer_load_state_dict_pre_hooks, hook, first=prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call `hook(optimizer)` after `load_state_dict`."""
        return RemovableHandle(self._optimizer_load_state_dict_post_hooks, hook, first=prepend)

    def state_dict(self) -> dict[str, Any]:
        """State and settings as a dict, in PyTorch's layout: parameters are numbered through all groups.

        The tensors are the optimizer's own, not copies.
        """
        for hook in list(self._optimizer_state_dict_pre_hooks.values()):
            hook(self)
        number: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for p in group["params"]:
                number.setdefault(id(p), len(number))
            packed = {k: v for k, v in group.items() if k != "params"}
            packed["params"] = [number[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {number[id(k)] if isinstance(k, Tensor) else k: v for k, v in self.state.items()}
        made: dict[str, Any] = {"state": state, "param_groups": groups}
        for hook in list(self._optimizer_state_dict_post_hooks.values()):
            other = hook(self, made)
            made = made if other is None else other
        return made

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` (PyTorch's layout) holds; the groups must have the sizes of this optimizer's."""
        state_dict = dict(state_dict)
        for hook in list(self._optimizer_load_state_dict_pre_hooks.values()):
            other = hook(self, state_dict)
            state_dict = state_dict if other is None else other
        saved = deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(self.param_groups, saved, strict=True)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        numbers = itertools.chain.from_iterable(g["params"] for g in saved)
        params = itertools.chain.from_iterable(g["params"] for g in self.param_groups)
        by_number = dict(zip(numbers, params, strict=True))
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in by_number:
                state[by_number[key]] = _moved(value, by_number[key])
            else:
                state[key] = value
        for mine, theirs in zip(self.param_groups, saved, strict=True):
            theirs["params"] = mine["params"]
            if "param_names" in mine and "param_names" not in theirs:
                theirs["param_names"] = mine["param_names"]
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in list(self._optimizer_load_state_dict_post_hooks.values()):
            hook(self)


def _moved(value: Any, param: Tensor, key: str | None = None) -> Any:
    """A loaded piece of state on the device, and but for step counters in the dtype, of its parameter."""
    if isinstance(value, Tensor):
        if key == "step":
            return value
        if param.is_floating_point():
            return value.to(dtype=param.dtype, device=param.device)
        return value.to(device=param.device)
    if isinstance(value, dict):
        return {k: _moved(v, param, k) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_moved(v, param) for v in value])
    return value


def _typename(x: Any) -> str:
    """A value's type as PyTorch's errors name it."""
    if isinstance(x, Tensor):
        return x.type()
    kind = type(x)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _get_capturable_supported_devices(supports_xla: bool = True) -> list[str]:
    """Kinds of devices on which `capturable=True` may be given: here it changes nothing anywhere."""
    return ["cuda", "xpu", "hpu", "privateuseone", *(["xla"] if supports_xla else [])]


def _default_to_fused_or_foreach(
    params: list[Tensor], differentiable: bool, use_fused: bool = False
) -> tuple[bool, bool]:
    """(fused, foreach) for parameters for which neither was asked for: neither, as all is one program here."""
    return False, False


def _use_grad_for_differentiable(func: Callable) -> Callable:
    """Wrap a `step` so that it records gradients exactly if the optimizer's setting `differentiable` is on."""

    @functools.wraps(func)
    def step(self, *args, **kwargs):
        with graph._at(bool(self.defaults["differentiable"])):
            return func(self, *args, **kwargs)

    return step


def _get_value(x: Any) -> Any:
    """A tensor's number; a number as it is."""
    return x.item() if isinstance(x, Tensor) else x


def _stack_if_compiling(x: Any) -> Any:
    """What it was given: nothing is compiled apart here."""
    return x


def _view_as_real(params: list[Tensor], *state_and_grads: list[Tensor]) -> None:
    """Replace complex tensors in the lists, in place, by their views as pairs of real numbers."""
    for i, p in enumerate(params):
        if p.is_complex():
            for column in (params, *state_and_grads):
                column[i] = TABLE["torch.view_as_real"](*TABLE["torch.view_as_real"].bind((column[i],), {}))
