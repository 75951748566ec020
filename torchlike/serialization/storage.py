"""Storages on their way out of a file, the tensors over them, and where both go (`map_location`)."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from torchlike.core import device as _device
from torchlike.core.dtype import dtype
from torchlike.core.layout import without_gaps
from torchlike.core.value import put
from torchlike.core.variable import contiguous_strides, wrap


class Storage:
    """The bytes of one storage: what a `map_location` function is given, and what it may send elsewhere.

    The first tensor over it makes the memory; all others are views of that.
    """

    def __init__(self, data: np.ndarray, kind: dtype | None, order: str, device: _device.device = _device.cpu):
        self.data, self.kind, self.order, self.device = data, kind, order, device
        self._root: Any = None
        self._form: tuple = ()

    def nbytes(self) -> int:
        """How many bytes it holds."""
        return self.data.size

    size = __len__ = nbytes

    def to(self, *, device) -> Storage:
        """The same bytes for another device."""
        home = _device.device(device)
        if home.type != "cpu" and home.index is None:
            home = _device.device(home.type, 0)
        home.jax  # noqa: B018  raises PyTorch's error where there is no such device
        return self if home == self.device else Storage(self.data, self.kind, self.order, home)

    def cpu(self) -> Storage:
        """The same bytes for the CPU."""
        return self.to(device="cpu")

    def cuda(self, device=None) -> Storage:
        """The same bytes for an NVIDIA GPU."""
        return self.to(device=_device.device("cuda" if device is None else device))

    def tensor(self, size: tuple, stride: tuple, offset: int, kind: dtype):
        """A tensor over these bytes; tensors over one storage share memory."""
        _check_geometry(self, size, stride, offset, kind)
        if 0 in size:
            return wrap(put(np.empty(size, kind.np), self.device))
        whole = offset == 0 and math.prod(size) * kind.itemsize == self.nbytes() and without_gaps(size, stride)
        if self._root is None:
            self._form = (size, stride) if whole else ((self.nbytes() // kind.itemsize,), (1,))
            self._root = self._read(kind, *self._form)
        if self._root.dtype is not kind:
            raise NotImplementedError(
                f"torch.load of one storage as {self._root.dtype} and as {kind}: clone() one of the tensors before "
                "torch.save"
            )
        # each tensor stands alone, as in PyTorch: memory is shared, history is not
        if whole and self._form == (size, stride):
            return self._root.detach()
        return self._root.as_strided(size, stride, offset).detach()

    def _read(self, kind: dtype, size: tuple, stride: tuple):
        flat = self.data
        if self.order != sys.byteorder and kind.itemsize > 1:  # half of a complex number is swapped by itself
            width = kind.itemsize // 2 if kind.is_complex else kind.itemsize
            flat = flat.view(f"u{width}").byteswap().view(np.uint8)
        array = np.ndarray(size, kind.np, flat, strides=[s * kind.itemsize for s in stride])
        # the bytes belong to nobody else, so JAX may keep them as they lie
        root = wrap(put(np.asarray(array, order="C"), self.device, copy=False))
        if stride != contiguous_strides(size):
            root._strided = (size, stride, 0)
        return root


class Part(Storage):
    """A stretch of another storage, as old files have it: a storage that shares its memory."""

    def __init__(self, whole: Storage, offset: int, numel: int):
        assert whole.kind is not None
        width = whole.kind.itemsize
        super().__init__(whole.data[offset * width : (offset + numel) * width], whole.kind, whole.order, whole.device)
        self.whole, self.offset = whole, offset

    def tensor(self, size: tuple, stride: tuple, offset: int, kind: dtype):
        """A tensor over these bytes."""
        _check_geometry(self, size, stride, offset, kind)
        return self.whole.tensor(size, stride, offset + self.offset, kind)


def _check_geometry(storage: Storage, size: tuple, stride: tuple, offset: int, kind: dtype) -> None:
    """Nothing that the file says about a tensor may reach beyond the bytes that are there."""
    numbers = isinstance(size, tuple) and isinstance(stride, tuple) and len(size) == len(stride)
    if not numbers or any(type(n) is not int or n < 0 for n in (*size, *stride, offset)):
        raise RuntimeError(f"corrupt checkpoint: a tensor of sizes {size}, strides {stride}, storage offset {offset}")
    needed = 0 if 0 in size else 1 + offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if needed * kind.itemsize > storage.nbytes():
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {offset}, and itemsize "
            f"{kind.itemsize} requiring a storage size of {needed * kind.itemsize} are out of bounds for storage of "
            f"size {storage.nbytes()}"
        )


def _home(storage: Storage, location: str) -> Storage:
    kind = location.partition(":")[0]
    if kind not in ("cpu", "cuda", "tpu"):
        raise RuntimeError(
            f"don't know how to restore data location of torch.storage.UntypedStorage (tagged with {location})"
        )
    if kind == "cuda" and not _device.available("cuda"):
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are "
            "running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your "
            "storages to the CPU."
        )
    return storage.to(device=location)


def place(storage: Storage, location: str, map_location) -> Storage:
    """The storage where `map_location` (None, a device, its name, a dictionary of names, a function) wants it."""
    if map_location is None:
        return _home(storage, location)
    if isinstance(map_location, dict):
        return _home(storage, str(map_location.get(location, location)))
    if isinstance(map_location, str | bytes | _device.device):
        return _home(storage, map_location.decode() if isinstance(map_location, bytes) else str(map_location))
    found = map_location(storage, location)
    if found is None:
        return _home(storage, location)
    if not isinstance(found, Storage):
        raise TypeError(f"map_location must return a storage or None, but got {type(found).__name__}")
    return found
