"""The base class of all layers and models: a tree of modules holding parameters and buffers."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Callable, Container
from typing import Any, TypeVar

from torchlike.nn.modules import hooks as _hooks
from torchlike.nn.modules.convert import ConvertMethods
from torchlike.nn.modules.hooks import (
    HookMethods,
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from torchlike.nn.modules.state import _EXTRA_STATE_KEY_SUFFIX, StateMethods, _IncompatibleKeys  # noqa: F401  PyTorch has them here
from torchlike.nn.modules.tree import TreeMethods
from torchlike.nn.parameter import Buffer, Parameter
from torchlike.tensor import Tensor

__all__ = [
    "Module", "register_module_backward_hook", "register_module_buffer_registration_hook",
    "register_module_forward_hook", "register_module_forward_pre_hook", "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook", "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]  # fmt: skip

T_destination = TypeVar("T_destination", bound=dict[str, Any])


class Module(TreeMethods, HookMethods, StateMethods, ConvertMethods):
    """A layer or a model: write `__init__` to create its parts and `forward` to compute with them.

    What is assigned to an attribute finds its place by its kind: a Parameter among `parameters()`, a Module among
    `children()`, a Buffer among `buffers()`; anything else is an ordinary attribute. `Module.__init__` has to run
    before the first such assignment.

    >>> import torchlike as torch
    >>> class Net(torch.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = torch.nn.Linear(3, 4)
    ...         self.out = torch.nn.Linear(4, 1)
    ...
    ...     def forward(self, x):
    ...         return self.out(torch.relu(self.hidden(x)))
    >>> Net()
    Net(
      (hidden): Linear(in_features=3, out_features=4, bias=True)
      (out): Linear(in_features=4, out_features=1, bias=True)
    )
    >>> Net()(torch.ones(2, 3)).shape
    torch.Size([2, 1])
    """

    dump_patches: bool = False
    call_super_init: bool = False
    T_destination = T_destination
    training: bool
    _version: int = 1
    _compiled_call_impl: Callable | None = None

    def __init__(self, *args, **kwargs) -> None:
        if not self.call_super_init:
            if kwargs:
                name = next(iter(kwargs))
                raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument '{name}'")
            if args:
                raise TypeError(
                    f"{type(self).__name__}.__init__() takes 1 positional argument but {len(args) + 1} were given"
                )
        # straight into __dict__: __setattr__ below needs these tables before it can work
        state = self.__dict__
        state["training"] = True
        state["_parameters"] = {}
        state["_buffers"] = {}
        state["_non_persistent_buffers_set"] = set()
        state["_is_full_backward_hook"] = None
        for table in _hooks.TABLES:
            state[table] = OrderedDict()
        state["_modules"] = {}
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # --- calling ----------------------------------------------------------------------------------------------------

    def __call__(self, *args, **kwargs):
        state = self.__dict__  # once: with __getattr__ in the class every attribute look-up costs more
        try:
            special = (
                state["_forward_hooks"] or state["_forward_pre_hooks"] or state["_backward_hooks"]
                or state["_backward_pre_hooks"] or _hooks.ANY_GLOBAL or "_compiled_call_impl" in state
            )  # fmt: skip
        except KeyError:  # Module.__init__ did not run, and the way below says so
            special = True
        if special:
            return self._wrapped_call_impl(*args, **kwargs)
        return self.forward(*args, **kwargs)

    def _wrapped_call_impl(self, *args, **kwargs):
        """The call in full: compiled if asked for, else `forward` with its hooks."""
        return (self._compiled_call_impl or self._call_impl)(*args, **kwargs)

    def forward(self, *input: Any) -> Any:
        """The computation of the module, which every subclass writes. Call the module, not this, so that hooks run."""
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def compile(self, *args, **kwargs) -> None:
        """Compile the call of this module in place; the arguments are those of `torch.compile`."""
        import torchlike  # here, not above: the torch namespace is put together after torchlike.nn

        self._compiled_call_impl = torchlike.compile(self._call_impl, *args, **kwargs)

    # --- attributes -------------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        # reached only for what is not in __dict__
        state = self.__dict__
        if "_modules" in state:  # the table filled last: with it there are all
            table = state["_parameters"]
            if name in table:
                return table[name]
            table = state["_modules"]
            if name in table:
                return table[name]
            table = state["_buffers"]
            if name in table:
                return table[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        state = self.__dict__
        if isinstance(value, Tensor) and isinstance(value, Parameter):
            if "_parameters" not in state:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, keep="_parameters")
            self.register_parameter(name, value)
        elif name in state.get("_parameters", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_typename(value)}' as parameter '{name}' (torch.nn.Parameter or None expected)"
                )
            self.register_parameter(name, None)
        elif isinstance(value, Module):
            if "_modules" not in state:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, keep="_modules")
            state["_modules"][name] = _hooks.registered(_hooks._global_module_registration_hooks, self, name, value)
        elif name in state.get("_modules", ()):
            if value is not None:
                raise TypeError(
                    f"cannot assign '{_typename(value)}' as child module '{name}' (torch.nn.Module or None expected)"
                )
            state["_modules"][name] = _hooks.registered(_hooks._global_module_registration_hooks, self, name, None)
        elif isinstance(value, Tensor) and isinstance(value, Buffer):
            self.register_buffer(name, value, getattr(value, "persistent", True))
        elif name in state.get("_buffers", ()):
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"cannot assign '{_typename(value)}' as buffer '{name}' "
                    "(torch.nn.Buffer, torch.Tensor or None expected)"
                )
            state["_buffers"][name] = _hooks.registered(_hooks._global_buffer_registration_hooks, self, name, value)
        else:
            super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        for table in ("_parameters", "_buffers", "_modules"):
            if name in self.__dict__.get(table, ()):
                del self.__dict__[table][name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def _forget(self, name: str, keep: str) -> None:
        """Remove `name` wherever it stands, except from the table `keep`, whose order is not to change."""
        state = self.__dict__
        state.pop(name, None)
        for table in ("_parameters", "_buffers", "_modules"):
            if table != keep:
                state[table].pop(name, None)
        state["_non_persistent_buffers_set"].discard(name)

    def __dir__(self) -> list[str]:
        own = {*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers}
        return sorted(name for name in own if not name[:1].isdigit())  # "0", "1", ... can only be reached by index

    # --- registration -----------------------------------------------------------------------------------------------

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter under `name`; None reserves the name, as a layer without bias does.

        KeyError if the name is empty, has a dot or is taken; TypeError if `param` is no Parameter, ValueError if it
        was computed from other tensors; AttributeError before `Module.__init__`.

        >>> import torchlike as torch
        >>> m = torch.nn.Module()
        >>> m.register_parameter("w", torch.nn.Parameter(torch.zeros(1)))
        >>> [name for name, _ in m.named_parameters()]
        ['w']
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        self._check_name("parameter", name, self._parameters)
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{_typename(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created "
                    f"explicitly. To express '{name}' as a function of another Tensor, compute the value in the "
                    "forward() method."
                )
            param = _hooks.registered(_hooks._global_parameter_registration_hooks, self, name, param)
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is state but no weight, such as a running mean; it moves and is saved with the module.

        `persistent=False` keeps it out of `state_dict`. KeyError if the name is empty, has a dot or is taken; TypeError
        if `tensor` is no tensor; AttributeError before `Module.__init__`.

        >>> import torchlike as torch
        >>> m = torch.nn.Module()
        >>> m.register_buffer("mean", torch.zeros(2))
        >>> m.mean
        tensor([0., 0.])
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        self._check_name("buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{_typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            )
        self._buffers[name] = _hooks.registered(_hooks._global_buffer_registration_hooks, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child under `name`: what assigning to an attribute does, for a name known only at run time.

        TypeError if `module` is no Module; KeyError if the name is empty, has a dot or is taken.
        """
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{_typename(module)} is not a Module subclass")
        self._check_name("module", name, self.__dict__.get("_modules", ()))
        self._modules[name] = _hooks.registered(_hooks._global_module_registration_hooks, self, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """The same as `add_module`."""
        self.add_module(name, module)

    def _check_name(self, kind: str, name: str, table: Container) -> None:
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {_typename(name)}")
        if hasattr(self, name) and name not in table:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."' + (f", got: {name}" if kind == "module" else ""))
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')

    # --- modes ------------------------------------------------------------------------------------------------------

    def train(self, mode: bool = True) -> Module:
        """Set `training` here and in all descendants: dropout and batch norm behave by it. ValueError if not a bool."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Module:
        """The same as `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Set `requires_grad` of all parameters: False freezes the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of all parameters: to None, or with `set_to_none=False` to zeros in place."""
        for parameter in self.parameters():
            if parameter.grad is not None:
                if set_to_none:
                    parameter.grad = None
                    continue
                if parameter.grad.grad_fn is not None:
                    parameter.grad.detach_()
                else:
                    parameter.grad.requires_grad_(False)
                parameter.grad.zero_()

    # --- printing and copying ---------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What `repr` shows between the parentheses beside the children: override it to show a layer's sizes."""
        return ""

    def __repr__(self) -> str:
        return _tree(self._get_name(), self.extra_repr(), [f"({n}): {m!r}" for n, m in self._modules.items()])

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state.pop("_compiled_call_impl", None)  # holds the compiled program of this very object
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # what pickles of older versions do not have
        self.__dict__.setdefault("_non_persistent_buffers_set", set())
        self.__dict__.setdefault("_is_full_backward_hook", None)
        for table in _hooks.TABLES:
            if table not in self.__dict__:
                self.__dict__[table] = OrderedDict()


for _part in Module.__bases__:  # an error text, `Module.to() takes ...`, names the class that users know
    for _name, _method in vars(_part).items():
        if inspect.isfunction(_method):
            _method.__qualname__ = f"Module.{_name}"


def _tree(name: str, extra: str, children: list[str]) -> str:
    """`name(...)`: on one line if there is one line of `extra` and no child, else one line for each."""
    lines = extra.split("\n") if extra else []
    if len(lines) == 1 and not children:
        return f"{name}({extra})"
    inside = lines + [child.replace("\n", "\n  ") for child in children]
    return name + "(" + ("\n  " + "\n  ".join(inside) + "\n" if inside else "") + ")"


def _typename(value: Any) -> str:
    """The name of a value's type in PyTorch's error texts: `torch.FloatTensor`, `torch.nn.modules.linear.Linear`."""
    if isinstance(value, Tensor):
        return value.type()
    owner = value if hasattr(value, "__qualname__") else type(value)
    module = getattr(owner, "__module__", None) or "builtins"
    module = "" if module == "builtins" else module.replace("torchlike", "torch", 1) + "."
    return module + owner.__qualname__
