"""Hooks of modules: code run before and after `forward`, and when gradients pass through a module on their way back."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from torchlike.core.hooks import RemovableHandle
from torchlike.nn.modules.taps import Taps

TABLES = (
    "_backward_pre_hooks", "_backward_hooks", "_forward_hooks", "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called", "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_state_dict_hooks",
    "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)  # fmt: skip
"""A module's hook tables: handle id -> hook, or for the `_with_kwargs` and `_always_called` ones, id -> True."""

# The hooks of all modules at once, one table per occasion.
_global_backward_pre_hooks: OrderedDict = OrderedDict()
_global_backward_hooks: OrderedDict = OrderedDict()
_global_forward_pre_hooks: OrderedDict = OrderedDict()
_global_forward_hooks: OrderedDict = OrderedDict()
_global_forward_hooks_with_kwargs: OrderedDict = OrderedDict()
_global_forward_hooks_always_called: OrderedDict = OrderedDict()
_global_parameter_registration_hooks: OrderedDict = OrderedDict()
_global_buffer_registration_hooks: OrderedDict = OrderedDict()
_global_module_registration_hooks: OrderedDict = OrderedDict()

ANY_GLOBAL: dict[int, bool] = {}
"""An entry per global hook that a call has to run: what `Module.__call__` looks at instead of at every table."""


class Handle(RemovableHandle):
    """A handle that takes its hook's flags away together with the hook."""

    def __init__(self, hooks: dict, hook: Callable, *flags: dict, prepend: bool = False):
        super().__init__(hooks, hook, first=prepend)
        self._flags = flags
        for flag in flags:
            flag[self.id] = True

    def remove(self) -> None:
        super().remove()
        for flag in self._flags:
            flag.pop(self.id, None)

    # a copy of a module that keeps a handle gets a handle on its own hooks

    def __getstate__(self):
        return self.id, self._hooks(), self._flags

    def __setstate__(self, state):
        key, hooks, self._flags = state
        super().__init__(hooks if hooks is not None else {})
        self.id = key


# the public name of what a register function returns
Handle.__name__ = RemovableHandle.__name__


class HookMethods:
    """The part of Module that registers hooks of calls and of gradients."""

    _is_full_backward_hook: bool | None
    _backward_pre_hooks: OrderedDict
    _backward_hooks: OrderedDict
    _forward_hooks: OrderedDict
    _forward_hooks_with_kwargs: OrderedDict
    _forward_hooks_always_called: OrderedDict
    _forward_pre_hooks: OrderedDict
    _forward_pre_hooks_with_kwargs: OrderedDict

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Run `hook(module, args)` before every `forward`, or `hook(module, args, kwargs)` if `with_kwargs`.

        What it returns, unless None, replaces the positional arguments (a single value is taken as a tuple of one);
        with `with_kwargs` it has to be a pair `(args, kwargs)`. `prepend` puts it before the hooks registered so far.

        >>> import torchlike as torch
        >>> m = torch.nn.Identity()
        >>> with m.register_forward_pre_hook(lambda module, args: args[0] + 1):
        ...     print(m(torch.zeros(2)))
        tensor([1., 1.])
        """
        flags = [self._forward_pre_hooks_with_kwargs] if with_kwargs else []
        return Handle(self._forward_pre_hooks, hook, *flags, prepend=prepend)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Run `hook(module, args, output)` after `forward`, or `hook(module, args, kwargs, output)` if `with_kwargs`.

        What it returns, unless None, replaces the output. `prepend` puts it before the hooks registered so far.
        `always_call` runs it even if `forward` raised, with the output that was reached, None if there is none.

        >>> import torchlike as torch
        >>> m, sizes = torch.nn.Flatten(), []
        >>> handle = m.register_forward_hook(lambda module, args, output: sizes.append(tuple(output.shape)))
        >>> _ = m(torch.zeros(2, 3, 4))
        >>> sizes
        [(2, 12)]
        >>> handle.remove()
        """
        flags = [self._forward_hooks_with_kwargs] if with_kwargs else []
        if always_call:
            flags.append(self._forward_hooks_always_called)
        return Handle(self._forward_hooks, hook, *flags, prepend=prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Run `hook(module, grad_output)` when the gradients of all the module's outputs are there.

        `grad_output` is a tuple with one entry per output; a tuple that is returned replaces it in what follows.
        """
        return Handle(self._backward_pre_hooks, hook, prepend=prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Run `hook(module, grad_input, grad_output)` when the gradients of the module's inputs are there.

        Both are tuples with one entry per positional argument and per output, None where that is no tensor. A tuple
        that is returned replaces `grad_input` in what follows. If no input requires a gradient the hook runs, with a
        warning, as soon as the outputs' gradients are there, and may not replace anything.

        >>> import torchlike as torch
        >>> m, x = torch.nn.Identity(), torch.ones(2, requires_grad=True)
        >>> handle = m.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 10,))
        >>> m(x).sum().backward()
        >>> x.grad
        tensor([10., 10.])
        """
        self._is_full_backward_hook = True
        return Handle(self._backward_hooks, hook, prepend=prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """Not supported: raises NotImplementedError. Use `register_full_backward_hook`, as PyTorch advises since 1.8.

        In PyTorch such a hook sees the gradients of whatever operation `forward` ended with, so its meaning hangs on
        PyTorch's internal graph.
        """
        raise NotImplementedError(
            "Module.register_backward_hook: deprecated in PyTorch and bound to its internal graph; use "
            "Module.register_full_backward_hook, whose grad_input and grad_output are the module's own"
        )

    def _call_impl(self, *args, **kwargs):
        """`forward` with every hook around it."""
        own = self._backward_hooks or self._backward_pre_hooks or self._forward_hooks or self._forward_pre_hooks
        if not (own or ANY_GLOBAL):
            return self.forward(*args, **kwargs)
        always = {**_global_forward_hooks_always_called, **self._forward_hooks_always_called}
        if not always:
            return _Call(self, args, kwargs).run()
        call = _Call(self, args, kwargs)
        try:
            return call.run()
        except Exception:
            call.run_skipped(always)
            raise


class _Call:
    """One call of a module with hooks: remembers how far it came, for the hooks that run after a failure too."""

    def __init__(self, module, args: tuple, kwargs: dict):
        self.module = module
        self.args = args
        self.kwargs = kwargs
        self.result: Any = None
        self.done: set[int] = set()

    def run(self):
        module = self.module
        for hook in list(_global_forward_pre_hooks.values()):
            self._pre(hook, False)
        for key, hook in list(module._forward_pre_hooks.items()):
            self._pre(hook, key in module._forward_pre_hooks_with_kwargs)
        backward_hooks = [*_global_backward_hooks.values(), *module._backward_hooks.values()]
        backward_pre_hooks = [*_global_backward_pre_hooks.values(), *module._backward_pre_hooks.values()]
        taps = Taps(module, backward_hooks, backward_pre_hooks) if backward_hooks or backward_pre_hooks else None
        if taps:
            self.args = taps.on_inputs(self.args)
        self.result = module.forward(*self.args, **self.kwargs)
        for key, hook, with_kwargs, _ in self._forward_hooks():
            self.done.add(key)
            self._post(hook, with_kwargs)
        if taps:
            self.result = taps.on_outputs(self.result)
        return self.result

    def run_skipped(self, always: dict) -> None:
        """Run the hooks to be called always that the failure kept from running; their own failures become warnings."""
        for key, hook, with_kwargs, everywhere in self._forward_hooks():
            if key in always and key not in self.done:
                try:
                    self._post(hook, with_kwargs)
                except Exception as error:
                    warnings.warn(
                        f"{'global ' if everywhere else ''}module forward hook with ``always_call=True`` raised an "
                        f"exception that was silenced as another error was raised in forward: {error}",
                        stacklevel=4,
                    )

    def _pre(self, hook: Callable, with_kwargs: bool) -> None:
        answer = hook(self.module, self.args, self.kwargs) if with_kwargs else hook(self.module, self.args)
        if answer is None:
            return
        if not with_kwargs:
            self.args = answer if isinstance(answer, tuple) else (answer,)
        elif isinstance(answer, tuple) and len(answer) == 2:
            self.args, self.kwargs = answer
        else:
            raise RuntimeError(
                f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {answer}."
            )

    def _post(self, hook: Callable, with_kwargs: bool) -> None:
        given = (self.args, self.kwargs) if with_kwargs else (self.args,)
        answer = hook(self.module, *given, self.result)
        if answer is not None:
            self.result = answer

    def _forward_hooks(self) -> Iterable[tuple[int, Callable, bool, bool]]:
        own = self.module
        return [
            *((k, hook, k in _global_forward_hooks_with_kwargs, True) for k, hook in _global_forward_hooks.items()),
            *((k, hook, k in own._forward_hooks_with_kwargs, False) for k, hook in own._forward_hooks.items()),
        ]


# --- hooks of all modules ---------------------------------------------------------------------------------------------


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Run `hook(module, args)` before the `forward` of every module, ahead of the module's own hooks."""
    return Handle(_global_forward_pre_hooks, hook, ANY_GLOBAL)


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Run `hook(module, args, output)` after the `forward` of every module, ahead of the module's own hooks."""
    flags = [ANY_GLOBAL]
    if with_kwargs:
        flags.append(_global_forward_hooks_with_kwargs)
    if always_call:
        flags.append(_global_forward_hooks_always_called)
    return Handle(_global_forward_hooks, hook, *flags)


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Run `hook(module, grad_output)` when the gradients of any module's outputs are there."""
    return Handle(_global_backward_pre_hooks, hook, ANY_GLOBAL)


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Run `hook(module, grad_input, grad_output)` when the gradients of any module's inputs are there."""
    return Handle(_global_backward_hooks, hook, ANY_GLOBAL)


def register_module_backward_hook(hook: Callable) -> RemovableHandle:
    """Not supported: raises NotImplementedError. Use `register_module_full_backward_hook`."""
    raise NotImplementedError(
        "register_module_backward_hook: deprecated in PyTorch and bound to its internal graph; use "
        "register_module_full_backward_hook"
    )


def register_module_parameter_registration_hook(hook: Callable) -> RemovableHandle:
    """Run `hook(module, name, parameter)` whenever a parameter is registered; what it returns takes its place."""
    return Handle(_global_parameter_registration_hooks, hook)


def register_module_buffer_registration_hook(hook: Callable) -> RemovableHandle:
    """Run `hook(module, name, buffer)` whenever a buffer is registered; what it returns takes its place."""
    return Handle(_global_buffer_registration_hooks, hook)


def register_module_module_registration_hook(hook: Callable) -> RemovableHandle:
    """Run `hook(module, name, submodule)` whenever a submodule is registered; what it returns takes its place."""
    return Handle(_global_module_registration_hooks, hook)


def registered(hooks: OrderedDict, module, name: str, value: Any):
    """`value`, or what the global registration hooks put in its place."""
    for hook in list(hooks.values()):
        answer = hook(module, name, value)
        if answer is not None:
            value = answer
    return value
