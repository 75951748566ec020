"""A weight as length times direction (https://arxiv.org/abs/1602.07868), computed before each forward."""

from __future__ import annotations

from typing import Any

from torchlike.nn.modules.module import Module
from torchlike.nn.parameter import Parameter
from torchlike.tensor import Tensor


def norm_except_dim(v: Any, dim: int | None) -> Any:
    """The Euclidean norm over all dimensions but `dim`; over all of them for None or -1."""
    if dim is None or dim == -1:
        return v.norm()
    dim %= v.dim()
    return v.square().sum([d for d in range(v.dim()) if d != dim], keepdim=True).sqrt() if v.dim() > 1 else v.abs()


def scaled(v: Any, g: Any, dim: int | None) -> Any:
    """The weight of length `g` and direction `v`."""
    return v * (g / norm_except_dim(v, dim))


class WeightNorm:
    """The hook that computes the weight."""

    def __init__(self, name: str, dim: int | None):
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """The weight from its length and direction."""
        return scaled(getattr(module, f"{self.name}_v"), getattr(module, f"{self.name}_g"), self.dim)

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Replace a parameter by its length `<name>_g`, one for each index of `dim`, and direction `<name>_v`.

    The weight is computed before each forward. `torch.nn.utils.parametrizations.weight_norm` is the newer way.
    RuntimeError if it was done before.
    """
    if any(isinstance(h, WeightNorm) and h.name == name for h in module._forward_pre_hooks.values()):
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook = WeightNorm(name, dim)
    weight: Any = getattr(module, name)
    del module._parameters[name]
    module.register_parameter(f"{name}_g", Parameter(norm_except_dim(weight, hook.dim).data))
    module.register_parameter(f"{name}_v", Parameter(weight.data))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight a parameter again, with the value it has. ValueError if `weight_norm` was not applied."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            value = hook.compute_weight(module)
            delattr(module, name)
            del module._parameters[f"{name}_g"], module._parameters[f"{name}_v"]
            setattr(module, name, Parameter(value.data))
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"weight_norm of '{name}' not found in {module}")
