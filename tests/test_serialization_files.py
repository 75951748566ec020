"""torch.save and torch.load as far as files go: paths, maps, replacing in one step, and files that are not whole."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import stat
import struct
import zipfile

import pytest

import torchlike
from tests.serialization_kit import packed, repacked, saved
from torchlike.serialization import archive, load, save

try:
    import torch
except ImportError:
    torch = None


def test_paths_maps_and_rights(tmp_path):
    path = tmp_path / "model.pt"
    save(torchlike.ones(2), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    path.chmod(0o640)
    link = tmp_path / "link.pt"
    link.symlink_to(path)
    save({"a": torchlike.arange(1000.0), "b": torchlike.ones(3)}, str(link))
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    found = load(path, mmap=True)
    found["b"].add_(1)  # the file is not written
    assert found["a"].sum().item() == 499500
    assert load(path)["b"].tolist() == [1, 1, 1]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.pt", "model.pt"]
    with pytest.raises(ValueError, match="f must be a file path in order to use the mmap argument"):
        load(saved(0), mmap=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_maps_of_archives_packed_anew(tmp_path):
    """Records that are not aligned, or compressed, are mapped or read all the same."""
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = tmp_path / f"{kind}.pt"
        with zipfile.ZipFile(io.BytesIO(whole())) as old, zipfile.ZipFile(path, "w", kind) as new:
            for entry in old.namelist():
                new.writestr(entry, old.read(entry))
        for mmap in (False, True):
            t = load(path, mmap=mmap)["a"]
            t.add_(1)
            assert t.tolist() == list(range(1, 101))


def test_writing_where_nothing_can_be_sought_or_replaced(tmp_path):
    class Pipe:
        written = b""

        def write(self, data):
            self.written += bytes(data)

    pipe = Pipe()
    save(torchlike.ones(3), pipe)
    assert load(io.BytesIO(pipe.written)).tolist() == [1, 1, 1]
    save(torchlike.ones(3), os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.parametrize("failing", ["pickle", "write", "replace"])
def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch, failing):
    path = tmp_path / "model.pt"
    save({"old": torchlike.ones(2)}, path)
    before = path.read_bytes()

    class Broken(Exception):
        pass

    def fail(*args):
        raise Broken

    obj = {"new": torchlike.zeros(2)}
    if failing == "pickle":
        obj["unpicklable"] = type("Local", (), {"__reduce__": fail})()
    elif failing == "write":
        monkeypatch.setattr(archive.Writer, "close", fail)
    else:
        monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(Broken):
        save(obj, path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.pt"]


def test_places_beyond_4_gib():
    out = io.BytesIO()
    writer = archive.Writer(out, "big")
    writer.at = archive._LIMIT + 64  # as if the file were that long already
    writer.add("data/0", b"abc")
    writer.close()
    assert b"PK\x06\x06" in out.getvalue()
    entry = out.getvalue().index(b"PK\x01\x02")
    head = archive.struct.unpack_from("<IHHHHHHIIIHHHHHII", out.getvalue(), entry)
    assert head[-1] == archive._LIMIT
    assert archive.struct.unpack_from("<HHQ", out.getvalue(), entry + 46 + head[10]) == (1, 8, archive._LIMIT + 64)


# --- files that are not whole -----------------------------------------------------------------------------------------


def whole(obj=None) -> bytes:
    out = io.BytesIO()
    save({"a": torchlike.arange(100.0)} if obj is None else obj, out)
    return out.getvalue()


def test_every_cut_is_noticed(tmp_path):
    data = whole()
    for end in [*range(1, len(data), 97), len(data) - 1]:
        with pytest.raises((RuntimeError, pickle.UnpicklingError)):
            load(io.BytesIO(data[:end]))
        if end > 16:
            (tmp_path / "cut.pt").write_bytes(data[:end])
            with pytest.raises(RuntimeError, match="failed finding central directory"):
                load(tmp_path / "cut.pt", mmap=True)


def test_changed_bytes_are_noticed():
    """A byte of a record changed: the checksum says so. Elsewhere it is an error or does not matter."""
    data = whole()
    good = load(io.BytesIO(data))["a"].tolist()
    start = data.index(struct.pack("<4f", 0, 1, 2, 3))
    for at in range(start, start + 400, 57):
        with pytest.raises(RuntimeError, match="failed reading file data/0: Bad CRC-32"):
            load(io.BytesIO(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]))
    for at in range(0, len(data), 13):
        changed = io.BytesIO(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        with contextlib.suppress(RuntimeError, pickle.UnpicklingError):
            assert load(changed)["a"].tolist() == good


def without(record: str) -> io.BytesIO:
    return repacked(io.BytesIO(whole()), lambda name, data: None if name == record else data)


@pytest.mark.parametrize("record", ["data.pkl", "data/0"])
def test_missing_records(record):
    with pytest.raises(RuntimeError, match=f"PytorchStreamReader failed locating file {record}: file not found"):
        load(without(record))


@pytest.mark.parametrize("record", ["byteorder", ".format_version", ".storage_alignment", ".data/serialization_id"])
def test_records_that_old_files_do_not_have(record):
    assert load(without(record))["a"].shape == (100,)


def test_other_files(tmp_path):
    newer = packed(b"N.", version=b"99\n")
    with pytest.raises(RuntimeError, match=r"version 99, but the maximum supported version for reading is 10"):
        load(newer)
    with pytest.raises(ValueError, match="Unknown endianness type: middle"):
        load(packed(b"N.", byteorder=b"middle"))
    with pytest.raises(pickle.UnpicklingError, match="not a PyTorch checkpoint"):
        load(io.BytesIO(b"hello world, this is text"))
    with pytest.raises(EOFError):
        load(io.BytesIO())
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "absent.pt")
    with pytest.raises(RuntimeError, match="Parent directory .* does not exist"):
        save(1, tmp_path / "absent" / "a.pt")
    with pytest.raises(AttributeError, match="expected 'f' to be string, path, or a file-like object with a 'write'"):
        save(1, 3)
    with pytest.raises(AttributeError, match=r"You can only torch\.load from a file that is seekable"):
        load(object())
    (tmp_path / "a.safetensors").write_bytes(bytes(16))
    with pytest.raises(NotImplementedError, match="safetensors"):
        load(tmp_path / "a.safetensors")
    with pytest.raises(NotImplementedError, match="TorchScript"):
        load(packed(b"N.", **{"constants.pkl": b"N."}))


@pytest.mark.skipif(torch is None, reason="PyTorch writes what is refused here")
def test_what_pytorch_has_and_this_has_not():
    with pytest.raises(NotImplementedError, match="a sparse tensor"):
        load(saved(torch.eye(2).to_sparse(), torch.save))
    with pytest.raises(NotImplementedError, match=r"dtype torch\.complex32"):
        load(saved(torch.zeros(1).to(torch.complex32), torch.save))
    with pytest.raises(NotImplementedError, match="without data"):
        load(saved(torch.empty(1, device="meta"), torch.save))
