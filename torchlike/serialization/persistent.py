"""What a checkpoint's pickle refers to beside it: the storages of one file, each read once and checked."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from torchlike.serialization.rebuild import StorageType
from torchlike.serialization.storage import Part, Storage, place


class Storages:
    """Finds the storage of a persistent id, ("storage", type, key, location, number of elements).

    Args:
        read: from a key and a number of bytes to the bytes, or an error that says why there are others.
        order: of the bytes of a number in this file, "little" or "big".
        map_location: as of `torch.load`.
        parts: whether an id may have a sixth element, (key, offset, elements) of a part of the storage: files before
            PyTorch 1.6 have it.
    """

    def __init__(self, read: Callable[[str, int], np.ndarray], order: str, map_location: Any, *, parts: bool = False):
        if order not in ("little", "big"):
            raise ValueError(f"Unknown endianness type: {order}")
        self.read, self.order, self.map_location, self.length = read, order, map_location, 6 if parts else 5
        self.found: dict[str, tuple[Storage, tuple]] = {}

    def load(self, pid: Any) -> Storage:
        """The storage of an id; an error where it does not describe what is there."""
        if type(pid) is not tuple or len(pid) != self.length or pid[0] != "storage":
            raise pickle.UnpicklingError("Only persistent_load of storage is allowed, but got another id")
        _, kind, key, location, numel, *rest = pid
        texts = type(key) is str and type(location) is str and type(numel) is int and numel >= 0
        if not texts or not isinstance(kind, StorageType):
            raise pickle.UnpicklingError("corrupt checkpoint: a storage that is not described as one")
        if key in self.found:
            storage, said = self.found[key]
            if said != (kind, numel):
                raise RuntimeError(f"corrupt checkpoint: storage {key} is described in two ways")
        else:
            data = self.read(key, numel * kind.itemsize)
            storage = place(Storage(data, kind.kind, self.order), location, self.map_location)
            self.found[key] = storage, (kind, numel)
        return storage if not rest or rest[0] is None else self._part(storage, kind, rest[0])

    def _part(self, storage: Storage, kind: StorageType, described: Any) -> Storage:
        if type(described) is not tuple or len(described) != 3:
            raise pickle.UnpicklingError("corrupt checkpoint: part of a storage that is not described as one")
        key, offset, numel = described
        if type(offset) is not int or type(numel) is not int or not 0 <= offset <= offset + numel or kind.kind is None:
            raise pickle.UnpicklingError("corrupt checkpoint: part of a storage that is not described as one")
        if (offset + numel) * kind.itemsize > storage.nbytes():
            raise RuntimeError("corrupt checkpoint: part of a storage that lies outside of it")
        said = (kind, offset, numel, storage)
        if str(key) in self.found and self.found[str(key)][1] != said:
            raise RuntimeError(f"corrupt checkpoint: storage {key} is described in two ways")
        if str(key) not in self.found:
            self.found[str(key)] = Part(storage, offset, numel), said
        return self.found[str(key)][0]
