"""Layers that learn their input's size from the first input: what they have in common."""

from __future__ import annotations

from typing import Any

from torchlike.core.autograd import no_grad
from torchlike.nn.parameter import is_lazy
from torchlike.tensor import Tensor

__all__ = ["LazyModuleMixin"]


class LazyModuleMixin:
    """A layer whose parameters get their shapes from the arguments of its first call.

    A class made with it creates `UninitializedParameter`s in `__init__` and gives them shapes in
    `initialize_parameters(*args, **kwargs)`, which the first call runs with its own arguments. After it the layer
    becomes one of `cls_to_become`. Move and cast such a model first, then send one batch through it, and only then
    give its parameters to an optimizer. Loading a `state_dict` of known shapes gives the shapes too.

    >>> import torchlike as torch
    >>> net = torch.nn.Sequential(torch.nn.LazyLinear(3), torch.nn.ReLU())
    >>> net[0].weight
    <UninitializedParameter>
    >>> net(torch.ones(2, 5)).shape
    torch.Size([2, 3])
    >>> net[0]
    Linear(in_features=5, out_features=3, bias=True)
    """

    cls_to_become: type[Any] | None = None
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _non_persistent_buffers_set: set[str]

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        this: Any = self
        this._load_hook = this._register_load_state_dict_pre_hook(this._lazy_load_hook)
        this._initialize_hook = this.register_forward_pre_hook(this._infer_parameters, with_kwargs=True)

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        own: dict[str, Tensor] = self._own_state()  # type: ignore[attr-defined]
        for name, value in own.items():
            destination[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()

    def _lazy_load_hook(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        """Give what has no shape yet the shape that is about to be loaded."""
        for name, value in {**self._parameters, **self._buffers}.items():
            loaded = state_dict.get(prefix + name)
            if value is not None and loaded is not None and is_lazy(value) and not is_lazy(loaded):
                with no_grad():
                    value.materialize(loaded.shape)

    def initialize_parameters(self, *args, **kwargs) -> None:
        """Give the parameters their shapes and values; called with the arguments of the first call."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer of this layer itself has no shape yet."""
        return any(is_lazy(t) for t in (*self._parameters.values(), *self._buffers.values()))

    def _infer_parameters(self, module: Any, args: tuple, kwargs: dict | None = None) -> None:
        """The hook before the first call. `module` is this layer, or the copy of it that is called."""
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {self._get_name()} has not been fully initialized")  # type: ignore[attr-defined]
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become

    def _replicate_for_data_parallel(self) -> None:
        raise RuntimeError(
            "Modules with uninitialized parameters can't be used with `DataParallel`. Run a dummy forward pass to "
            "correctly initialize the modules"
        )
