"""torch.types: names for kinds of arguments, for annotations."""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from typing import Any

from torchlike.core.device import device as _device_class
from torchlike.core.dtype import dtype as _dtype_class
from torchlike.core.size import Size
from torchlike.storage import TypedStorage, UntypedStorage
from torchlike.tensor import Tensor

__all__ = ["Number", "Device", "FileLike", "Storage"]

_bool, _int, _float, _complex = builtins.bool, builtins.int, builtins.float, builtins.complex
_dtype = _dtype_class
_device = _device_class
_size = Size | list[int] | tuple[int, ...]
_symsize = _size
Number = int | float | bool
_Number = (int, float, bool)
Device = _device_class | str | int | None
FileLike = str | os.PathLike[str] | Any
Storage = UntypedStorage | TypedStorage
_TensorOrTensors = Tensor | Sequence[Tensor]
_TensorOrTensorsOrGradEdge = _TensorOrTensors
IntLikeType = int
FloatLikeType = float
BoolLikeType = bool
PySymType = int | float | bool
