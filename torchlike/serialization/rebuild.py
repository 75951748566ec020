"""PyTorch's names in a checkpoint, and what stands behind each of them here.

This table is the allow list of `torch.load`: what is not in it, and was not added by `add_safe_globals`, is neither
looked up nor called.
"""

from __future__ import annotations

import collections
from typing import Any

from torchlike.core.device import device
from torchlike.core.dtype import ALL, dtype
from torchlike.core.size import Size
from torchlike.nn.parameter import Parameter
from torchlike.placement import strided
from torchlike.serialization.pickling import NEWER, is_free
from torchlike.serialization.storage import Storage
from torchlike.tensor import Tensor


class StorageType:
    """The type of the elements of a storage; none for bytes whose type stands beside the tensor."""

    def __init__(self, kind: dtype | None):
        self.kind = kind
        self.itemsize = 1 if kind is None else kind.itemsize


def _tensor(storage, offset, size, stride, requires_grad, hooks, kind: dtype | None, metadata):
    if not isinstance(storage, Storage):
        raise RuntimeError(f"corrupt checkpoint: a tensor over {type(storage).__name__}, not over a storage")
    if not isinstance(kind, dtype):
        raise RuntimeError("corrupt checkpoint: a tensor over an untyped storage without a dtype")
    if hooks:
        raise NotImplementedError("torch.load of a tensor with backward hooks: remove the hooks before torch.save")
    made = storage.tensor(tuple(size), tuple(stride), offset, kind)
    for name, on in (metadata or {}).items():
        if name not in ("conj", "neg"):
            raise NotImplementedError(f"torch.load of a tensor with metadata '{name}': clone() it before torch.save")
        if on:  # views that PyTorch evaluates late; here they are copies
            made = made.conj() if name == "conj" else -made
    return made.requires_grad_(True) if requires_grad else made


def rebuild_tensor(storage, storage_offset, size, stride):
    """A tensor over a storage."""
    return _tensor(storage, storage_offset, size, stride, False, None, storage.kind, None)


def rebuild_tensor_v2(storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None):
    """A tensor over a storage of one type."""
    return _tensor(storage, storage_offset, size, stride, requires_grad, backward_hooks, storage.kind, metadata)


def rebuild_tensor_v3(storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None):
    """A tensor over a storage of bytes."""
    return _tensor(storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata)


def rebuild_parameter(data, requires_grad, backward_hooks):
    """A parameter over the memory of a tensor."""
    if not isinstance(data, Tensor):
        raise RuntimeError(f"corrupt checkpoint: a parameter over {type(data).__name__}")
    if backward_hooks:
        raise NotImplementedError("torch.load of a parameter with backward hooks: remove the hooks before torch.save")
    return Parameter(data, requires_grad)


def rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    """A parameter with attributes."""
    return _with_state(rebuild_parameter(data, requires_grad, backward_hooks), state)


def rebuild_from_type_v2(func, new_type, args, state):
    """A tensor of a subclass, or with attributes."""
    if func not in _MAKERS or not (isinstance(new_type, type) and issubclass(new_type, Tensor)):
        raise RuntimeError(f"corrupt checkpoint: {new_type} is to be built by {func}")
    made = func(*args)
    if type(made) is not new_type:
        made.__class__ = new_type
    own = getattr(new_type, "__setstate__", None)
    return _with_state(made, state) if own is None else own(made, state) or made


def _with_state(t: Tensor, state) -> Tensor:
    """Attributes that a user put on a tensor; those the engine lives by are not to be had."""
    plain, slots = state if isinstance(state, tuple) else (state, None)
    for name, held in {**(plain or {}), **(slots or {})}.items():
        if type(name) is not str or not is_free(name):
            raise RuntimeError(f"corrupt checkpoint: it sets the attribute {name!r} of a tensor")
        setattr(t, name, held)
    return t


_MAKERS = (rebuild_tensor, rebuild_tensor_v2, rebuild_tensor_v3, rebuild_parameter, rebuild_parameter_with_state)


def _bytes(text: str, encoding: str) -> bytes:
    """How pickles of protocol 2 hold bytes; no other codec is to be had."""
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"bytes encoded by {encoding!r}")
    return text.encode("latin1")


def _bytearray(content: bytes | str = b"", encoding: str = "latin1") -> bytearray:
    return bytearray(content if type(content) is bytes else _bytes(content, encoding))  # type: ignore[arg-type]


def _layout(name: str):
    if name != "torch.strided":
        raise NotImplementedError(f"torch.load of layout {name}: only dense tensors exist here")
    return strided


TORCH: dict[str, Any] = {
    "torch.Size": Size,
    "torch.Tensor": Tensor,
    "torch.device": device,
    "torch.nn.parameter.Parameter": Parameter,
    "torch.serialization._get_layout": _layout,
    "torch.storage.UntypedStorage": StorageType(None),
    "torch._utils._rebuild_tensor": rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": rebuild_tensor_v2,
    "torch._utils._rebuild_tensor_v3": rebuild_tensor_v3,
    "torch._utils._rebuild_parameter": rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": rebuild_parameter_with_state,
    "torch._tensor._rebuild_from_type_v2": rebuild_from_type_v2,
}
TORCH |= {f"torch.{d.name}": d for d in ALL}
TORCH |= {f"torch.{d._scalar_name}Storage": StorageType(d) for d in ALL if d.name not in NEWER}

ABSENT = {
    "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
    "torch._utils._rebuild_qtensor": "a quantized tensor",
    "torch._utils._rebuild_nested_tensor": "a nested tensor",
    "torch._utils._rebuild_meta_tensor_no_storage": "a tensor without data (device='meta')",
    "torch._utils._rebuild_wrapper_subclass": "a wrapper subclass",
    "torch._utils._rebuild_device_tensor_from_numpy": "a tensor of another backend",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": "a tensor of another backend",
} | {
    f"torch.{name}": f"dtype torch.{name}"
    for name in ("float4_e2m1fn_x2", "complex32")
}
"""What PyTorch's own loader knows and there is nothing for here."""

ALLOWED: dict[str, Any] = TORCH | {
    "collections.OrderedDict": collections.OrderedDict,
    "collections.Counter": collections.Counter,
    "builtins.set": set,
    "builtins.complex": complex,
    "builtins.bytearray": _bytearray,
    "_codecs.encode": _bytes,
}
