"""safetensors files, through the safetensors library: the functions of its `safetensors.torch`, without PyTorch.

`pip install safetensors` (the extra "files"). A file holds named tensors and text; it can run nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from torchlike.core import device as _device
from torchlike.core.dtype import ALL, dtype
from torchlike.core.value import put
from torchlike.core.variable import wrap
from torchlike.serialization.archive import replacing
from torchlike.tensor import Tensor

__all__ = ["load", "load_file", "save", "save_file"]

_NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E8M0": "float8_e8m0fnu", "C64": "complex64", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8",
    "U64": "uint64", "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_KINDS: dict[str, dtype] = {word: d for word, name in _NAMES.items() for d in ALL if d.name == name}


def _library() -> Any:
    try:
        import safetensors
    except ImportError as e:
        raise ImportError("safetensors files need the library of that name: pip install safetensors") from e
    return safetensors


def save(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """The contents of a file with these tensors.

    Args:
        tensors: by their names; contiguous, and none over the memory of another.
        metadata: text that goes into the file.

    ValueError for a tensor that is not contiguous, RuntimeError for shared memory, NotImplementedError for a dtype that
    the format does not have (complex128).

    >>> import torchlike as torch
    >>> load(save({"weight": torch.ones(2)}))
    {'weight': tensor([1., 1.])}
    """
    library = _library()
    arrays = {name: _array(name, t) for name, t in _checked(tensors).items()}
    specs = {
        name: library.TensorSpec(
            dtype=tensors[name].dtype.name, shape=list(a.shape), data_ptr=a.ctypes.data, data_len=a.nbytes
        )
        for name, a in arrays.items()
    }
    return library.serialize(specs, None if metadata is None else dict(metadata))


def save_file(
    tensors: Mapping[str, Tensor], filename: str | os.PathLike, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a file with these tensors, as `save` has them. An older file stays whole until the new one is."""
    data = save(tensors, metadata)
    with replacing(os.fspath(filename)) as out:
        out.write(data)


def load(data: bytes, device: Any = "cpu") -> dict[str, Tensor]:
    """The tensors in the contents of a file; ValueError where they are none.

    >>> import torchlike as torch
    >>> load(save({"n": torch.tensor(3)}))["n"].item()
    3
    """
    library = _library()
    try:
        found = library.deserialize(data)
    except library.SafetensorError as e:
        raise ValueError(f"this is no safetensors file, or a damaged one: {e}") from e
    return {name: _tensor(name, held, _device.home(device)) for name, held in found}


def load_file(filename: str | os.PathLike, device: Any = "cpu") -> dict[str, Tensor]:
    """The tensors of a file, by their names."""
    with open(filename, "rb") as file:
        return load(file.read(), device)


def _checked(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    if not isinstance(tensors, Mapping):
        raise ValueError(f"Expected a dict of [str, torch.Tensor] but received {type(tensors)}")
    seen: dict[int, str] = {}
    for name, t in tensors.items():
        if not isinstance(t, Tensor):
            raise ValueError(f"Key `{name}` is invalid, expected torch.Tensor but received {type(t)}")
        if t.dtype not in _KINDS.values():
            raise NotImplementedError(f"safetensors has no {t.dtype} (tensor `{name}`): use torch.save")
        if not t.is_contiguous():
            raise ValueError(
                f"You are trying to save a non contiguous tensor: `{name}` which is not allowed. It either means you "
                "are trying to save tensors which are reference of each other in which case it's recommended to save "
                "only the full tensors, and reslice at load time, or simply call `.contiguous()` on your tensor to "
                "pack it before saving."
            )
        if t.numel() and (other := seen.setdefault(id(t._cell), name)) != name:
            raise RuntimeError(
                f"Some tensors share memory, this will lead to duplicate memory on disk and potential differences when "
                f"loading them again: {[{other, name}]}. clone() one of them, or leave it out"
            )
    return tensors


def _array(name: str, t: Tensor) -> np.ndarray:
    return np.ascontiguousarray(t.detach().cpu()._host()).reshape(tuple(t.shape))


def _tensor(name: str, held: Mapping[str, Any], device: _device.device) -> Tensor:
    kind = _KINDS.get(held["dtype"])
    if kind is None:
        raise NotImplementedError(f"tensor `{name}` has elements of type {held['dtype']}, which do not exist here")
    array = np.frombuffer(held["data"], kind.np).reshape(held["shape"])
    return wrap(put(array, device))
