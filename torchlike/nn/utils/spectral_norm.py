"""A weight divided by its largest singular value (https://arxiv.org/abs/1802.05957), found by power iteration."""

from __future__ import annotations

from typing import Any

from torchlike.core.graph import no_grad
from torchlike.nn import functional as F
from torchlike.nn.modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from torchlike.nn.modules.module import Module
from torchlike.nn.parameter import Parameter


def as_matrix(weight: Any, dim: int) -> Any:
    """The weight with dimension `dim` as rows and the rest as columns."""
    return (weight if dim == 0 else weight.movedim(dim, 0)).flatten(1)


def outputs_of(module: Module) -> int:
    """The dimension of a layer's weight that counts its outputs."""
    return 1 if isinstance(module, ConvTranspose1d | ConvTranspose2d | ConvTranspose3d) else 0


def improve(matrix: Any, u: Any, v: Any, times: int, eps: float) -> tuple[Any, Any]:
    """The singular vectors after some steps of power iteration, as new tensors."""
    with no_grad():
        for _ in range(times):
            u = F.normalize(matrix.mv(v), dim=0, eps=eps)
            v = F.normalize(matrix.t().mv(u), dim=0, eps=eps)
    return u, v


class SpectralNorm:
    """The hook that computes the weight; while training it improves the singular vectors first."""

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float):
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def compute_weight(self, module: Any, do_power_iteration: bool) -> Any:
        """The weight divided by its norm."""
        weight = getattr(module, f"{self.name}_orig")
        u, v = (getattr(module, f"{self.name}_{which}") for which in "uv")
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(matrix.t().mv(u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(matrix.mv(v), dim=0, eps=self.eps))
                u, v = u.clone(), v.clone()
        return weight / u.dot(matrix.mv(v))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divide a parameter by its largest singular value before each forward.

    The parameter moves to `<name>_orig`, the singular vectors are the buffers `<name>_u` and `<name>_v`. `dim` counts
    the outputs, 0 but for transposed convolutions. `torch.nn.utils.parametrizations.spectral_norm` is the newer way.
    """
    if any(isinstance(h, SpectralNorm) and h.name == name for h in module._forward_pre_hooks.values()):
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if n_power_iterations <= 0:
        raise ValueError(
            f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
        )
    hook = SpectralNorm(name, n_power_iterations, outputs_of(module) if dim is None else dim, eps)
    weight: Any = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    with no_grad():
        rows, columns = as_matrix(weight, hook.dim).shape
        u, v = (F.normalize(weight.new_empty(n).normal_(0, 1), dim=0, eps=eps) for n in (rows, columns))
    del module._parameters[name]
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.data)
    module.register_buffer(f"{name}_u", u)
    module.register_buffer(f"{name}_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Module:
    """Make the weight a parameter again, divided as it is. ValueError if `spectral_norm` was not applied."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            with no_grad():
                value = hook.compute_weight(module, False)
            delattr(module, name)
            for part in ("_u", "_v", "_orig"):
                delattr(module, name + part)
            module.register_parameter(name, Parameter(value.detach()))
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"spectral_norm of '{name}' not found in {module}")
