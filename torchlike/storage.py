"""torch.storage: the memory under tensors, as far as it can be asked for.

A storage is named by the tensors over it; there is no memory without a tensor here. Bytes are read with `bytes()` or
`tolist()` (a barrier), and single elements can be written through a typed storage.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from torchlike.core import dtype as _dtype
from torchlike.core import variable
from torchlike.core.variable import Variable

__all__ = ["UntypedStorage", "TypedStorage"]

_WORDS = (
    "Float", "Double", "Half", "BFloat16", "Byte", "Char", "Short", "Int", "Long", "Bool", "ComplexFloat",
    "ComplexDouble",
)  # fmt: skip


class _Memory:
    """What both kinds of storage say about the memory of `tensor`."""

    _tensor: Any

    def _whole(self) -> Any:
        """All elements in the order in which they lie, as one dimension that shares the memory."""
        t = self._tensor
        root = t._root()
        n = root.numel()
        if t.dtype is root.dtype:
            return variable.memory(t.detach()) if n else t.detach().reshape(0)
        return root.detach().reshape(-1)

    @property
    def device(self):
        """Where the memory is."""
        return self._tensor.device

    @property
    def is_cuda(self) -> bool:
        """Whether it is on an NVIDIA GPU."""
        return self._tensor.is_cuda

    is_sparse = False
    filename = None

    def nbytes(self) -> int:
        """The size of the memory in bytes."""
        return self._tensor._root().nbytes

    def data_ptr(self) -> int:
        """Equal for two storages exactly if they are one memory. Not a real address."""
        return self._tensor._cell.address if self.nbytes() else 0

    def is_shared(self) -> bool:
        """False on the CPU: memory is not shared between processes here."""
        return self._tensor.is_cuda

    def is_pinned(self, device=None) -> bool:
        """False: XLA pins its own staging buffers."""
        return False

    def share_memory_(self):
        """Returns the storage: arrays are handed to other processes instead."""
        return self

    def get_device(self) -> int:
        """The index of the device, -1 on the CPU."""
        return self._tensor.get_device()

    def resize_(self, size: int):
        """Raises: memory has a fixed size here."""
        raise NotImplementedError(
            f"{type(self).__name__}.resize_({size}): memory has a fixed size here; drop the tensor to free it, or make "
            "a new one"
        )

    def __deepcopy__(self, memo):
        return type(self)(wrap_storage=self._tensor.detach().clone())


class UntypedStorage(_Memory):
    """The memory under a tensor as bytes: `tensor.untyped_storage()`. `UntypedStorage(n)` is `n` new bytes."""

    def __init__(self, *args, device=None, wrap_storage: Variable | None = None):
        if wrap_storage is None:
            import torchlike as torch

            data = args[0] if args else 0
            given = (data,) if isinstance(data, int) else data
            make = torch.zeros if isinstance(data, int) else torch.tensor
            wrap_storage = make(given, dtype=torch.uint8, device=device)
        self._tensor = wrap_storage

    def size(self) -> int:
        """The number of bytes."""
        return self.nbytes()

    __len__ = size

    def __bytes__(self) -> bytes:
        return self._whole()._host().tobytes()

    def tolist(self) -> list[int]:
        """The bytes as ints (a barrier)."""
        return list(bytes(self))

    def __getitem__(self, i):
        return bytes(self)[i]

    def element_size(self) -> int:
        """1: the unit of an untyped storage is the byte."""
        return 1

    def clone(self) -> UntypedStorage:
        """A copy of the memory."""
        return UntypedStorage(wrap_storage=self._whole().clone())

    def cpu(self) -> UntypedStorage:
        """On the CPU (itself if it is there already)."""
        return self if self._tensor.is_cpu else UntypedStorage(wrap_storage=self._whole().cpu())

    def cuda(self, device=None, non_blocking: bool = False) -> UntypedStorage:
        """On an NVIDIA GPU."""
        return UntypedStorage(wrap_storage=self._whole().cuda(device))

    def copy_(self, source: UntypedStorage, non_blocking: bool = False) -> UntypedStorage:
        """Write the bytes of another storage of the same size into this memory."""
        if source.nbytes() != self.nbytes():
            raise RuntimeError(
                f"size does not match, self was {self.nbytes()} bytes but src was {source.nbytes()} bytes"
            )
        whole = self._whole()
        import torchlike as torch

        array = np.frombuffer(bytes(source), whole.dtype.np)
        whole.copy_(torch.tensor(array, device=whole.device))
        return self

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, UntypedStorage) and other._tensor._cell is self._tensor._cell

    def __hash__(self) -> int:
        return hash(self._tensor._cell)

    def __repr__(self) -> str:
        rows = "".join(f" {byte}\n" for byte in self.tolist())
        return f"{rows}[torch.storage.UntypedStorage(device={self.device}) of size {self.nbytes()}]"


class TypedStorage(_Memory):
    """The memory under a tensor as elements of its dtype: `tensor.storage()`. PyTorch deprecates it."""

    def __init__(self, *args, dtype: _dtype.dtype | None = None, device=None, wrap_storage: Any = None):
        import torchlike as torch

        if wrap_storage is None:
            kind = dtype or torch.get_default_dtype()
            data = args[0] if args else 0
            if isinstance(data, int):
                wrap_storage = torch.zeros(data, dtype=kind, device=device)
            else:
                wrap_storage = torch.tensor(data, dtype=kind, device=device)
        elif isinstance(wrap_storage, UntypedStorage):
            wrap_storage = wrap_storage._tensor
            if dtype is not None and dtype is not wrap_storage.dtype:
                wrap_storage = wrap_storage.view(dtype)
        self._tensor = wrap_storage

    @property
    def dtype(self) -> _dtype.dtype:
        """The type of the elements."""
        return self._tensor.dtype

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(wrap_storage=self._tensor)

    _untyped_storage = property(untyped)

    def size(self) -> int:
        """The number of elements."""
        return self.nbytes() // self._tensor.itemsize

    __len__ = size

    def element_size(self) -> int:
        """Bytes per element."""
        return self._tensor.itemsize

    def pickle_storage_type(self) -> str:
        """The name under which checkpoints hold this kind of memory, "FloatStorage"."""
        return f"{self.dtype._scalar_name}Storage"

    def tolist(self) -> list:
        """The elements as Python numbers (a barrier)."""
        return self._whole().tolist()

    def __getitem__(self, i):
        return self.tolist()[i]

    def __setitem__(self, i, value) -> None:
        self._whole()[i] = value

    def fill_(self, value) -> TypedStorage:
        """Write one value everywhere."""
        self._whole().fill_(value)
        return self

    def clone(self) -> TypedStorage:
        """A copy of the memory."""
        return TypedStorage(wrap_storage=self._whole().clone())

    def cpu(self) -> TypedStorage:
        """On the CPU (itself if it is there already)."""
        return self if self._tensor.is_cpu else TypedStorage(wrap_storage=self._whole().cpu())

    def __iter__(self):
        return iter(self.tolist())

    def __repr__(self) -> str:
        rows = "".join(f" {x}\n" for x in self.tolist())
        return f"{rows}[torch.storage.TypedStorage(dtype={self.dtype}, device={self.device}) of size {self.size()}]"


class _StorageType(type):
    """A class such as `torch.FloatStorage`: makes typed storages of one dtype, and knows them."""

    dtype: _dtype.dtype

    def __call__(cls, *args, **kwargs):
        return TypedStorage(*args, dtype=cls.dtype, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, TypedStorage) and instance.dtype is cls.dtype


def _named() -> dict[str, type]:
    kinds = {d._scalar_name: d for d in _dtype.ALL}
    return {
        f"{word}Storage": _StorageType(
            f"{word}Storage", (),
            {"__module__": "torch", "dtype": kinds[word],
             "__doc__": f"`{word}Storage(n)` or `(data)`: memory of {kinds[word]}. Deprecated in PyTorch."},
        )
        for word in _WORDS
    }  # fmt: skip


NAMED = _named()
"""torch.FloatStorage and its kind, by name."""
globals().update(NAMED)


def is_storage(obj: Any) -> bool:
    """Whether this is a storage."""
    return isinstance(obj, _Memory)


def _untyped_storage(self) -> UntypedStorage:
    """The memory under this tensor, as bytes."""
    return UntypedStorage(wrap_storage=self)


def _storage(self) -> TypedStorage:
    """The memory under this tensor, as elements of its dtype (deprecated in PyTorch: `untyped_storage()`)."""
    return TypedStorage(wrap_storage=self)


def bind(tensor_class: type) -> None:
    """Give tensors the methods that lead here."""
    for name, fn in (("untyped_storage", _untyped_storage), ("storage", _storage), ("_typed_storage", _storage)):
        fn.__name__ = fn.__qualname__ = name
        setattr(tensor_class, name, fn)
