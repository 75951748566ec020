"""Tensors from data: nested lists, numbers, NumPy arrays, buffers, other tensors."""

from __future__ import annotations

import builtins
import warnings
from collections.abc import Sequence

import jax
import numpy as np

from torchlike.core import device as _device
from torchlike.core import dtype as _dtype
from torchlike.core.host import share
from torchlike.core.value import put
from torchlike.core.variable import wrap
from torchlike.ops.checks import type_name
from torchlike.ops.conversion import within_float8
from torchlike.ops.overflow import in_range
from torchlike.placement import _finish, _home
from torchlike.tensor import Tensor, from_jax

__all__ = ["tensor", "as_tensor", "asarray", "scalar_tensor", "from_numpy", "frombuffer", "from_dlpack"]


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
    return _numbers(leaves, shape)


def _kind(leaf) -> _dtype.dtype:
    """The dtype that one number (or tensor of one element) asks for."""
    if isinstance(leaf, Tensor):
        if leaf.numel() != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return leaf.dtype
    if isinstance(leaf, str | bytes):
        raise ValueError(f"too many dimensions '{type(leaf).__name__}'")
    if not isinstance(leaf, bool | int | float | complex | np.generic):
        raise RuntimeError(f"Could not infer dtype of {type_name(leaf)}")
    return _dtype.from_np(leaf.dtype) if isinstance(leaf, np.generic) else _dtype.of_scalar(leaf)


def _numbers(leaves: list, shape: tuple) -> tuple[np.ndarray, _dtype.dtype]:
    """Numbers as an array of this shape, and the common dtype of them all."""
    simple = {type(leaf) for leaf in leaves} <= {bool, int, float}
    kinds = list(map(_kind, {type(leaf): leaf for leaf in leaves}.values() if simple else leaves))
    d = kinds[0] if kinds else _dtype.get_default_dtype()
    for other in set(kinds):
        if other is not d:
            d = _dtype.FROM_NP[np.dtype(jax.numpy.promote_types(d.np, other.np))]
    if not simple:
        leaves = [leaf.item() if isinstance(leaf, Tensor) else leaf for leaf in leaves]
    wide = np.complex128 if d.is_complex else np.float64 if d.is_floating_point else d.np
    try:
        return np.asarray(leaves, wide).reshape(shape), d
    except OverflowError:
        raise ValueError("Overflow when unpacking long long") from None


def _is_nest(part) -> bool:
    if isinstance(part, np.ndarray):
        if not part.ndim:
            raise TypeError("len() of unsized object")
        return True
    return isinstance(part, Sequence) and not isinstance(part, str | bytes)


def _walk(data) -> tuple[tuple, list]:
    """The shape of nested sequences and their leaves in order; ValueError where they are ragged."""
    shape = []
    level = data
    while _is_nest(level):
        shape.append(len(level))
        if not len(level):
            break
        level = level[0]
    leaves: list = []

    def visit(part, depth: int) -> None:
        if depth == len(shape):
            if _is_nest(part):
                raise TypeError(f"'{type_name(part)}' object cannot be interpreted as an integer")
            leaves.append(part)
            return
        if not _is_nest(part):
            raise TypeError("not a sequence")
        if len(part) != shape[depth]:
            raise ValueError(f"expected sequence of length {shape[depth]} at dim {depth} (got {len(part)})")
        if isinstance(part, np.ndarray):
            if part.shape != tuple(shape[depth:]):
                last, found = len(shape) - 1, part.shape[-1]
                raise ValueError(f"expected sequence of length {shape[-1]} at dim {last} (got {found})")
            leaves.extend(part.reshape(-1))
            return
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
    d = _dtype.given(dtype, "tensor") or inferred
    if d.np != array.dtype:
        array = _cast(array, d, numbers=d is not inferred and not hasattr(data, "dtype"))
    return _finish(wrap(put(array, _home(device))), requires_grad)


def _cast(array: np.ndarray, d: _dtype.dtype, numbers: bool) -> np.ndarray:
    """The array in another dtype: as C converts it, or, made of Python numbers, only where it can hold them."""
    if numbers and array.dtype.kind == "c" and d.np.kind in "fVb" and not d.is_complex:
        raise TypeError("must be real number, not complex")
    if numbers and d.np.kind in "iu" and array.size:
        for value in (array.min(), array.max()) if array.dtype.kind != "c" else array.flat:
            if not in_range(value.item(), d.np):
                raise RuntimeError(f"value cannot be converted to type {d.name} without overflow")
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
        raise TypeError(f"expected np.ndarray (got {type_name(ndarray)})")
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
