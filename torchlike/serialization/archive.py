"""The container of a checkpoint: an uncompressed zip file laid out as PyTorch lays it out.

Every record starts at a multiple of 64 bytes, so that a mapped file can be used in place; what fills the gap is a zip
extra field named "FB". Sizes stand in descriptors after the data and in the central directory, 64-bit ones (zip64)
from 4 GiB on. Layout of zip files: PKWARE's APPNOTE 6.3.10, sections 4.3 to 4.5.
"""

from __future__ import annotations

import contextlib
import hashlib
import mmap
import os
import secrets
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator

import numpy as np

ALIGNMENT = 64
BOMB = 64 << 20  # bytes of a compressed record from which it must not be more than
DENSEST = 200  # times as long as what it is unpacked from
NEWEST = 10  # the newest version of the format that PyTorch 2.13 reads
_LIMIT = 0xFFFFFFFF  # what no longer fits 32 bits goes into zip64 fields
_UTF8, _DESCRIPTOR = 0x0800, 0x0008  # flags: the name's encoding; sizes stand after the data
_CORRUPT = (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, zlib.error, struct.error, ValueError, OverflowError)


class Writer:
    """Writes records one after the other to anything with `write`; `close` adds the directory."""

    def __init__(self, out, name: str):
        self.out, self.name = out, name
        self.at = 0
        self.directory: list[bytes] = []

    def _write(self, data) -> None:
        self.out.write(data)
        self.at += len(data)

    def add(self, record: str, data: bytes | memoryview) -> None:
        """One record, its data aligned."""
        name = f"{self.name}/{record}".encode()
        start, size, crc = self.at, len(data), zlib.crc32(data)
        large, far = size >= _LIMIT, start >= _LIMIT
        flags = _UTF8 | _DESCRIPTOR if size else _UTF8
        wide = struct.pack("<QQ", size, size) * large + struct.pack("<Q", start) * far
        if wide:
            wide = struct.pack("<HH", 1, len(wide)) + wide
        gap = -(start + 30 + len(name) + len(wide) + 4) % ALIGNMENT
        padding = b"FB" + struct.pack("<H", gap) + b"Z" * gap
        self._write(
            struct.pack("<IHHHHHIIIHH", 0x04034B50, 0, flags, 0, 0, 0, 0, 0, 0, len(name), len(wide) + len(padding))
            + name + wide + padding
        )  # fmt: skip
        if size:
            self._write(data)
            self._write(struct.pack("<IIQQ" if wide else "<IIII", 0x08074B50, crc, size, size))
        shown = _LIMIT if large else size
        self.directory.append(
            struct.pack(
                "<IHHHHHHIIIHHHHHII", 0x02014B50, 0, 0, flags, 0, 0, 0, crc, shown, shown, len(name), len(wide),
                0, 0, 0, 0, _LIMIT if far else start,
            ) + name + wide
        )  # fmt: skip

    def identity(self) -> bytes:
        """Forty digits that tell two checkpoints apart: one half from the names, one from everything."""
        names = [entry[46:] for entry in self.directory]
        halves = (hashlib.blake2b(b"".join(part), digest_size=8).digest() for part in (names, self.directory))
        return b"".join(b"%020d" % int.from_bytes(half, "little") for half in halves)

    def close(self) -> None:
        """Write the central directory."""
        start, count, directory = self.at, len(self.directory), b"".join(self.directory)
        self._write(directory)
        end = self.at
        self._write(  # PyTorch writes the 64-bit form of the end whether it is needed or not
            struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 0x031E, 0x2D, 0, 0, count, count, len(directory), start)
            + struct.pack("<IIQI", 0x07064B50, 0, end, 1)
        )
        few, near = min(count, 0xFFFF), min(start, _LIMIT)
        self._write(struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, few, few, len(directory), near, 0))


class Reader:
    """Reads the records of a checkpoint, whole or mapped; RuntimeError where the file is cut or damaged."""

    def __init__(self, file, *, mapped: bool = False):
        with _sound("failed finding central directory"):
            self.zip = zipfile.ZipFile(file)
            self.entries = {entry.filename: entry for entry in self.zip.infolist()}
            self._check_sizes(file)
        self.name = next(iter(self.entries), "").partition("/")[0]
        self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if mapped else None
        digits = self.read("version") if self.has("version") else self.read(".data/version")
        version = int(digits) if digits.strip().isdigit() else -1
        if not 1 <= version <= NEWEST:
            raise RuntimeError(
                f"Attempted to read a PyTorch file with version {digits[:20].decode('latin1').strip()}, but the "
                f"maximum supported version for reading is {NEWEST}."
            )

    def _check_sizes(self, file) -> None:
        """No record may be longer than what there is for it, and no two records the same bytes."""
        at = file.tell()
        length = file.seek(0, os.SEEK_END)
        file.seek(at)
        entries = self.zip.infolist()
        if sum(entry.compress_size for entry in entries) > length:
            raise ValueError("the records together are longer than the file")
        for entry in entries:
            packed, size = entry.compress_size, entry.file_size
            if size != packed if entry.compress_type == zipfile.ZIP_STORED else size > max(BOMB, DENSEST * packed):
                raise ValueError(f"{entry.filename[-80:]} is to be {size} bytes out of {packed}")

    def has(self, record: str) -> bool:
        return f"{self.name}/{record}" in self.entries

    def _entry(self, record: str) -> zipfile.ZipInfo:
        try:
            return self.entries[f"{self.name}/{record}"]
        except KeyError:
            raise RuntimeError(f"PytorchStreamReader failed locating file {record}: file not found") from None

    def size(self, record: str) -> int:
        """The bytes of a record as the directory gives them."""
        return self._entry(record).file_size

    def read(self, record: str) -> bytes:
        """A record's bytes; their checksum must be right."""
        entry = self._entry(record)
        with _sound(f"failed reading file {record}"):
            data = self.zip.read(entry)
            if len(data) != entry.file_size:
                raise EOFError("the record is cut")
            return data

    def array(self, record: str) -> np.ndarray:
        """A record's bytes as an array: read, or, in a mapped file, lying there (and then without a checksum)."""
        entry = self._entry(record)
        if self.map is None or entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1 or not entry.file_size:
            return np.frombuffer(self.read(record), np.uint8)
        with _sound(f"failed reading file {record}"):
            head = self.map[entry.header_offset : entry.header_offset + 30]
            lengths = struct.unpack("<26xHH", head)
            start = entry.header_offset + 30 + sum(lengths)
            return np.frombuffer(self.map, np.uint8, entry.file_size, start)


@contextlib.contextmanager
def _sound(what: str) -> Iterator[None]:
    """Damage, however the zip reader puts it, as PyTorch's RuntimeError."""
    try:
        yield
    except _CORRUPT as e:
        raise RuntimeError(
            f"PytorchStreamReader {what}: {e or type(e).__name__}. There is a high likelihood that your checkpoint "
            "file is corrupted: not saved completely, not transferred correctly, or changed after saving."
        ) from e
    except NotImplementedError as e:
        raise NotImplementedError(f"{e}: pack the checkpoint again without compression") from e


@contextlib.contextmanager
def replacing(path: str) -> Iterator:
    """A file that takes the place of `path` only when it has been written to the end; else the old one stays."""
    path = os.path.realpath(path)
    folder, name = os.path.split(path)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {folder} does not exist.")
    before = os.stat(path) if os.path.exists(path) else None
    if before is not None and not stat.S_ISREG(before.st_mode):  # a pipe or a device cannot be replaced
        with open(path, "wb") as out:
            yield out
        return
    fresh = os.path.join(folder, f".{name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        with open(fresh, "xb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        if before is not None:
            os.chmod(fresh, stat.S_IMODE(before.st_mode))
        os.replace(fresh, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
        raise
