"""Parameters and buffers: tensors that a Module registers by itself when they are assigned to it."""

from __future__ import annotations

from typing import Any

from torchlike import absent, printing
from torchlike.tensor import Tensor


class _ParameterMeta(type):
    """Lets a Tensor subclass that is not a Parameter count as one: it carries a mark instead of the class."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return cls is Parameter and isinstance(instance, Tensor) and getattr(instance, "_is_param", False)


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A tensor that is a weight: assigned to a Module's attribute it appears among `parameters()`.

    Args:
        data: the tensor to hold; its memory is shared, not copied. Nothing at all makes an empty float tensor.
        requires_grad: whether autograd follows it. True, unlike for other tensors.

    A Tensor subclass keeps its own class and still is an instance of Parameter. RuntimeError if `requires_grad` is True
    and the dtype is neither floating nor complex.

    >>> import torchlike as torch
    >>> torch.nn.Parameter(torch.ones(2))
    Parameter containing:
    tensor([1., 1.], requires_grad=True)
    """

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True):
        if data is None:
            data = Tensor()
        shared = data.detach()
        if requires_grad and not (shared.is_floating_point() or shared.is_complex()):
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        if type(data) is Tensor or type(data) is Parameter:
            return Tensor._make_subclass(cls, shared, requires_grad)
        made: Any = Tensor._make_subclass(type(data), shared, requires_grad)
        made._is_param = True
        return made

    def __deepcopy__(self, memo: dict[int, Any]):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        text = super().__repr__(tensor_contents=tensor_contents)  # type: ignore[call-arg]  # mypy forgets its keywords
        return printing.parameter_str(text)


class _BufferMeta(type):
    """Knows a buffer by its mark: `Buffer(...)` returns an ordinary Tensor."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return cls is Buffer and isinstance(instance, Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(Tensor, metaclass=_BufferMeta):
    """A tensor that is state but no weight: assigned to a Module's attribute it appears among `buffers()`.

    What comes back is an ordinary Tensor sharing the memory of `data`, marked so that it is an instance of Buffer.

    Args:
        data: the tensor to hold; nothing at all makes an empty float tensor.
        persistent: whether `state_dict` contains it.

    >>> import torchlike as torch
    >>> m = torch.nn.Module()
    >>> m.mean = torch.nn.Buffer(torch.zeros(2))
    >>> list(m.state_dict())
    ['mean']
    """

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True):
        if data is None:
            data = Tensor()
        held: Any = data.detach().requires_grad_(data.requires_grad)
        held._is_buffer = True
        held.persistent = persistent
        return held


_LAZY = "lazy modules do not exist here: give the layer its sizes"
UninitializedParameter: Any = absent.kind("torch.nn.parameter.UninitializedParameter", _LAZY)
UninitializedBuffer: Any = absent.kind("torch.nn.parameter.UninitializedBuffer", _LAZY)


def is_lazy(param: Any) -> bool:
    """False: every parameter has its shape."""
    return False
