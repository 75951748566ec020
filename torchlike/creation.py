"""Tensors from data, from sizes, from other tensors: the factory functions, thin over `ops/creation.py`."""

from __future__ import annotations

import builtins
import math
import warnings
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from torchlike.core import device as _device
from torchlike.core import dtype as _dtype
from torchlike.core.host import share
from torchlike.core.op import SLOT, TABLE, inexact, sizes
from torchlike.core.value import put
from torchlike.core.variable import apply, wrap
from torchlike.ops.conversion import within_float8
from torchlike.tensor import Tensor, from_jax

__all__ = [
    "layout", "memory_format", "strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc",
    "jagged", "contiguous_format", "preserve_format", "channels_last", "channels_last_3d",
    "set_default_device", "get_default_device", "tensor", "as_tensor", "asarray", "scalar_tensor", "from_numpy",
    "frombuffer", "from_dlpack", "zeros", "zeros_like", "ones", "ones_like", "empty", "empty_like", "full", "full_like",
    "empty_strided", "empty_permuted", "eye",
]  # fmt: skip


class _Named:
    def __init__(self, name: str):
        self._name = name

    def __repr__(self) -> str:
        return f"torch.{self._name}"


class layout(_Named):
    """How a tensor is laid out: every tensor here is `torch.strided`; the sparse layouts are names to compare with."""


class memory_format(_Named):
    """The order of dimensions in memory; XLA chooses its own, so these change nothing but what is reported."""


strided = layout("strided")
sparse_coo = layout("sparse_coo")
sparse_csr = layout("sparse_csr")
sparse_csc = layout("sparse_csc")
sparse_bsr = layout("sparse_bsr")
sparse_bsc = layout("sparse_bsc")
jagged = layout("jagged")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")

_default_device = [_device.cpu]


def set_default_device(device) -> None:
    """New tensors are made here unless a `device=` says otherwise; None means the CPU again."""
    _default_device[0] = _device.home("cpu" if device is None else device)


def get_default_device() -> _device.device:
    """Where new tensors are made."""
    return _default_device[0]


def _home(device) -> _device.device:
    return _default_device[0] if device is None else _device.home(device)


def _finish(made, requires_grad: bool, layout=None, pin_memory: bool = False):
    if layout is not None and layout is not strided:
        raise NotImplementedError(f"layout={layout}: only dense tensors exist here; leave out the layout argument")
    if requires_grad and not inexact(made._aval().dtype):
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return made.requires_grad_() if requires_grad else made


def _array(data) -> tuple[np.ndarray, _dtype.dtype]:
    """Nested sequences, numbers, NumPy arrays and tensors as one array, and the dtype a tensor of it gets.

    Python floats stay in double precision until the dtype is known.
    """
    if isinstance(data, Tensor):
        return data.detach()._host(), data.dtype
    if isinstance(data, np.ndarray | np.generic | jax.Array) or (
        hasattr(data, "__array__") and not isinstance(data, Sequence)
    ):
        array = np.asarray(data)
        _check_strides(array)
        return array, _dtype.from_np(array.dtype)
    if isinstance(data, bool | int | float | complex):
        return _numbers([data], ())
    if isinstance(data, str | bytes):
        raise TypeError(f"new(): invalid data type '{type(data).__name__}'")
    if not isinstance(data, Sequence):
        raise RuntimeError(f"Could not infer dtype of {type(data).__name__}")
    shape, leaves = _walk(data)
    if leaves and any(isinstance(leaf, Tensor | np.ndarray) for leaf in leaves):
        parts = [_array(leaf) for leaf in leaves]
        if any(isinstance(leaf, Tensor) and leaf.numel() != 1 for leaf in leaves):
            raise ValueError("only one element tensors can be converted to Python scalars")
        return np.stack([p for p, _ in parts]).reshape(*shape, *parts[0][0].shape), parts[0][1]
    return _numbers(leaves, shape)


def _numbers(leaves: list, shape: tuple) -> tuple[np.ndarray, _dtype.dtype]:
    kinds = {type(leaf) for leaf in leaves}
    if len(kinds) == 1 and issubclass(next(iter(kinds)), np.generic):
        array = np.asarray(leaves).reshape(shape)
        return array, _dtype.from_np(array.dtype)
    for leaf in leaves:
        if isinstance(leaf, str | bytes):
            raise TypeError(f"new(): invalid data type '{type(leaf).__name__}'")
        if not isinstance(leaf, bool | int | float | complex | np.generic):
            raise RuntimeError(f"Could not infer dtype of {type(leaf).__name__}")
    if not leaves or not all(issubclass(k, bool | int | np.bool_ | np.integer) for k in kinds):
        if any(issubclass(k, complex | np.complexfloating) for k in kinds):
            return np.asarray(leaves, np.complex128).reshape(shape), _dtype.default_complex()
        return np.asarray(leaves, np.float64).reshape(shape), _dtype.get_default_dtype()
    if kinds <= {bool, np.bool_}:
        return np.asarray(leaves, np.bool_).reshape(shape), _dtype.bool
    try:
        return np.asarray(leaves, np.int64).reshape(shape), _dtype.int64
    except OverflowError:
        raise RuntimeError("Overflow when unpacking long long") from None


def _walk(data) -> tuple[tuple, list]:
    """The shape of nested sequences and their leaves in order; ValueError where they are ragged."""
    shape = []
    level = data
    while isinstance(level, Sequence) and not isinstance(level, str | bytes):
        shape.append(len(level))
        if not len(level):
            break
        level = level[0]
    leaves: list = []

    def visit(part, depth: int) -> None:
        if depth == len(shape):
            if isinstance(part, Sequence) and not isinstance(part, str | bytes):
                raise TypeError("not a sequence") if not shape else ValueError(
                    f"expected sequence of length {shape[-1]} at dim {depth - 1} (got {len(part)})"
                )
            leaves.append(part)
            return
        if not isinstance(part, Sequence) or isinstance(part, str | bytes):
            raise TypeError(f"expected a sequence at dim {depth}, but got {type(part).__name__}")
        if len(part) != shape[depth]:
            raise ValueError(f"expected sequence of length {shape[depth]} at dim {depth} (got {len(part)})")
        for p in part:
            visit(p, depth + 1)

    visit(data, 0)
    return tuple(shape), leaves


def tensor(data, *, dtype=None, device=None, requires_grad: bool = False, pin_memory: bool = False) -> Tensor:
    """A tensor with a copy of the data (nested lists, numbers, a NumPy array, another tensor).

    The dtype is that of the data: int64 for ints, the default floating type for floats.

    >>> import torchlike as torch
    >>> torch.tensor([[1., -1.], [1., -1.]])
    tensor([[ 1., -1.],
            [ 1., -1.]])
    """
    if isinstance(data, Tensor):
        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach().clone() or "
            "sourceTensor.detach().clone().requires_grad_(True), rather than torch.tensor(sourceTensor).",
            UserWarning,
            stacklevel=2,
        )
        made = data.detach().clone().to(dtype=dtype, device=device)
        return _finish(made, requires_grad)
    array, inferred = _array(data)
    d = dtype or inferred
    if not isinstance(d, _dtype.dtype):
        raise TypeError(f"tensor(): argument 'dtype' must be torch.dtype, not {type(d).__name__}")
    if d.np != array.dtype:
        array = _cast(array, d)
    return _finish(wrap(put(array, _home(device))), requires_grad)


def _cast(array: np.ndarray, d: _dtype.dtype) -> np.ndarray:
    if d.np.kind in "iu" and array.dtype.kind in "iu" and array.size:
        info = np.iinfo(d.np)
        if array.max() > info.max or array.min() < min(info.min, -info.max if d.np.kind == "u" else info.min):
            raise RuntimeError(f"value cannot be converted to type {d.np.name}_t without overflow")
    with np.errstate(all="ignore"):
        return within_float8(array, d.np, np).astype(d.np)


def as_tensor(data, dtype=None, device=None) -> Tensor:
    """`data` itself where it is a tensor of this dtype and device already, else a tensor made from it, over the same
    memory if it is a NumPy array of this dtype."""
    if isinstance(data, Tensor):
        return data.to(device=device, dtype=dtype)
    if isinstance(data, np.ndarray) and data.dtype in _dtype.FROM_NP:
        return from_numpy(data).to(device=_home(device), dtype=dtype)
    return tensor(data, dtype=dtype, device=device)


asarray = as_tensor


def scalar_tensor(s, *, dtype=None, device=None, requires_grad: bool = False) -> Tensor:
    """A zero-dimensional tensor; floating unless a dtype is given."""
    return tensor(s, dtype=dtype or _dtype.get_default_dtype(), device=device, requires_grad=requires_grad)


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """A tensor over the memory of a NumPy array: a write to either is seen by the other (see core/host.py).

    >>> import numpy as np
    >>> import torchlike as torch
    >>> a = np.zeros(2)
    >>> t = torch.from_numpy(a)
    >>> a[0] = 5
    >>> t
    tensor([5., 0.], dtype=torch.float64)
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"expected np.ndarray (got {type(ndarray).__name__})")
    _dtype.from_np(ndarray.dtype)
    if not ndarray.flags.writeable:
        warnings.warn(
            "The given NumPy array is not writable, and PyTorch does not support non-writable tensors. This means "
            "writing to this tensor will result in undefined behavior. You may want to copy the array to protect its "
            "data or make it writable before converting it to a tensor. This type of warning will be suppressed for "
            "the rest of this program.",
            UserWarning,
            stacklevel=2,
        )
        return wrap(put(ndarray, _device.cpu))
    _check_strides(ndarray)
    return share(ndarray, _device.cpu)


def frombuffer(buffer, *, dtype, count: int = -1, offset: int = 0, requires_grad: bool = False) -> Tensor:
    """A tensor over the memory of a Python object with the buffer protocol (`bytearray`, `memoryview`, `array`, ...).

    Args:
        buffer: the object; a write to it or to the tensor is seen by the other.
        dtype: how its bytes are read.
        count: how many elements, -1 for all that are there.
        offset: how many bytes are left out at the beginning.

    ValueError where the bytes do not suffice or are no whole number of elements.

    >>> import torchlike as torch
    >>> torch.frombuffer(bytearray(b"abc"), dtype=torch.uint8)
    tensor([97, 98, 99], dtype=torch.uint8)
    """
    if not isinstance(dtype, _dtype.dtype):
        raise TypeError(f"frombuffer(): argument 'dtype' must be torch.dtype, not {type(dtype).__name__}")
    try:
        view = memoryview(buffer)
    except TypeError:
        raise ValueError("the object does not implement Python buffer protocol") from None
    length, width = view.nbytes, dtype.itemsize
    if not length or not count:
        raise ValueError(f"both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length ({length} bytes) minus 1"
        )
    if count < 0:
        if (length - offset) % width:
            raise ValueError(
                f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a multiple of element "
                f"size ({width})"
            )
        count = (length - offset) // width
    if offset + count * width > length:
        raise ValueError(
            f"requested buffer length ({count} * {width} bytes) after offset ({offset} bytes) must not be greater than "
            f"actual buffer length ({length} bytes)"
        )
    array = np.frombuffer(buffer, dtype.np, count, offset)
    if view.readonly:
        warnings.warn(
            "The given buffer is not writable, and PyTorch does not support non-writable tensors. This means you can "
            "write to the underlying (supposedly non-writable) buffer using the tensor. You may want to copy the "
            "buffer to protect its data or make it writable before converting it to a tensor. This type of warning "
            "will be suppressed for the rest of this program.",
            UserWarning,
            stacklevel=2,
        )
        return _finish(wrap(put(array, _device.cpu)), requires_grad)
    return _finish(share(array, _device.cpu), requires_grad)


def _check_strides(ndarray: np.ndarray) -> None:
    if builtins.any(s < 0 for s in ndarray.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are not "
            "currently supported. (You can probably work around this by making a copy of your array  with "
            "array.copy().) "
        )


def from_dlpack(ext_tensor) -> Tensor:
    """A tensor over the memory of any object with `__dlpack__`."""
    with _device.x64():
        return from_jax(jax.dlpack.from_dlpack(ext_tensor))


def _make(name: str, template: tuple, inputs: Sequence = (), device=None) -> Tensor:
    return apply(TABLE[f"_make.{name}"], template, list(inputs), device=_home(device))


def _size(size: tuple, name: str) -> tuple:
    given: Any = sizes(size, "size", name)
    if builtins.any(n < 0 for n in given):
        bad = next(n for n in given if n < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {bad}: {list(given)}")
    if builtins.any(n >= 2**63 for n in given):
        raise TypeError(f"{name}(): argument 'size' failed to unpack: Overflow when unpacking long long")
    if math.prod(given) >= 2**61:
        raise RuntimeError(f"Storage size calculation overflowed with sizes={list(given)}")
    if math.prod(given) >= 2**31:
        _device.check_memory(4 * math.prod(given), get_default_device())
    return given


def _filled(name: str, value):
    def make(*size, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False):
        size = size or ((),)
        shape = _size(size, name)
        d = dtype or (out.dtype if out is not None else _dtype.get_default_dtype())
        made = _make("full", (shape, SLOT, d), [value], device)
        if out is not None:
            from torchlike.facade import write_out

            return write_out(name, made, out)
        return _finish(made, requires_grad, layout)

    def like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
        made = make(tuple(input.shape), dtype=dtype or input.dtype, device=device or input.device, layout=layout)
        return _finish(made, requires_grad)

    def new(self, *size, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False):
        made = make(*size, dtype=dtype or self.dtype, device=device or self.device, layout=layout)
        return _finish(made, requires_grad)

    what = {"zeros": "zeros", "ones": "ones", "empty": "values that nobody promised (here: zeros)"}[name]
    make.__doc__ = f"A tensor of this size filled with {what}; sizes one by one or as a sequence."
    like.__doc__ = f"A tensor of `input`'s size, dtype and device filled with {what}."
    new.__doc__ = f"A tensor of this tensor's dtype and device and another size, filled with {what}."
    for fn, label in ((make, name), (like, f"{name}_like"), (new, f"new_{name}")):
        fn.__name__ = fn.__qualname__ = label
    setattr(Tensor, new.__name__, new)
    return make, like


zeros, zeros_like = _filled("zeros", 0)
ones, ones_like = _filled("ones", 1)
empty, empty_like = _filled("empty", 0)


def full(size, fill_value, *, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    """A tensor of this size with `fill_value` everywhere; its dtype is that of the value unless given."""
    if isinstance(fill_value, Tensor):
        dtype = dtype or fill_value.dtype
        fill_value = fill_value.item()
    d = dtype or (out.dtype if out is not None else _dtype.of_scalar(fill_value))
    made = _make("full", (_size((size,), "full"), SLOT, d), [fill_value], device)
    if out is not None:
        from torchlike.facade import write_out

        return write_out("full", made, out)
    return _finish(made, requires_grad, layout)


def full_like(input, fill_value, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
    """A tensor of `input`'s size, dtype and device with `fill_value` everywhere."""
    return full(
        tuple(input.shape), fill_value, dtype=dtype or input.dtype, device=device or input.device, layout=layout,
        requires_grad=requires_grad,
    )  # fmt: skip


def empty_strided(size, stride, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False):
    """A tensor of this size whose elements lie in memory by these strides."""
    span = 1 + builtins.sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in size else 0
    made = empty(span, dtype=dtype, device=device, layout=layout).as_strided(size, stride)
    return _finish(made, requires_grad)


def empty_permuted(size, physical_layout, *, dtype=None, layout=None, device=None, requires_grad=False,
                   pin_memory=False):  # fmt: skip
    """A tensor of this size whose dimensions lie in memory in the order `physical_layout`, the last one dense."""
    size, order = tuple(size), tuple(physical_layout)
    if len(size) != len(order):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = "
            f"{len(size)} is not equal to len(physical_layout) = {len(order)}"
        )
    for i, d in enumerate(order):
        if not 0 <= d < len(size):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got {d} at index {i}).  "
                "NB: negative dims not currently supported; file an issue if you want it."
            )
        if d in order[:i]:
            raise RuntimeError("Duplicate dim not allowed")
    made = empty(tuple(size[d] for d in order), dtype=dtype, device=device, layout=layout)
    return _finish(made.permute([order.index(d) for d in builtins.range(len(size))]), requires_grad)


def eye(n, m=None, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """Ones on the diagonal of an n by m (n by n) matrix, zeros elsewhere."""
    for name, size in (("n", n), ("m", n if m is None else m)):
        if size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    made = _make("eye", (n, n if m is None else m, dtype or _dtype.get_default_dtype()), [], device)
    if out is not None:
        from torchlike.facade import write_out

        return write_out("eye", made, out)
    return _finish(made, requires_grad, layout)


def _new_tensor(self, data, *, dtype=None, device=None, requires_grad=False):
    """A tensor with this data and, unless given, this tensor's dtype and device."""
    return tensor(data, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad)


def _new_full(self, size, fill_value, *, dtype=None, device=None, requires_grad=False, layout=None, pin_memory=False):
    """`torch.full` with this tensor's dtype and device."""
    return full(
        size, fill_value, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad
    )


Tensor.new_tensor = _new_tensor  # type: ignore[method-assign]
Tensor.new_full = _new_full  # type: ignore[method-assign]
Tensor.new_empty_strided = lambda self, size, stride, **kw: empty_strided(  # type: ignore[method-assign]
    size, stride, dtype=kw.pop("dtype", None) or self.dtype, device=kw.pop("device", None) or self.device, **kw
)
