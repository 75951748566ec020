"""Weights computed from other weights: `register_parametrization(module, "weight", Symmetric())`.

The tensor moves to `module.parametrizations.weight.original`; `module.weight` becomes a property that computes it anew
at every look, so the module's class is replaced by a subclass of it made for this.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from typing import Any

from torchlike.core.graph import no_grad
from torchlike.nn.modules.container import ModuleDict, ModuleList
from torchlike.nn.modules.module import Module
from torchlike.nn.parameter import Parameter
from torchlike.tensor import Tensor

_cached: dict = {}
_depth = 0


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """A block in which a parametrised tensor is computed at the first look only."""
    global _depth
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if not _depth:
            _cached.clear()


def _register(module: Module, name: str, tensor: Any) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _inverse(parametrization: Module, value: Any) -> Any:
    """The value before the parametrisation, the value itself where it has no inverse."""
    inverse = getattr(parametrization, "right_inverse", None)
    if inverse is None:
        return value
    try:
        return inverse(value)
    except NotImplementedError:
        return value


class ParametrizationList(ModuleList):
    """The parametrisations of one tensor, in the order in which they are applied, and the original tensors."""

    original: Tensor

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        with no_grad():
            new: Any = original
            for m in reversed(list(self)):
                new = _inverse(m, new)
        self.is_tensor = isinstance(new, Tensor)
        if isinstance(new, Tensor):
            if new.dtype is not dtype:
                raise ValueError(
                    f"When `right_inverse` outputs one tensor, it may not change the dtype. original.dtype: {dtype} "
                    f"right_inverse(original).dtype: {new.dtype}"
                )
            with no_grad():
                original.data = new
            _register(self, "original", original)
        elif isinstance(new, Sequence):
            self.ntensors = len(new)
            for i, part in enumerate(new):
                if not isinstance(part, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                        f"Got element {i} of the sequence with type {type(part).__name__}."
                    )
                made = Parameter(part, original.requires_grad) if isinstance(original, Parameter) else part
                _register(self, f"original{i}", made)
        else:
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). Got "
                f"{type(new).__name__}"
            )
        if not unsafe:
            now = self()
            if not isinstance(now, Tensor):
                raise ValueError(f"A parametrization must return a tensor. Got {type(now).__name__}.")
            if now.dtype is not dtype:
                raise ValueError(
                    "Registering a parametrization may not change the dtype of the tensor, unless `unsafe` flag is "
                    f"enabled. unparametrized dtype: {dtype} parametrized dtype: {now.dtype}"
                )
            if now.shape != shape:
                raise ValueError(
                    "Registering a parametrization may not change the shape of the tensor, unless `unsafe` flag is "
                    f"enabled. unparametrized shape: {shape} parametrized shape: {now.shape}"
                )

    def right_inverse(self, value: Any) -> None:
        """Change the originals so that the parametrised tensor becomes `value`."""
        with no_grad():
            for m in reversed(list(self)):
                inverse = getattr(m, "right_inverse", None)
                if inverse is None:
                    raise RuntimeError(
                        f"parametrization {type(m).__name__} does not implement right_inverse, so its tensor cannot be "
                        "assigned to"
                    )
                value = inverse(value)
            if self.is_tensor:
                if not isinstance(value, Tensor):
                    raise ValueError(f"`right_inverse` should return a tensor. Got {type(value).__name__}")
                self.original.data = value
                return
            if len(value) != self.ntensors:
                raise ValueError(
                    "'right_inverse' must return a sequence of tensors of length " f"{self.ntensors}. Got {len(value)}."
                )
            for i, part in enumerate(value):
                getattr(self, f"original{i}").data = part

    def forward(self) -> Any:
        """The parametrised tensor."""
        first, *rest = list(self)
        if self.is_tensor:
            value = first(self.original)
        else:
            value = first(*[getattr(self, f"original{i}") for i in range(self.ntensors)])
        for m in rest:
            value = m(value)
        return value


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether the module has parametrised tensors, or this one is."""
    parametrizations = getattr(module, "parametrizations", None)
    if not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


def _inject_class(module: Any) -> None:
    """Give the module a class of its own, to which properties can be added."""
    base = type(module)

    def __deepcopy__(self: Any, memo: dict) -> Any:
        made = memo.get(id(self))
        if made is None:
            made = memo[id(self)] = self.__new__(type(self))
            made.__dict__ = copy.deepcopy(self.__dict__, memo)
        return made

    def __getstate__(self: Any) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(): save that, and register the "
            "parametrizations again before loading it"
        )

    members = {"__deepcopy__": __deepcopy__, "__getstate__": __getstate__, "__module__": __name__}
    module.__class__ = type(f"Parametrized{base.__name__}", (base,), members)


def _inject_property(module: Any, name: str) -> None:
    def get(self: Any) -> Any:
        parametrization = self.parametrizations[name]
        if not _depth:
            return parametrization()
        key = id(self), name
        if key not in _cached:
            _cached[key] = parametrization()
        return _cached[key]

    def put(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(type(module), name, property(get, put))


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Compute a parameter or buffer of the module by `parametrization` from now on; returns the module.

    Args:
        parametrization: a module from the original to the tensor. With a method `right_inverse` the original is chosen
            so that the tensor keeps its value, and the tensor can be assigned to; it may return several originals.
        unsafe: whether the parametrisation may change shape and dtype.

    A second one for the same tensor is applied after the first. ValueError if there is no such tensor, or if shape or
    dtype change. Such a module can be copied and has a state_dict, but cannot be pickled.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        known: Any = module.parametrizations[tensor_name]  # type: ignore[union-attr,index]
        if not unsafe:
            before = getattr(module, tensor_name)
            with no_grad():
                after = parametrization(before)
            if not isinstance(after, Tensor):
                raise ValueError(f"A parametrization must return a tensor. Got {type(after).__name__}.")
            if after.dtype is not before.dtype or after.shape != before.shape:
                raise ValueError(
                    "Registering a parametrization may not change the dtype or the shape of the tensor, unless the "
                    "`unsafe` flag is enabled."
                )
        if known.is_tensor and hasattr(parametrization, "right_inverse"):
            with no_grad():
                value = getattr(module, tensor_name).clone()
            known.append(parametrization)
            with contextlib.suppress(RuntimeError):  # one before has no inverse: the original stays
                known.right_inverse(value)
        else:
            known.append(parametrization)
        known.unsafe |= unsafe
    elif tensor_name in module._parameters or tensor_name in module._buffers:
        original: Any = getattr(module, tensor_name)
        made = ParametrizationList([parametrization], original, unsafe=unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _inject_class(module)
            module.parametrizations = ModuleDict()
        _inject_property(module, tensor_name)
        module.parametrizations[tensor_name] = made  # type: ignore[index,operator]
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    return module


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make the tensor an ordinary one again, with the value it has now or, else, that of the original."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    table: Any = module.parametrizations
    known = table[tensor_name]
    if leave_parametrized:
        with no_grad():
            value = getattr(module, tensor_name).clone()
        if known.is_tensor:
            result = known.original
            result.data = value
        else:
            first = known.original0
            result = Parameter(value, first.requires_grad) if isinstance(first, Parameter) else value
    elif known.is_tensor:
        result = known.original
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
            "sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del table[tensor_name]
    if not len(table):
        del module.parametrizations
        module.__class__ = type(module).__bases__[0]
    _register(module, tensor_name, result)
    return module


def type_before_parametrizations(module: Module) -> type:
    """The module's class without the parametrisations."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Register copies of one module's parametrisations, originals included, in another module; returns that."""
    if not is_parametrized(from_module):
        return to_module
    table: Any = from_module.parametrizations
    for name in list(table) if tensor_name is None else [tensor_name]:
        source = table[name]
        if not hasattr(to_module, name):
            with no_grad():
                value = getattr(from_module, name).clone()
            _register(to_module, name, Parameter(value) if next(source.parameters(), None) is not None else value)
        for m in source:
            register_parametrization(to_module, name, copy.deepcopy(m), unsafe=True)
        target: Any = to_module.parametrizations
        names = ["original"] if source.is_tensor else [f"original{i}" for i in range(source.ntensors)]
        for part in names:
            with no_grad():
                getattr(target[name], part).data = getattr(source, part).detach().clone()
    return to_module
