"""Hostile files, beside the hostile pickles of `test_serialization_safety`: archives that lie about sizes and places.

Each is answered with a clear error; nothing is done to the file system, and the memory asked for stays small.
"""

from __future__ import annotations

import io
import os
import struct
import tarfile
import tracemalloc
import zipfile
import zlib

import pytest

import torchlike
from tests import serialization_attacks as attacks
from tests.serialization_kit import packed, saved
from tests.test_serialization_safety import HOSTILE, STORAGE, TENSOR_ARGS, calls, name, text
from torchlike.serialization import load, safetensors

MOST = 32 << 20  # bytes that looking at a hostile file may take


def archive(records, kind=zipfile.ZIP_STORED, root="archive/") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as z:
        for record, data in records.items():
            z.writestr(zipfile.ZipInfo(root + record), data, kind)
    return out.getvalue()


def good() -> bytes:
    return saved({"a": torchlike.arange(100.0)}).getvalue()


def records() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(good())) as z:
        return {n.partition("/")[2]: z.read(n) for n in z.namelist()}


def bomb(record: str, size: int = 1 << 27, **others: bytes) -> bytes:
    """A record of zeros that unpacks to a thousand times its length, written without ever being unpacked."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block, crc, squeezed = bytes(1 << 20), 0, []
    for _ in range(size >> 20):
        squeezed.append(packer.compress(block))
        crc = zlib.crc32(block, crc)
    squeezed = b"".join(squeezed) + packer.flush()
    entry = f"archive/{record}".encode()
    head = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 8, 0, 0, crc, len(squeezed), size, len(entry), 0)
    start = archive({"version": b"3\n"} | others)
    out = io.BytesIO()
    out.write(head + entry + squeezed)
    with zipfile.ZipFile(io.BytesIO(start)) as old, zipfile.ZipFile(out, "a") as new:
        for n in old.namelist():
            new.writestr(n, old.read(n))
    # the directory of what zipfile appended does not know the first record: add its line
    data = out.getvalue()
    end = data.rindex(b"PK\x05\x06")
    count, length, at = struct.unpack_from("<HII", data, end + 10)
    line = struct.pack(
        "<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, 0, 8, 0, 0, crc, len(squeezed), size, len(entry), 0, 0, 0, 0, 0, 0
    ) + entry  # fmt: skip
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count + 1, count + 1, length + len(line), at, 0)
    return data[:at] + line + data[at:end] + tail


def overlapping(count: int) -> bytes:
    """Many records that are the same bytes of the file."""
    data = archive(records() | {"data/0": bytes(1 << 20)})
    end = data.rindex(b"PK\x05\x06")
    there, length, at = struct.unpack_from("<HII", data, end + 10)
    directory = data[at:end]
    line_at = directory.rindex(b"PK\x01\x02", 0, directory.index(b"archive/data/0"))
    line = directory[line_at : directory.index(b"archive/data/0") + len(b"archive/data/0")]
    more = b"".join(line.replace(b"archive/data/0", b"archive/data/%c" % (65 + i % 26)) for i in range(count))
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, there + count, there + count, length + len(more), at, 0)
    return data[:at] + directory + more + tail


def changed_directory(change) -> bytes:
    """The good file with something else in the directory's line of its storage."""
    data = bytearray(good())
    line = data.rindex(b"PK\x01\x02", 0, data.rindex(b"/data/0"))
    change(data, line)
    return bytes(data)


def changed_end(*numbers: int) -> bytes:
    """The good file with other numbers at its end: records here, records in all, length and place of the directory."""
    data = bytearray(good())
    struct.pack_into("<QQQQ", data, data.rindex(b"PK\x06\x06") + 24, *numbers)
    return bytes(data)


def with_pickle(pickled: bytes, **others: bytes) -> bytes:
    return packed(b"\x80\x02" + pickled + b".", **others).getvalue()


def old_format(pickled: bytes) -> bytes:
    data = saved(0, _use_new_zipfile_serialization=False).getvalue()
    return data.replace(b"\x80\x02K\x00.", b"\x80\x02" + pickled + b".")


def tar(members) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:") as t:
        for info, data in members:
            info.size = len(data)
            t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def link(member: str, to: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(member)
    info.type, info.linkname = tarfile.SYMTYPE, to
    return info


def tensor(size: bytes, stride: bytes, numel: bytes = b"K\x04") -> bytes:
    storage = b"(" + text("storage") + name("torch.FloatStorage") + text("0") + text("cpu") + numel + b"tQ"
    return calls(name("torch._utils._rebuild_tensor_v2"), storage, b"K\x00", size, stride, b"\x89", b"}")


DEEP = b")" + b"\x85" * 200_000  # a tuple in a tuple in a tuple ...
HUGE = b"\x8a\x09" + (1 << 64).to_bytes(9, "little")

FILES = {
    # bombs and lies about sizes
    "bomb: storage": lambda: bomb("data/0", **{k: v for k, v in records().items() if k not in ("data/0", "version")}),
    "bomb: pickle": lambda: bomb("data.pkl"),
    "bomb: byteorder": lambda: bomb("byteorder", **{"data.pkl": b"N."}),
    "bomb: version": lambda: bomb("version", **{"data.pkl": b"N."}).replace(b"archive/version\x033", b""),
    "overlapping records": lambda: overlapping(500),
    "size of a record": lambda: changed_directory(lambda d, at: struct.pack_into("<II", d, at + 20, 1 << 30, 1 << 30)),
    "size unpacked": lambda: changed_directory(lambda d, at: struct.pack_into("<I", d, at + 24, 1 << 30)),
    "place of a record": lambda: changed_directory(lambda d, at: struct.pack_into("<I", d, at + 42, 1 << 30)),
    "place in the middle": lambda: changed_directory(lambda d, at: struct.pack_into("<I", d, at + 42, 7)),
    "compression": lambda: changed_directory(lambda d, at: struct.pack_into("<H", d, at + 10, 99)),
    "compressed, it says": lambda: changed_directory(lambda d, at: struct.pack_into("<H", d, at + 10, 8)),
    "encrypted": lambda: changed_directory(lambda d, at: struct.pack_into("<H", d, at + 8, 1)),
    "checksum": lambda: changed_directory(lambda d, at: struct.pack_into("<I", d, at + 16, 1)),
    "length of the directory": lambda: changed_end(1, 99, 1, 1),
    "directory outside": lambda: changed_end(1, 1, 1 << 40, 1 << 40),
    # parts that are missing or elsewhere
    "only a directory": lambda: b"PK\x05\x06" + bytes(18),
    "no records": lambda: archive({}) or b"PK\x03\x04",
    "no pickle": lambda: archive({"version": b"3\n"}),
    "no version": lambda: archive({"data.pkl": b"N."}),
    "no storage": lambda: archive({k: v for k, v in records().items() if k != "data/0"}),
    "storage by a path": lambda: with_pickle(STORAGE.replace(text("0"), text("../data.pkl"))),
    "storage by a path from the root": lambda: with_pickle(STORAGE.replace(text("0"), text("/etc/passwd"))),
    "storage of another root": lambda: archive({"a/data.pkl": b"N.", "b/data.pkl": b"N."}, root=""),
    "names that are no text": lambda: good().replace(b"archive/data/0", b"archive/\xff\xfe/0"),
    "version is a number too long": lambda: archive({"data.pkl": b"N.", "version": b"9" * 5000}),
    "version is no number": lambda: archive({"data.pkl": b"N.", "version": b"three"}),
    "byteorder of another kind": lambda: archive({"data.pkl": b"N.", "version": b"3", "byteorder": b"\xff" * 99}),
    "TorchScript": lambda: archive({"data.pkl": b"N.", "version": b"3", "constants.pkl": b"cos\nsystem\n."}),
    # pickles with nothing to call, only to be too much
    "deep tuple as a key": lambda: with_pickle(b"}" + DEEP + b"Ns"),
    "deep tuple in a set": lambda: with_pickle(calls(name("builtins.set"), b"]" + DEEP + b"a")),
    "deep tuple as sizes": lambda: with_pickle(tensor(DEEP, b"K\x01\x85")),
    "deep tuple in an OrderedDict": lambda: with_pickle(
        calls(name("collections.OrderedDict"), b"](" + DEEP + b"K\x01te")
    ),
    "endless bytes": lambda: with_pickle(b"\x8e" + struct.pack("<Q", 1 << 62)),
    "endless bytearray": lambda: with_pickle(b"\x96" + struct.pack("<Q", 1 << 62)),
    "endless frame": lambda: with_pickle(b"\x95" + struct.pack("<Q", 1 << 62) + b"R"),
    "endless long": lambda: with_pickle(b"\x8b" + struct.pack("<i", (1 << 31) - 1)),
    "negative long": lambda: with_pickle(b"\x8b" + struct.pack("<i", -1)),
    "size beyond 64 bits": lambda: with_pickle(tensor(HUGE + b"\x85", b"K\x01\x85"), **{"data/0": bytes(16)}),
    "stride beyond 64 bits": lambda: with_pickle(tensor(b"K\x02\x85", HUGE + b"\x85"), **{"data/0": bytes(16)}),
    "elements beyond 64 bits": lambda: with_pickle(tensor(b"K\x04\x85", b"K\x01\x85", HUGE), **{"data/0": bytes(16)}),
    "a hundred dimensions": lambda: with_pickle(
        tensor(b"(" + HUGE * 100 + b"t", b"(" + b"K\x01" * 100 + b"t"), **{"data/0": bytes(16)}
    ),
    "size that is no number": lambda: with_pickle(tensor(text("a") + b"\x85", b"K\x01\x85"), **{"data/0": bytes(16)}),
    "hooks that are something": lambda: with_pickle(
        name("torch._utils._rebuild_tensor_v2") + b"(" + TENSOR_ARGS[:-1].replace(b")", b"") + b"tR"
    ),
    "no end": lambda: packed(b"\x80\x02" + b"}" * 10).getvalue(),
    "nothing": lambda: packed(b"").getvalue(),
    "newer protocol": lambda: packed(b"\x80\xff\xff").getvalue(),
    # the older formats
    "old: os.system": lambda: old_format(HOSTILE["os.system"]),
    "old: eval": lambda: old_format(HOSTILE["eval"]),
    "old: getattr": lambda: old_format(HOSTILE["getattr"]),
    "old: storage that is not there": lambda: old_format(
        b"(" + text("storage") + name("torch.FloatStorage") + text("0") + text("cpu") + b"K\x04NtQ"
    ),
    "old: magic alone": lambda: saved(0, _use_new_zipfile_serialization=False).getvalue()[:15],
    "old: code in the version": lambda: saved(0, _use_new_zipfile_serialization=False).getvalue()[:15]
    + b"\x80\x02" + calls(name("os.system"), text("true")) + b".",
    "old: code in the keys": lambda: saved(0, _use_new_zipfile_serialization=False).getvalue()[:-4]
    + calls(name("os.system"), text("true")) + b".",
    "old: endless text": lambda: old_format(b"\x8d" + b"\xff" * 8),
    "tar": lambda: tar([(tarfile.TarInfo("pickle"), b"N.")]),
    "tar: path upwards": lambda: tar([(tarfile.TarInfo("../../storages"), b"N.")]),
    "tar: link": lambda: tar([(link("storages", "/etc/passwd"), b"")]),
    # other files
    "text": lambda: b"import os; os.system('true')" * 20,
    "picture": lambda: b"\x89PNG\r\n\x1a\n" + bytes(500),
    "bare pickle": lambda: b"\x80\x04" + HOSTILE["os.system"] + b".",
    "zip with something before it": lambda: b"#!/bin/sh\n" + good(),
}  # fmt: skip

watch = attacks.Watch()


def test_there_are_enough_of_them():
    assert len(FILES) >= 60
    assert len(HOSTILE) >= 50


@pytest.mark.parametrize("case", FILES)
def test_hostile_files(case, tmp_path):
    data = FILES[case]()
    path = tmp_path / "a.pt"
    path.write_bytes(data)
    ways = [(io.BytesIO(data), {}), (path, {}), (path, {"mmap": True})]
    for source, options in ways[:2] if case == "checksum" else ways:  # a map is not read through
        tracemalloc.start()
        try:
            with watch.nothing_done(), pytest.raises(attacks.CLEAR) as caught:
                load(source, **options)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert str(caught.value)
        assert most < len(data) * 4 + MOST
    assert sorted(os.listdir(tmp_path)) == ["a.pt"]


def test_these_files_are_sound_without_what_is_wrong_with_them():
    assert load(io.BytesIO(archive(records())))["a"].shape == (100,)
    assert load(io.BytesIO(archive(records(), zipfile.ZIP_DEFLATED)))["a"].shape == (100,)
    assert load(io.BytesIO(with_pickle(tensor(b"K\x04\x85", b"K\x01\x85"), **{"data/0": bytes(16)}))).shape == (4,)
    assert load(io.BytesIO(old_format(b"}"))) == {}
    assert load(io.BytesIO(changed_directory(lambda d, at: None)))["a"].shape == (100,)
    nested = with_pickle(b"}" + b")" + b"\x85" * 100 + b"Ns")
    assert len(load(io.BytesIO(nested))) == 1


@pytest.mark.parametrize("root", ["../", "/", "C:/", "../../a/"])
def test_paths_in_an_archive_lead_nowhere(root):
    """Nothing is unpacked to a place: a record's path is only its name."""
    with watch.nothing_done():
        try:
            found = load(io.BytesIO(archive(records(), root=root)))
        except RuntimeError as e:
            assert "file not found" in str(e)  # noqa: PT017
        else:
            assert found["a"].shape == (100,)


def test_the_watch_sees(tmp_path):
    with pytest.raises(AssertionError, match=r"the file did \['open'\]"), watch.nothing_done():
        (tmp_path / "a").write_text("x")
    with pytest.raises(AssertionError, match=r"os\.system"), watch.nothing_done():
        os.system("true")
    data = packed(b"\x80\x02" + calls(name("os.system"), text("true")) + b".")
    with pytest.raises(AssertionError, match=r"os\.system"), watch.nothing_done():
        load(data, weights_only=False)


def test_a_view_larger_than_memory_takes_none():
    """A stride of 0 lets a file have a tensor of any size, as in PyTorch; it costs nothing until it is read."""
    numbers = b"\x8a\x06" + (1 << 44).to_bytes(6, "little")
    file = io.BytesIO(with_pickle(tensor(numbers + b"\x85", b"K\x00\x85"), **{"data/0": bytes(16)}))
    tracemalloc.start()
    try:
        assert load(file).shape == (1 << 44,)
        assert tracemalloc.get_traced_memory()[1] < MOST
    finally:
        tracemalloc.stop()


def test_random_damage():
    seen = attacks.corruptions(300)
    assert seen["error"] > 200
    assert sum(seen[what] for what in seen if " " not in what) == 300


def test_kills_in_the_middle_of_a_save():
    attacks.kills(5)


@pytest.mark.parametrize("case", ["empty", "header beyond", "header of other things", "tensor outside", "overlap"])
def test_hostile_safetensors(case):
    header = {
        "empty": b"", "header beyond": struct.pack("<Q", 1 << 62) + b"{}", "header of other things": b"[1, 2]",
        "tensor outside": b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,1000]}}',
        "overlap": b'{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],'
        b'"data_offsets":[0,4]}}',
    }[case]  # fmt: skip
    data = header if case in ("empty", "header beyond") else struct.pack("<Q", len(header)) + header + bytes(4)
    with watch.nothing_done(), pytest.raises(ValueError, match="no safetensors file, or a damaged one"):
        safetensors.load(data)


