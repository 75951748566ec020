"""Pruning: parts of a weight kept at zero by a mask, which is applied before each forward.

The parameter moves to `<name>_orig`, the mask is the buffer `<name>_mask`, and `<name>` is their product.
"""

from __future__ import annotations

import numbers
from typing import Any

from torchlike.nn.modules.module import Module


def _count(amount: Any, size: int) -> int:
    """How many of `size` an amount is: a number of them or a share between 0 and 1."""
    if not isinstance(amount, numbers.Real):
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if isinstance(amount, numbers.Integral) and int(amount) < 0 or not (isinstance(amount, numbers.Integral)
                                                                   or 0 <= float(amount) <= 1):  # fmt: skip
        raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")
    if isinstance(amount, numbers.Integral):
        if int(amount) > size:
            raise ValueError(
                f"amount={amount} should be smaller than the number of parameters to prune={size}"
            )
        return int(amount)
    return round(float(amount) * size)


class BasePruningMethod:
    """A way to prune; a subclass defines `compute_mask(t, default_mask)` and PRUNING_TYPE.

    PRUNING_TYPE says on which part a second method works: "unstructured" on what is left, "structured" along `dim`,
    "global" on the whole tensor.
    """

    PRUNING_TYPE: str
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The new mask for the tensor that gives the order of importance; it keeps the zeros of `default_mask`."""
        raise NotImplementedError

    def apply_mask(self, module: Module) -> Any:
        """The pruned tensor."""
        mask: Any = getattr(module, f"{self._tensor_name}_mask")
        original: Any = getattr(module, f"{self._tensor_name}_orig")
        return mask.to(original.dtype) * original

    def prune(self, t: Any, default_mask: Any = None, importance_scores: Any = None) -> Any:
        """The tensor with its least important parts at zero; no module takes part."""
        mask = t.new_ones(t.shape) if default_mask is None else default_mask
        return t * self.compute_mask(t if importance_scores is None else importance_scores, mask)

    @classmethod
    def apply(cls, module: Module, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any) -> Any:
        """Prune the parameter of this name, on top of earlier pruning if there was any; returns the method."""
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        before = [(k, h) for k, h in module._forward_pre_hooks.items()
                  if isinstance(h, BasePruningMethod) and h._tensor_name == name]  # fmt: skip
        if before:
            key, old = before[0]
            del module._forward_pre_hooks[key]
            container = old if isinstance(old, PruningContainer) else PruningContainer(old)
            container.add_pruning_method(method)
            method = container
            original: Any = getattr(module, f"{name}_orig")
            mask = getattr(module, f"{name}_mask")
        else:
            original = getattr(module, name)
            mask = original.detach().new_ones(original.shape)
        scores = original if importance_scores is None else importance_scores
        if tuple(scores.shape) != tuple(original.shape):
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}"
            )
        if not before:
            module.register_parameter(f"{name}_orig", original)
            del module._parameters[name]
        new = method.compute_mask(scores.detach(), mask)
        module.register_buffer(f"{name}_mask", new)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def remove(self, module: Module) -> None:
        """Make the pruned tensor the parameter again."""
        name = self._tensor_name
        value: Any = self.apply_mask(module)
        original: Any = module._parameters.pop(f"{name}_orig")
        del module._buffers[f"{name}_mask"]
        if name in module.__dict__:
            del module.__dict__[name]
        original.data = value.data
        setattr(module, name, original)


class PruningContainer(BasePruningMethod):
    """Several methods one after the other on one tensor: each works on what the earlier ones left."""

    def __init__(self, *methods: BasePruningMethod) -> None:
        self.methods = list(methods)
        if methods:
            self._tensor_name = methods[0]._tensor_name

    def add_pruning_method(self, method: BasePruningMethod) -> None:
        """Add one more, of the same tensor."""
        if method._tensor_name != self._tensor_name:
            raise ValueError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to PruningContainer "
                f"{self}. Found '{method._tensor_name}'"
            )
        self.methods.append(method)

    def __len__(self) -> int:
        return len(self.methods)

    def __iter__(self) -> Any:
        return iter(self.methods)

    def __getitem__(self, i: int) -> BasePruningMethod:
        return self.methods[i]

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask of the newest method on the part that is left."""
        method: Any = self.methods[-1]
        mask = default_mask.to(t.dtype)
        if method.PRUNING_TYPE == "unstructured":
            kept = mask == 1
        elif method.PRUNING_TYPE == "structured":
            dim = method.dim % t.dim()
            lines = mask.sum([d for d in range(t.dim()) if d != dim]) != 0
            kept = tuple([lines if d == dim else slice(None) for d in range(dim + 1)])
        elif method.PRUNING_TYPE == "global":
            kept = (slice(None),) * t.dim()
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        new = mask.clone()
        new[kept] = method.compute_mask(t[kept], mask[kept]).to(new.dtype)
        return new


class Identity(BasePruningMethod):
    """Prunes nothing, and brings the parameter into the form that pruning gives it."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask as it was."""
        return default_mask


class RandomUnstructured(BasePruningMethod):
    """Prunes elements drawn by chance; `amount` is a number of them or a share."""

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: Any) -> None:
        _count(amount, 2**62)
        self.amount = amount

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask without the elements drawn."""
        import torchlike as torch

        n = _count(self.amount, t.numel())
        mask = default_mask.clone()
        if n:
            chances = torch.rand_like(t)
            mask.view(-1)[chances.view(-1).topk(n).indices] = 0
        return mask


class L1Unstructured(RandomUnstructured):
    """Prunes the elements that are smallest in absolute value."""

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask without the smallest elements."""
        n = _count(self.amount, t.numel())
        mask = default_mask.clone()
        if n:
            mask.view(-1)[t.abs().reshape(-1).topk(n, largest=False).indices] = 0
        return mask


class LnStructured(BasePruningMethod):
    """Prunes whole indices of dimension `dim`, those of the smallest norm of order `n`."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: Any, n: Any, dim: int = -1) -> None:
        _count(amount, 2**62)
        self.amount, self.n, self.dim = amount, n, dim

    def _worst(self, t: Any, count: int) -> Any:
        import torchlike as torch

        others = [d for d in range(t.dim()) if d != self.dim % t.dim()]
        norms = torch.norm(t, p=self.n, dim=others)
        return norms.topk(count, largest=False).indices

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The mask without these indices."""
        if t.dim() <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                f"{t.shape} with {t.dim()} dims"
            )
        if not -t.dim() <= self.dim < t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        count = _count(self.amount, t.shape[self.dim])
        mask = default_mask.clone()
        if count:
            mask[(slice(None),) * (self.dim % t.dim()) + (self._worst(t, count),)] = 0
        return mask


class RandomStructured(LnStructured):
    """Prunes whole indices of dimension `dim`, drawn by chance."""

    def __init__(self, amount: Any, dim: int = -1) -> None:
        super().__init__(amount, None, dim)

    def _worst(self, t: Any, count: int) -> Any:
        import torchlike as torch

        return torch.rand(t.shape[self.dim]).topk(count, largest=False).indices


class CustomFromMask(BasePruningMethod):
    """Prunes where a given mask is 0."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        """The product of both masks."""
        return default_mask * self.mask.to(default_mask.dtype)


def identity(module: Module, name: str) -> Module:
    """Prune nothing of the parameter, and bring it into the form that pruning gives it; returns the module."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: Any) -> Module:
    """Prune elements drawn by chance, a number or a share of them; returns the module."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Module, name: str, amount: Any, importance_scores: Any = None) -> Module:
    """Prune the elements that are smallest in absolute value, a number or a share of them; returns the module."""
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: Any, dim: int) -> Module:
    """Prune whole indices of a dimension, drawn by chance; returns the module."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module, name: str, amount: Any, n: Any, dim: int, importance_scores: Any = None
) -> Module:
    """Prune whole indices of a dimension, those of the smallest norm of order `n`; returns the module."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Any) -> Module:
    """Prune where the mask is 0; returns the module."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Any, pruning_method: type[BasePruningMethod], importance_scores: Any = None, **kwargs: Any
) -> None:
    """Prune several parameters, given as (module, name) pairs, as if they were one: the least important of all."""
    import torchlike as torch

    pairs = list(parameters)
    if not all(isinstance(p, tuple) for p in pairs):
        raise TypeError("global_unstructured(): 'parameters' must be pairs of a module and a name")
    scores = importance_scores or {}
    current = [scores.get(pair, getattr(*pair)).detach().reshape(-1) for pair in pairs]
    masks = [getattr(m, f"{n}_mask", torch.ones_like(getattr(m, n))).reshape(-1) for m, n in pairs]
    container = PruningContainer()
    container._tensor_name = "temp"
    method: Any = pruning_method(**kwargs)
    method._tensor_name = "temp"
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {method.PRUNING_TYPE}"
        )
    container.add_pruning_method(method)
    whole = container.compute_mask(torch.cat(current), torch.cat(masks))
    start = 0
    for module, name in pairs:
        parameter: Any = getattr(module, name)
        n = parameter.numel()
        custom_from_mask(module, name, whole[start : start + n].view_as(parameter))
        start += n


def remove(module: Module, name: str) -> Module:
    """Make the pruned tensor the parameter again; ValueError if it was not pruned."""
    for key, hook in module._forward_pre_hooks.items():
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(
        f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
    )


def is_pruned(module: Module) -> bool:
    """Whether a parameter of the module, or of a module in it, is pruned."""
    return any(isinstance(h, BasePruningMethod) for m in module.modules() for h in m._forward_pre_hooks.values())
