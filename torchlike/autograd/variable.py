"""torch.autograd.variable: the old name of a tensor."""

from __future__ import annotations

from typing import Any

__all__ = ["Variable", "VariableMeta"]


class VariableMeta(type):
    """Every tensor is an instance of `Variable`."""

    def __instancecheck__(cls, instance: Any) -> bool:
        from torchlike.tensor import Tensor

        return isinstance(instance, Tensor)


class Variable(metaclass=VariableMeta):
    """`Variable(tensor)` is another tensor over the same memory, a leaf; the name is from before PyTorch 0.4.

    >>> import torchlike as torch
    >>> torch.autograd.Variable(torch.ones(2), requires_grad=True)
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        import torchlike as torch

        made = torch.empty(0) if data is None else data.detach()
        return made.requires_grad_(requires_grad)
