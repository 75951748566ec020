"""The formats before PyTorch 1.6: a stream of pickles followed by the storages, and before 0.1.10 a tar file.

The stream: three pickles (a magic number, a version, the sizes of C's types), the object, the list of the storages'
keys, and for each of these its number of elements in 8 bytes and the elements.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import struct
import sys
import tarfile
from typing import Any

import numpy as np

from torchlike.serialization.outline import persistent_ids
from torchlike.serialization.pickling import dumps
from torchlike.serialization.rebuild import ALLOWED, StorageType
from torchlike.serialization.storage import Part, Storage, place
from torchlike.serialization.unpickling import Machine

MAGIC = 0x1950A86A20F9469CFC6C
VERSION = 1001
_MAGICS = tuple(pickle.dumps(MAGIC, protocol) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1))
_DAMAGED = (
    "There is a high likelihood that your checkpoint file is corrupted: not saved completely, not transferred "
    "correctly, or changed after saving."
)


def kind_of(file: Any) -> type[Stream] | type[Tar] | None:
    """Which of the old formats a file has, if any; it stays where it is."""
    start = file.tell()
    head = file.read(512)
    file.seek(start)
    if head.startswith(_MAGICS):
        return Stream
    return Tar if head[257:262] == b"ustar" or _is_old_tar(head) else None


def _is_old_tar(head: bytes) -> bool:
    """Whether this is the header of a tar file without a magic, by its checksum."""
    try:
        return bool(tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape"))
    except tarfile.HeaderError:
        return False


def _no_storages(pid: Any) -> Any:
    raise pickle.UnpicklingError("a storage where none can be")


def _plain(data: bytes) -> Any:
    """A pickle of plain data, read by the allow list."""
    return Machine(data, _no_storages).run()


def _pickle_at(data: bytes, start: int) -> int:
    """Where the pickle that begins here ends."""
    file = io.BytesIO(data)
    file.seek(start)
    try:
        for _ in pickletools.genops(file):
            pass
    except ValueError as e:
        raise RuntimeError(f"a pickle at byte {start} is cut or damaged: {e}. {_DAMAGED}") from e
    return file.tell()


class Stream:
    """A file of PyTorch 0.1.10 to 1.5: its parts are found, nothing is made of them."""

    def __init__(self, file: Any):
        self.data = file.read()
        at, parts = 0, []
        for _ in range(5):  # magic, version, sizes, object, keys
            end = _pickle_at(self.data, at)
            parts.append(self.data[at:end])
            at = end
        magic, version, system, self.pickled, keys = parts
        if _plain(magic) != MAGIC:
            raise RuntimeError("Invalid magic number; corrupt file?")
        if (found := _plain(version)) != VERSION:
            raise RuntimeError(f"Invalid protocol version: {found}")
        sizes = _plain(system)
        self.order = "big" if type(sizes) is dict and sizes.get("little_endian") is False else "little"
        self._find(_plain(keys), at)

    def _find(self, keys: Any, at: int) -> None:
        """Where each storage lies. What is wrong with the pickle is found, and said, when it is run."""
        widths = {}
        try:
            ids = persistent_ids(self.pickled)
        except pickle.UnpicklingError:
            ids = []
        for pid in ids:
            kind = ALLOWED.get(pid[1]) if len(pid) >= 3 and isinstance(pid[1], str) else None
            if isinstance(kind, StorageType) and isinstance(pid[2], str):
                widths[pid[2]] = kind.itemsize
        if type(keys) is not list:
            raise RuntimeError(f"corrupt checkpoint: it has no list of storages. {_DAMAGED}")
        self.places: dict[str, tuple[int, int]] = {}
        for key in keys:
            if type(key) is not str or key not in widths:  # nothing behind it can be found
                break
            if at + 8 > len(self.data):
                raise RuntimeError(f"unexpected EOF: storage {key} is not there. {_DAMAGED}")
            (numel,) = struct.unpack_from("<q" if self.order == "little" else ">q", self.data, at)
            size = numel * widths[key]
            at += 8
            if not 0 <= size <= len(self.data) - at:
                raise RuntimeError(
                    f"unexpected EOF, expected {size - (len(self.data) - at)} more bytes. The file might be corrupted."
                )
            self.places[key] = at, size
            at += size

    def read(self, key: str, size: int) -> np.ndarray:
        """The bytes of a storage."""
        if key not in self.places:
            raise RuntimeError(f"corrupt checkpoint: storage {key} is not there. {_DAMAGED}")
        start, there = self.places[key]
        if there != size:
            raise RuntimeError(f"storage has wrong byte size: expected {size} got {there}")
        return np.frombuffer(self.data, np.uint8, size, start)


class Tar:
    """A file of PyTorch before 0.1.10: the members "storages", "tensors" and "pickle"."""

    def __init__(self, file: Any, map_location: Any = None):
        try:
            with tarfile.open(fileobj=file, mode="r:") as tar:
                members = {name: self._member(tar, name) for name in ("storages", "tensors", "pickle")}
        except tarfile.TarError as e:
            raise RuntimeError(f"the tar file cannot be read: {e}. {_DAMAGED}") from e
        self.map_location = map_location
        self.pickled = members["pickle"]
        self.found: dict[Any, Any] = {}
        try:
            self._storages(members["storages"])
            self._tensors(members["tensors"])
        except (struct.error, ValueError, TypeError, KeyError) as e:
            raise RuntimeError(f"the tar file is damaged: {type(e).__name__}: {e}. {_DAMAGED}") from e

    @staticmethod
    def _member(tar: tarfile.TarFile, name: str) -> bytes:
        try:
            file = tar.extractfile(name)
        except KeyError:
            file = None
        if file is None:
            raise RuntimeError(f"the tar file has no member {name}. {_DAMAGED}")
        with file:
            return file.read()

    def load(self, pid: Any) -> Any:
        """What a persistent id stands for: a tensor or storage by its number, or a class beside its source."""
        if type(pid) is tuple:
            return pid[0]
        return self.found[int(pid)]

    def _storages(self, data: bytes) -> None:
        at = 0

        def following() -> Any:
            nonlocal at
            end = _pickle_at(data, at)
            found = _plain(data[at:end])
            at = end
            return found

        for _ in range(following()):
            key, location, kind = following()
            (numel,) = struct.unpack_from("<q", data, at)
            size = numel * kind.itemsize
            at += 8
            if not 0 <= size <= len(data) - at:
                raise ValueError(f"storage {key} is cut")
            self.found[key] = place(
                Storage(np.frombuffer(data, np.uint8, size, at), kind.kind, "little"), location, self.map_location
            )
            at += size
        for key, root, offset, numel in following():
            whole = self.found[root]
            if not 0 <= offset <= offset + numel or (offset + numel) * whole.kind.itemsize > whole.nbytes():
                raise ValueError(f"storage {key} lies outside of {root}")
            self.found[key] = Part(whole, offset, numel)

    def _tensors(self, data: bytes) -> None:
        end = _pickle_at(data, 0)
        count, at = _plain(data[:end]), end
        for _ in range(count):
            end = _pickle_at(data, at)
            key, storage, _ = _plain(data[at:end])
            (ndim,) = struct.unpack_from("<i", data, end)
            numbers = struct.unpack_from(f"<{2 * ndim + 1}q", data, end + 8)
            at = end + 8 + 8 * (2 * ndim + 1)
            size, stride, offset = numbers[:ndim], numbers[ndim : 2 * ndim], numbers[-1]
            storage = self.found[storage]
            self.found[key] = storage.tensor(size, stride, offset, storage.kind)


def write(out: Any, obj: object, protocol: int) -> None:
    """Write a stream, the format of PyTorch 0.1.10 to 1.5."""
    sizes = {
        "protocol_version": VERSION, "little_endian": sys.byteorder == "little",
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }  # fmt: skip
    data, memories = dumps(obj, protocol, old=True)
    for head in (MAGIC, VERSION, sizes):
        out.write(pickle.dumps(head, protocol))
    out.write(data)
    memories.sort(key=lambda memory: memory.key)
    out.write(pickle.dumps([memory.key for memory in memories], protocol))
    for memory in memories:
        contents = memory.contents()
        out.write(struct.pack("<q", memory.id()[4]))
        out.write(contents)
