"""Tensor: a mutable name for a value. Attributes, barriers, history; no mathematics (that is bound by facade.py)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from torchlike import printing
from torchlike.core import batching, capture, former, forward, graph, variable
from torchlike.core import device as _device
from torchlike.core import dtype as _dtype
from torchlike.core.cell import INFERENCE
from torchlike.core.hooks import RemovableHandle
from torchlike.core.host import shared_array
from torchlike.core.layout import in_order
from torchlike.core.op import inexact
from torchlike.core.size import Size, size_of
from torchlike.core.value import SCALARS, of_array, put
from torchlike.core.variable import OWN, Variable, wrap

if TYPE_CHECKING:
    from torchlike.bound import Methods
else:

    class Methods:
        """What facade.py binds, described for type checkers in bound.pyi."""


class Tensor(Methods, Variable):
    """An n-dimensional array of one dtype on one device, with PyTorch's meaning.

    `Tensor(2, 3)` is an uninitialised (here: zero) tensor of that size, `Tensor([1, 2])` one with these values, both of
    the default floating type; `torch.tensor(data)` keeps the type of the data.

    >>> import torchlike as torch
    >>> torch.Tensor([1, 2])
    tensor([1., 2.])
    """

    def __new__(cls, *args, device=None):
        from torchlike import creation

        if len(args) == 1 and isinstance(args[0], Tensor):
            made = args[0].detach()
        elif len(args) == 1 and isinstance(args[0], tuple | list | np.ndarray) and not isinstance(args[0], Size):
            made = creation.tensor(args[0], dtype=_dtype.get_default_dtype(), device=device)
        elif len(args) == 1 and not hasattr(args[0], "__index__") and not isinstance(args[0], Size):
            if isinstance(args[0], str):
                raise TypeError("new(): invalid data type 'str'")
            raise TypeError(f"new(): data must be a sequence (got {type(args[0]).__name__})")
        else:
            made = creation.zeros(*(args or (0,)), device=device)
        if cls is not Tensor:
            made.__class__ = cls
        return made

    def __init__(self, *args, **kwargs):
        pass

    @staticmethod
    def _make_subclass(cls, data: Tensor, require_grad: bool = False) -> Tensor:
        """`data`'s memory under another class, out of the graph."""
        if require_grad and not inexact(data._aval().dtype):
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        made = data._alias()
        made.__class__ = cls
        made._requires_grad = require_grad
        return made

    # --- what it is -------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The sizes of all dimensions."""
        return size_of(self._aval().shape)

    @property
    def dtype(self) -> _dtype.dtype:
        """The type of the elements; prints as `torch.float32`."""
        return _dtype.FROM_NP[self._aval().dtype]

    @property
    def device(self) -> _device.device:
        """Where the tensor lives."""
        return self._aval().device

    @property
    def ndim(self) -> int:
        """The number of dimensions: 0 for a scalar, 1 for a vector, 2 for a matrix."""
        return len(self._aval().shape)

    def dim(self) -> int:
        """The number of dimensions."""
        return len(self._aval().shape)

    ndimension = dim

    def size(self, dim: int | None = None):
        """The shape, or the size of one dimension."""
        shape = self._aval().shape
        if dim is None:
            return size_of(shape)
        dim = operator.index(dim)
        n = len(shape)
        if not -max(n, 1) <= dim < max(n, 1):
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-max(n, 1)}, {max(n, 1) - 1}], but got {dim})"
            )
        return shape[dim]

    def numel(self) -> int:
        """The number of elements."""
        n = 1
        for s in self._aval().shape:
            n *= s
        return n

    nelement = numel

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d tensor")
        return self._aval().shape[0]

    def element_size(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    @property
    def itemsize(self) -> int:
        """Bytes per element."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.numel() * self.itemsize

    @property
    def is_cuda(self) -> bool:
        """Whether the tensor lives on an NVIDIA GPU."""
        return self.device.type == "cuda"

    @property
    def is_cpu(self) -> bool:
        """Whether the tensor lives on the CPU."""
        return self.device.type == "cpu"

    is_sparse = is_quantized = is_nested = is_mkldnn = is_meta = is_mps = False

    @property
    def layout(self):
        """Always `torch.strided`."""
        from torchlike.placement import strided

        return strided

    def is_floating_point(self) -> bool:
        """Whether the elements are of a floating type."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the elements are complex."""
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        """Whether the elements can be negative."""
        return self.dtype.is_signed

    def get_device(self) -> int:
        """The index of the device, -1 on the CPU."""
        return -1 if self.is_cpu else self.device.index or 0

    # --- memory -----------------------------------------------------------------------------------------------------

    def stride(self, dim: int | None = None):
        """Elements to skip in memory for the next index of each dimension, as PyTorch lays the tensor out."""
        strides = self._geometry()[1]
        return tuple(strides) if dim is None else strides[operator.index(dim)]

    def storage_offset(self) -> int:
        """Where in its memory the tensor begins, in elements."""
        return self._geometry()[2]

    def is_contiguous(self, memory_format=None) -> bool:
        """Whether the elements lie in memory in the order of the indices."""
        if self._parent is None and self._strided is None:
            return True
        size, strides, _ = self._geometry()
        return in_order(size, strides)

    def data_ptr(self) -> int:
        """A number equal for two tensors exactly if their first elements share memory. Not a real address."""
        return self._cell.address + self.storage_offset() * self.itemsize if self.numel() else 0

    @property
    def _version(self) -> int:
        """How often this memory was written in place. Writes through `.data` count only in what `.data` gave."""
        if self._cell.counter is INFERENCE:
            raise RuntimeError("Inference tensors do not track version counter.")
        return self._counter()[0]

    def is_inference(self) -> bool:
        """Whether the memory was made inside `torch.inference_mode()`."""
        return self._cell.counter is INFERENCE

    def _is_view(self) -> bool:
        return self._parent is not None and not self._turned

    @property
    def _base(self) -> Tensor | None:
        base = self
        while base._is_view():
            base = base._up()
        return None if base is self else base

    @property
    def data(self) -> Tensor:
        """The same memory, out of the graph. Assigning makes the tensor use another tensor's memory."""
        made = Tensor.detach(self)
        made._root()._aside = [0, None]
        return made

    @data.setter
    def data(self, other: Tensor) -> None:
        if not isinstance(other, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(other).__name__}")
        other = other._alias()
        former.leave(self, other)
        other._read()
        self._cell, self._turned = other._cell, other._parent is not None
        self._parent, self._step, self._strided = other._parent, other._step, other._strided
        self._cached, self._seen = other._cached, other._seen

    # --- reading: the barriers ---------------------------------------------------------------------------------------

    def _host(self) -> np.ndarray:
        """The elements as a NumPy array that nobody else holds for long."""
        if capture.active is not None:
            capture.active.refuse()  # also what exists already: another call brings other values
        array = self._look().computed()
        if isinstance(array, np.ndarray):
            return array
        if isinstance(array, jax.core.Tracer):
            raise RuntimeError(
                "a value cannot be read inside a JAX transformation (jit, grad, vmap): it does not exist yet. "
                "Return it from the transformed function instead."
            )
        array.block_until_ready()  # raises what went wrong; NumPy would end the process
        return np.asarray(array)

    def item(self):
        """The one element as a Python number (a barrier)."""
        if self.numel() != 1:
            raise RuntimeError(f"a Tensor with {self.numel()} elements cannot be converted to Scalar")
        one = self._host().item()
        return one if one.__class__ in SCALARS else float(one)

    def tolist(self):
        """The elements as nested lists of Python numbers (a barrier)."""
        host = self._host()
        return host.astype(np.float32).tolist() if host.dtype.kind == "V" else host.tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """The elements as a NumPy array over the tensor's memory (a barrier): a write to either is seen by the other.

        `force=True` detaches, brings to the CPU and copies first if need be.
        """
        if force:
            return np.array(self.detach().cpu()._host())
        if self.requires_grad:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if not self.is_cpu:
            raise TypeError(
                f"can't convert {self.device} device type tensor to numpy. Use Tensor.cpu() to copy the tensor to "
                "host memory first."
            )
        if self.dtype is _dtype.bfloat16 or self.is_floating_point() and self.itemsize == 1:
            raise TypeError(f"Got unsupported ScalarType {self.dtype._scalar_name}")
        return shared_array(self)

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        array = self.numpy()
        return np.array(array) if copy and dtype is None else array if dtype is None else array.astype(dtype, copy=copy)

    def jax(self) -> jax.Array:
        """The JAX array under this tensor, without a copy (a barrier). `torch.from_jax` goes the other way."""
        return self._read().export()

    __array_priority__ = 1000  # so that `np.float32(2) * tensor` is the tensor's multiplication

    def __array_wrap__(self, array: np.ndarray, context=None, return_scalar: bool = False) -> Tensor:
        """What a NumPy function makes of tensors, as a tensor; truth values as bytes, as in PyTorch."""
        from torchlike.from_data import from_numpy

        return from_numpy(np.asarray(array, np.uint8) if array.dtype == bool else np.asarray(array))

    def __jax_array__(self) -> Any:
        return self.jax()

    def __dlpack__(self, **kwargs):
        return self.jax().__dlpack__(**kwargs)

    def __dlpack_device__(self):
        return self.jax().__dlpack_device__()

    def __bool__(self) -> bool:
        n = self.numel()
        if n == 0:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
        if n > 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def _scalar(self, kind: str):
        """The one element for `int()` and `float()`, with PyTorch's errors."""
        if self.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        value = self.item()
        if isinstance(value, complex) and kind != "complex":
            if value.imag:
                raise RuntimeError(f"value cannot be converted to type {kind} without overflow")
            value = value.real
        return value

    def __int__(self) -> int:
        return int(self._scalar("int64_t"))

    def __float__(self) -> float:
        return float(self._scalar("double"))

    def __complex__(self) -> complex:
        return complex(self._scalar("complex"))

    def __index__(self) -> int:
        if self.numel() != 1 or self.dtype.is_floating_point or self.dtype.is_complex:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    def __iter__(self):
        if not self.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter([self[i] for i in range(len(self))])

    def __delitem__(self, index) -> None:
        raise TypeError("Tensor does not support deleting items")

    def __reversed__(self):
        return self.flip(0) if self.ndim else self

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, spec: str) -> str:
        if self.ndim == 0 and type(self) is Tensor:
            return format(self.item(), spec)
        return object.__format__(self, spec)

    def __repr__(self, *, tensor_contents=None) -> str:
        value = self._look()
        if isinstance(value.array, jax.core.Tracer):
            return f"tensor({value.aval!r} inside a JAX transformation)"
        plain, parameter = _plain(self)
        text = printing.tensor_str(
            self._host(),
            dtype_name=self.dtype.name,
            default_dtype_name=_dtype.get_default_dtype().name,
            requires_grad=self._requires_grad and self._node is None,
            grad_fn_name=None if self._node is None else type(self._node).__name__,
            device=str(self.device),
            class_prefix="tensor(" if plain else f"{type(self).__name__}(",
            contents=tensor_contents,
        )
        return f"Parameter({text})" if parameter and not plain else text

    def __dir__(self):
        return sorted(k for k in object.__dir__(self) if not k.startswith("_") or k.startswith("__"))

    # --- history ----------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for this tensor; spreads to everything computed from it."""
        self._follow()
        return self._requires_grad or self._node is not None

    @requires_grad.setter
    def requires_grad(self, on: bool) -> None:
        if not isinstance(on, bool):
            raise RuntimeError("requires_grad must be a bool")
        if on and not inexact(self._aval().dtype):
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
        self.requires_grad_(on)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Ask for gradients of this leaf, or stop asking; returns the tensor."""
        if not requires_grad and not self.is_leaf:
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables. If you want to use a computed variable in "
                "a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
            )
        if requires_grad and not inexact(self._aval().dtype):
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if requires_grad and self._cell.counter is INFERENCE and not graph.mode.inference:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        if self._node is None:
            self._requires_grad = bool(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user, not by an operation on tensors that require grad."""
        self._follow()
        return self._node is None

    @property
    def grad_fn(self):
        """The node that computed this tensor; None for a leaf."""
        self._follow()
        return self._node

    @property
    def output_nr(self) -> int:
        """Which output of `grad_fn` this tensor is."""
        return self._nr

    @property
    def grad(self) -> Tensor | None:
        """The gradient collected by `backward()`; None until there is one."""
        if self._grad is None and self._node is not None and not self._retains:
            import warnings

            warnings.warn(
                "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute "
                "won't be populated during autograd.backward(). If you indeed want the .grad field to be populated "
                "for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor "
                "by mistake, make sure you access the leaf Tensor instead. See github.com/pytorch/pytorch/pull/30531 "
                "for more information.",
                UserWarning,
                stacklevel=2,
            )
        if capture.active is not None:
            capture.active.touched_grad(self)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if capture.active is not None:
            capture.active.touched_grad(self, reads=False)
        if value is None:
            self._grad = None
            return
        if not isinstance(value, Tensor):
            kind = type(value).__name__
            raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {kind}")
        if value is self:
            raise RuntimeError("can't assign Variable as its own grad")
        wanted = self._grad_dtype
        if value.dtype is not (self.dtype if wanted is OWN else wanted or value.dtype):
            given = _dtype.c_name(value.dtype.np)
            expected = (self.dtype if wanted is OWN else wanted)._scalar_name
            raise RuntimeError(
                f"attempting to assign a gradient with dtype '{given}' to a tensor with grad_dtype '{expected}'. The "
                "gradient must match the tensor's grad_dtype (defaults to the tensor's dtype). You can set the "
                "tensor's grad_dtype attribute with a specific dtype, or None to allow any dtype. Set grad_dtype with "
                "caution. Diverging the dtypes of a tensor and its gradient may break downstream systems that assume "
                "they match."
            )
        if value.shape != self.shape:
            raise RuntimeError(
                f"attempting to assign a gradient of size '{list(value.shape)}' to a tensor of size "
                f"'{list(self.shape)}'. Please ensure that the gradient and the tensor are the same size"
            )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def grad_dtype(self) -> _dtype.dtype | None:
        """The dtype of this leaf's `grad`: that of the tensor unless it is set. None lets `grad` have any dtype.

        >>> import torchlike as torch
        >>> x = torch.ones(1, dtype=torch.bfloat16, requires_grad=True)
        >>> x.grad_dtype = torch.float32
        >>> (x * 2).sum().backward()
        >>> x.grad
        tensor([2.])
        """
        if not self.is_leaf:
            raise RuntimeError("grad_dtype can only be accessed on leaf tensors.")
        return self.dtype if self._grad_dtype is OWN else self._grad_dtype

    @grad_dtype.setter
    def grad_dtype(self, value: _dtype.dtype | None) -> None:
        if not (value is None or isinstance(value, _dtype.dtype)):
            raise RuntimeError(f"grad_dtype must be a torch.dtype or None, but got {type(value).__name__}")
        if not self.is_leaf:
            raise RuntimeError("grad_dtype can only be set on leaf tensors.")
        old = self._grad
        if value is not None and old is not None and old.dtype is not value:
            has = _dtype.c_name(old.dtype.np)
            raise RuntimeError(
                f"Cannot set grad_dtype to '{value._scalar_name}' because there is already a gradient with dtype "
                f"'{has}'. Please clear the gradient (.grad = None) before changing grad_dtype, or ensure the new "
                "grad_dtype matches the existing gradient's dtype."
            )
        self._grad_dtype = OWN if value is self.dtype else value

    def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None) -> None:
        """Add the gradient of this tensor to the `grad` of the leaves it depends on.

        A scalar needs no `gradient`; otherwise it has this tensor's shape. `retain_graph` keeps what the pass used, so
        that it can be repeated; `create_graph` makes the gradients differentiable; `inputs` limits it to some tensors.

        >>> import torchlike as torch
        >>> x = torch.tensor([1., 2.], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
        """
        from torchlike.autograd import backward

        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Tensor:
        """The same memory, out of the graph. See `clone()` for new memory in the graph."""
        if self._aval().traced:
            return batching.detached(self)
        if variable.pushed is not None and forward.moves(self):
            return forward.still(self)
        made = self._alias()
        made._turned = made._parent is not None  # to the user no view: what is taken of it has it as its base
        return made

    def detach_(self) -> Tensor:
        """Take this tensor itself out of its graph."""
        if self._is_view():
            raise RuntimeError(
                "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for "
                "training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence "
                "detach_() cannot be called on these gradients. To fix this error, please refer to the "
                "Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution."
            )
        if self._parent is not None:
            self._parent = self._up()._alias()
        self._node, self._nr, self._requires_grad = None, 0, False
        return self

    def retain_grad(self) -> None:
        """Keep the gradient of this non-leaf in its `grad` at the next backward pass."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self._node is None or self._retains:
            return
        self._retains = True
        self._node.retain(self)

    @property
    def retains_grad(self) -> bool:
        """Whether `retain_grad` was called on this non-leaf."""
        return self._retains

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(grad)` whenever a gradient of this tensor is computed; what it returns replaces the gradient."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        node, nr = self._edge()  # type: ignore[misc]  # it requires grad
        return node.add_tensor_hook(nr, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable) -> RemovableHandle:
        """Call `hook(tensor)` after a gradient has been added to this leaf's `grad`."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._node is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if self._accumulate_hooks is None:
            self._accumulate_hooks = {}
        return RemovableHandle(self._accumulate_hooks, hook)

    # --- elsewhere ---------------------------------------------------------------------------------------------------

    def as_subclass(self, cls) -> Tensor:
        """The same memory under a subclass of Tensor, in the graph."""
        if not (isinstance(cls, type) and issubclass(cls, Tensor)):
            raise TypeError(f"cls must be a type (got {type(cls).__name__})")
        made = self.view_as(self)
        made.__class__ = cls
        return made

    def cpu(self) -> Tensor:
        """On the CPU (itself if it is there already)."""
        return self.to("cpu")

    def cuda(self, device=None, non_blocking: bool = False) -> Tensor:
        """On an NVIDIA GPU."""
        return self.to(_device.device("cuda" if device is None else device))

    def share_memory_(self) -> Tensor:
        """Returns the tensor; memory is not shared between processes here, arrays are handed over instead."""
        return self

    def is_shared(self) -> bool:
        """False on the CPU: see `share_memory_`."""
        return self.is_cuda

    def pin_memory(self) -> Tensor:
        """Returns the tensor: XLA pins its own staging buffers."""
        return self

    def is_pinned(self) -> bool:
        """False: see `pin_memory`."""
        return False

    def __deepcopy__(self, memo):
        if self._node is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
                "moment.  If you were attempting to deepcopy a module, this may be because of a torch.nn.utils."
                "weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001"
            )
        if id(self) in memo:
            return memo[id(self)]
        with graph.no_grad():
            copied = self.clone()
        copied.__class__ = type(self)
        for name, held in self.__dict__.items():
            if not name.startswith("_"):
                from copy import deepcopy

                copied.__dict__[name] = deepcopy(held, memo)
        copied._requires_grad = self._requires_grad
        if self._grad is not None:
            copied._grad = self._grad.__deepcopy__(memo)
        memo[id(self)] = copied
        return copied

    def __reduce_ex__(self, protocol):
        array = np.array(self.detach().cpu()._host())
        extra = {k: v for k, v in self.__dict__.items() if not k.startswith("_")}
        return _rebuild, (type(self), array, self._requires_grad and self._node is None, extra)


def _plain(t: Tensor) -> tuple[bool, bool]:
    """Whether this is no subclass of the user's, and whether it is a parameter: what `repr` depends on."""
    from torchlike.nn.parameter import Parameter

    return type(t) is Tensor or type(t) is Parameter, isinstance(t, Parameter)


def _rebuild(cls, array: np.ndarray, requires_grad: bool, extra: dict) -> Tensor:
    made = wrap(put(array, _device.cpu))
    made.__class__ = cls
    made._requires_grad = requires_grad
    made.__dict__.update(extra)
    return made


def from_jax(array: jax.Array) -> Tensor:
    """A tensor over a JAX array, without a copy; inside a JAX transformation also over its tracers.

    >>> import jax.numpy as jnp
    >>> import torchlike as torch
    >>> torch.from_jax(jnp.arange(3.))
    tensor([0., 1., 2.])
    """
    value = of_array(array)
    value.exported = True
    return wrap(value)


variable.result_type = Tensor
