"""The saving side: a pickle whose tensors, parameters, sizes, devices and dtypes name PyTorch's globals.

PyTorch need not be there, so the names are written without being looked up. That takes Python's own pickler: the
one in C insists on importing what it names.
"""

# mypy: disable-error-code="attr-defined, assignment"
# (type stubs describe the pickler in C only)

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np

from torchlike.core.device import device
from torchlike.core.dtype import ALL, dtype
from torchlike.core.size import Size
from torchlike.core.variable import Cell, Variable, contiguous_strides
from torchlike.nn.parameter import Parameter
from torchlike.placement import layout, memory_format, strided
from torchlike.tensor import Tensor

NEWER = {"uint16", "uint32", "uint64"} | {d.name for d in ALL if d.name.startswith("float8")}
"""The dtypes that came to PyTorch after it gave up a storage class for each: saved as bytes, the dtype beside them."""


def is_free(name: str) -> bool:
    """Whether an attribute of this name on a tensor is the user's, not one that the engine lives by."""
    return not (hasattr(Tensor, name) or name == "_cell" or name.startswith("__"))


class Global:
    """A name that is written into the pickle as it stands."""

    def __init__(self, module: str, name: str):
        self.module, self.name = module, name

    def __call__(self, *args):  # the pickler wants what it reduces to to be callable
        raise TypeError(f"{self.module}.{self.name} is only a name")


_DTYPES = {d: Global("torch", d.name) for d in ALL}
_STORAGES = {d: Global("torch", f"{d._scalar_name}Storage") for d in ALL if d.name not in NEWER}
_UNTYPED = Global("torch.storage", "UntypedStorage")
_CLASSES: dict[Any, Global] = {
    Tensor: Global("torch", "Tensor"),
    Parameter: Global("torch.nn.parameter", "Parameter"),
    Size: Global("torch", "Size"),
    device: Global("torch", "device"),
    dtype: Global("torch", "dtype"),
}
_TENSOR_V2 = Global("torch._utils", "_rebuild_tensor_v2")
_TENSOR_V3 = Global("torch._utils", "_rebuild_tensor_v3")
_PARAMETER = Global("torch._utils", "_rebuild_parameter")
_PARAMETER_STATE = Global("torch._utils", "_rebuild_parameter_with_state")
_FROM_TYPE = Global("torch._tensor", "_rebuild_from_type_v2")
_LAYOUT = Global("torch.serialization", "_get_layout")


class Memory:
    """One cell on its way into a file: all tensors over it name the same record."""

    def __init__(self, t: Variable, key: str):
        self.root: Any = t._root()
        self.dtype: dtype = t.dtype  # type: ignore[attr-defined]
        self.key = key
        self.location = str(t.device)  # type: ignore[attr-defined]

    def id(self) -> tuple:
        """What stands for it in the pickle."""
        if self.dtype.name in NEWER:
            return "storage", _UNTYPED, self.key, self.location, self.root.nbytes
        return "storage", _STORAGES[self.dtype], self.key, self.location, self.root.nbytes // self.dtype.itemsize

    def contents(self) -> memoryview:
        """Its bytes, in the order in which the strides put the elements."""
        array, (shape, strides, _) = self.root._host(), self.root._geometry()
        if strides != contiguous_strides(shape):
            array = array.transpose(sorted(range(len(shape)), key=lambda d: (-strides[d], -shape[d])))
        return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


class Pickler(pickle._Pickler):
    """Python's pickler, with PyTorch's forms for what PyTorch has too. `memories` collects what goes beside it."""

    dispatch = pickle._Pickler.dispatch.copy()

    def __init__(self, file, protocol: int):
        super().__init__(file, protocol)
        self.memories: dict[Cell, Memory] = {}

    def _save_name(self, obj: Global) -> None:
        self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        self.memoize(obj)

    def _save_dtype(self, obj: dtype) -> None:
        self.save(_DTYPES[obj])

    dispatch[Global] = _save_name
    dispatch[dtype] = _save_dtype

    def save_global(self, obj, name=None):
        known = _CLASSES.get(obj) if isinstance(obj, type) else None
        if known is None:
            super().save_global(obj, name)
        else:
            self.save(known)

    dispatch[type] = save_global
    dispatch[type(Parameter)] = save_global

    def persistent_id(self, obj):
        return obj.id() if type(obj) is Memory else None

    def reducer_override(self, obj):
        if isinstance(obj, Tensor):
            own = type(obj).__reduce_ex__ is not Tensor.__reduce_ex__  # a subclass with a pickled form of its own
            return NotImplemented if own else self._tensor(obj)
        if type(obj) is device:
            return device, (obj.type,) if obj.index is None else (obj.type, obj.index)
        if obj is strided:
            return _LAYOUT, (repr(obj),)
        if isinstance(obj, layout):
            raise TypeError(f"cannot pickle 'torch.{memory_format.__name__}' object")
        return NotImplemented

    def _tensor(self, t: Tensor):
        state = {name: held for name, held in t.__dict__.items() if is_free(name)}
        if Parameter in type(t).__mro__:
            args: tuple = (t.data, t.requires_grad, OrderedDict())
            return (_PARAMETER_STATE, (*args, state)) if state else (_PARAMETER, args)
        memory = self.memories.get(t._cell)
        if memory is None:
            memory = self.memories[t._cell] = Memory(t, str(len(self.memories)))
        elif memory.dtype is not t.dtype:
            raise RuntimeError("Cannot save multiple tensors or storages that view the same data as different types")
        size, stride, offset = t._geometry()
        # tuples of their own, so that the file does not depend on which of them happen to be one object
        args = (memory, int(offset), (*size,), (*stride,), t.requires_grad, OrderedDict())
        rebuild = _TENSOR_V2
        if t.dtype.name in NEWER:
            rebuild, args = _TENSOR_V3, (*args, t.dtype)
        if type(t) is Tensor and not state:
            return rebuild, args
        return _FROM_TYPE, (rebuild, type(t), args, state)


class _OldPickler(Pickler):
    """The same with the ids of the format before PyTorch 1.6: a sixth element, for parts of a storage, none here."""

    def persistent_id(self, obj):
        return (*obj.id(), None) if type(obj) is Memory else None


def dumps(obj, protocol: int, *, old: bool = False) -> tuple[bytes, list[Memory]]:
    """The pickle of an object, and the memories it refers to in the order of their keys."""
    file = io.BytesIO()
    pickler = (_OldPickler if old else Pickler)(file, protocol)
    pickler.dump(obj)
    return file.getvalue(), list(pickler.memories.values())
