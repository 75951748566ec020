"""Parameters and buffers: tensors that a Module registers by itself when they are assigned to it."""

from __future__ import annotations

from typing import Any

from torchlike import printing
from torchlike.core import variable
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


class UninitializedTensorMixin:
    """What tensors without a shape share: the memory is out of reach until `materialize` gives one.

    Its dtype and device are known, so a model can be cast and moved; any operation on it raises ValueError.
    """

    cls_to_become: type[Tensor]
    requires_grad: bool

    @property
    def _cell(self) -> Any:
        raise ValueError(
            f"Attempted to use an uninitialized parameter of `torch.nn.parameter.{type(self).__name__}` in an "
            "operation. This error happens when you are using a `LazyModule` or explicitly manipulating "
            f"`torch.nn.parameter.{type(self).__name__}` objects. When using LazyModules Call `forward` with a dummy "
            "batch to initialize the parameters before calling torch functions"
        )

    @classmethod
    def _wait(cls, requires_grad: bool, device: Any, dtype: Any) -> Any:
        from torchlike.creation import empty  # here, not above: creation makes tensors, and this is one

        return Tensor._make_subclass(cls, empty(0, device=device, dtype=dtype), requires_grad)

    @property
    def data(self) -> Tensor:
        """An empty tensor with the dtype and device that this one shall have."""
        return variable.new(self.__dict__["_cell"])

    @data.setter
    def data(self, other: Tensor) -> None:
        self.__dict__["_cell"] = other.detach().clone()._cell

    @property
    def dtype(self) -> Any:
        """The dtype that it shall have."""
        return self.data.dtype

    @property
    def device(self) -> Any:
        """The device that it shall be on."""
        return self.data.device

    @property
    def shape(self) -> Any:
        """RuntimeError: there is none yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call `forward` "
            "to initialize the parameters before accessing their attributes."
        )

    def size(self, *args: Any) -> Any:
        """That of the empty tensor which stands in."""
        return self.data.size(*args)

    def copy_(self, src: Any, non_blocking: bool = False) -> Any:
        """Nothing, if `src` is empty too."""
        self.data.copy_(src.data)
        return self

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary parameter or tensor of this shape, of the dtype and on the device known so far or given.

        The values are undefined (here zeros).
        """
        from torchlike.creation import empty

        held = self.data
        made = empty(shape, device=held.device if device is None else device, dtype=dtype or held.dtype)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self.data = made

    def share_memory_(self) -> Any:
        """RuntimeError: there is no memory yet."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the parameters "
            "before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce_ex__(self, protocol: Any) -> tuple:
        return type(self), (self.requires_grad,)


class UninitializedParameter(UninitializedTensorMixin, Parameter):  # type: ignore[misc, override]
    """A parameter without a shape: `materialize(shape)` makes it a `Parameter`. Lazy layers have such ones.

    >>> import torchlike as torch
    >>> p = torch.nn.UninitializedParameter(dtype=torch.float64)
    >>> p
    <UninitializedParameter>
    >>> p.materialize((2, 3))
    >>> type(p).__name__, p.shape, p.dtype
    ('Parameter', torch.Size([2, 3]), torch.float64)
    """

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:  # type: ignore[misc]
        return cls._wait(requires_grad, device, dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype)
        return memo[id(self)]


class UninitializedBuffer(UninitializedTensorMixin, Tensor):  # type: ignore[misc, override]
    """A buffer without a shape: `materialize(shape)` makes it a tensor. Lazy normalisations have such ones."""

    cls_to_become = Tensor
    persistent: bool

    def __new__(  # type: ignore[misc]
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> Any:
        made = cls._wait(requires_grad, device, dtype)
        made._is_buffer = True
        made.persistent = persistent
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, self.device, self.dtype, self.persistent)
        return memo[id(self)]


def _casts(name: str) -> None:
    """A cast or move that an uninitialised tensor allows: a parameter's gives an empty tensor, which `Module` puts
    into its `data`; a buffer's gives a buffer, which takes its place."""

    def parameter(self: Any, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.data, name)(*args, **kwargs)

    def buffer(self: Any, *args: Any, **kwargs: Any) -> Any:
        moved = parameter(self, *args, **kwargs)
        return type(self)(self.requires_grad, moved.device, moved.dtype, self.persistent)

    for cls, fn in ((UninitializedParameter, parameter), (UninitializedBuffer, buffer)):
        fn.__name__ = name
        fn.__qualname__ = f"{cls.__name__}.{name}"
        fn.__doc__ = f"`Tensor.{name}` of the dtype and device that it shall have."
        setattr(cls, name, fn)


for _name in ("to", "half", "float", "double", "bfloat16", "char", "short", "int", "long", "cpu", "cuda", "type"):
    _casts(_name)


def is_lazy(param: Any) -> bool:
    """Whether it is a parameter or buffer that has no shape yet."""
    return isinstance(param, UninitializedTensorMixin)
