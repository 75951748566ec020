"""The constructors from before dtypes: torch.FloatTensor(2, 3), torch.LongTensor([1]), torch.cuda.FloatTensor, ..."""

from __future__ import annotations

from typing import Any

import numpy as np

from torchlike import creation
from torchlike.core import device as _device
from torchlike.core import dtype as _dtype
from torchlike.core.size import Size
from torchlike.tensor import Tensor

_KINDS = {
    "Float": _dtype.float32, "Double": _dtype.float64, "Half": _dtype.float16, "BFloat16": _dtype.bfloat16,
    "Byte": _dtype.uint8, "Char": _dtype.int8, "Short": _dtype.int16, "Int": _dtype.int32, "Long": _dtype.int64,
    "Bool": _dtype.bool,
}  # fmt: skip
__all__ = [f"{word}Tensor" for word in _KINDS] + ["set_default_tensor_type"]


class _LegacyType(type):
    """A class whose instances are the tensors of one dtype on one kind of device."""

    dtype: _dtype.dtype
    home: str

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype and instance.device.type == cls.home

    def __call__(cls, *args, device=None) -> Tensor:
        if cls.home == "cuda" and not _device.available("cuda"):
            raise TypeError(
                f"type torch.cuda.{cls.__name__} not available. Torch not compiled with CUDA enabled: JAX finds no "
                "NVIDIA GPU here."
            )
        home = _device.device(cls.home if device is None else device)
        if home.type != cls.home:
            raise RuntimeError(f"legacy constructor expects device type: {cls.home} but device type: {home.type} was "
                               "passed")  # fmt: skip
        if len(args) == 1 and not isinstance(args[0], int | Size):
            data = args[0]
            if isinstance(data, Tensor):
                if not isinstance(data, cls):
                    raise TypeError(f"expected a tensor of {cls.dtype} on {cls.home}, but got {data.type()}")
                return data.detach()
            with np.errstate(all="ignore"):
                array = np.asarray(creation._array(data)[0], order="C").astype(cls.dtype.np)
            return creation.tensor(array, dtype=cls.dtype, device=home)
        return creation.zeros(*(args or (0,)), dtype=cls.dtype, device=home)


def make(word: str, home: str) -> type:
    """`torch.FloatTensor` for ("Float", "cpu"), `torch.cuda.FloatTensor` for ("Float", "cuda")."""
    kind = _KINDS[word]
    space = "torch" if home == "cpu" else f"torch.{home}"
    return _LegacyType(
        f"{word}Tensor", (),
        {"__module__": space, "dtype": kind, "home": home, "__doc__":
         f"`{space}.{word}Tensor(sizes)` or `(data)`: a tensor of {kind} on {home}. In new code: `torch.tensor`, "
         "`torch.zeros`. `isinstance` asks for dtype and device."},
    )  # fmt: skip


for _word in _KINDS:
    globals()[f"{_word}Tensor"] = make(_word, "cpu")


def set_default_tensor_type(t: Any) -> None:
    """Deprecated: `set_default_dtype` and `set_default_device` in one, given `torch.FloatTensor` or its name."""
    name = t if isinstance(t, str) else f"{t.__module__}.{t.__name__}"
    for home, space in (("cpu", "torch"), ("cuda", "torch.cuda")):
        for word, kind in _KINDS.items():
            if name == f"{space}.{word}Tensor":
                if not kind.is_floating_point:
                    raise TypeError("only floating-point types are supported as the default type")
                _dtype.set_default_dtype(kind)
                creation.set_default_device(home)
                return
    raise TypeError(f"invalid type object: {name}")
