"""The formats before PyTorch 1.6, in both directions, and damaged ones."""

from __future__ import annotations

import base64
import io
import pickle
import struct
import tarfile
import zlib

import pytest

import torchlike
from tests.serialization_kit import plain, saved
from tests.test_serialization import DTYPES, sample
from torchlike.serialization import get_unsafe_globals_in_checkpoint, load, save

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is the reference that reads and writes these files")


def old(obj, writer=save) -> io.BytesIO:
    return saved(obj, writer, _use_new_zipfile_serialization=False)


def readable(lib):
    """The sample without the dtypes whose old files PyTorch 2.13 writes and cannot read."""
    made = sample(lib)
    del made["model"]["small"], made["model"]["wide"]
    return made


# sample(torch) of PyTorch 2.13.0 in the old format, packed by zlib
RECORDED = (
    "eNqFVVdz3FQY1RbbiVIILRCq6WsCRrteb6HZJCEGlGaFgChGyNrrlYJW2iNd2UlggynrFHpvAUJP4EeQGV6BB974Ccwww/DEMJOZcO+V7GSDCJqR"
    "Rredc77vfmU+e1h2Tx7Z/Pfg7mM71g3PZ7f+lmPfDqSCvkaSpHbgU9/yXWOWBKHje8iwDfoqtuI6lLrEIF7DMT1kD+oym6R728QInX0kRK6DfEHv"
    "Y5Oh7QcUfWpWz7GR41H0q3k9zzF8r4kBNR9Fi5x8f8tvEBcZi9G6xKKMNZS3Bw0SkMYmx6IyskMacgW9n+2dI07Tpshb1A8se9iIqOOGshGQ6chx"
    "G0bbDMwWoSSQ0fcfWyjxQj8wZksy+gsFfYALZjvNJsFAfETe7Pom3RlPylimr2Z76uWqUq8qtXq1WKzUsFzYZrUjyGr/NooVk6qkZtXcAlaqOTWz"
    "gFWHbC57NcV5GtYcFIPzD+ACDRcKV1CHNHCRzSTYA3YPRb1YrddLCi62Y+i1S9CXxNCXxtDrKC7TcLkQEvhzuOJcYFcmYFdNMoxcF1ermS4GY6Br"
    "KK7VcJ3wL7uDqOXh+nNh3ZBg3TipZtRsFzdxwEKMNURxs4b1wkTbdGdwS4yUeHaDcG2xsuTcW3sJauUR5txhRpBlBLcJy7tQuNhiTFCiGNFQjgOt"
    "ZbouRv/nokdkVE5LGE4uW97l8eBtLCmp9igZqdSLShm1REk9UXI7V3JHrOTOxKYZblLNIOXWyIwn4y6KuzWMCQ/MOQ2CcVvQ2z0EtUqJ/ZRxDyPI"
    "M4INCcFGTrApJrg3IYhYChUrMjZTTGi4T5g+45rNEPf3Otf33SVzHjjNVqlWlVKlUi1BTczZkrBt5WzbYrbtFDs0TOoZdmwftB7kjX6r7ZI9vXmx"
    "s8dhlZJSUmp4kDFkGMMuzsDAH+Kfh2MGneIRDY8K/ZYfsbrwWA/LFlYdltAf7/FWbbReHy1hKkF/gqEPDcWoBsWTGkyRyJ5PbYeVmOm08K0pVRZc"
    "ChiTKjGQBpfI3LAAwtKL5dVMDNiksDU4ccEi5gx2p6AVlWqNRauCpxJJbmJwi3+8ON99irYGRB0E+nJ21GClyWyY1EQo1qnOJiW+PivkL9bcOTUT"
    "huG0OOO3qdNiBTbAng72JgWWmpRgXwdPq1IHzxSE1JCSNjqphteVcoXdzf5E6rNneG+e4jkNzwt6sqdtmLNNvJBqb210pFIp48UkhLpJCC1wew/E"
    "YAcpDmk4HIX6St5KeC02moEftUO8NIWXO3iloGe5VwO8OjG2Y3rrL38ePyksmmaOCfHaxNjvP/Lnp4mxP/76+de1B9Yv4HVRlwRYiDem8GaBO5pE"
    "ZpQ0G7NN8FYSQjuZp2S8HZfLd7p4V8N7YluDJzvePzNleUp9IMAbZNaxCD5MVuOhjI+EX62oYeIIj4+PNXwSq91LWcP71DIs1rmsUCYe/5FxVNRi"
    "6Yfv8ZnAdU3qeEV8voAvNHwpjpK2b9n4Ss2JkceaVYivLcPgJYttNgw5JKzjfTOFYyITTRw3u/hWw3e8ZU7xlpmS15m0OM+m1ZtcWlrl06KlL63t"
    "9af1g4G0Gr4srZwuTysZclparUiLvZVkmIcPfzLS4pNfmjl1anF24F+7xsf7pZ5nTJLm2XtijC9K0uBZ6/PJ/Dh759l7dHyRmZ04sfiv7M+cdeLM"
    "cbaXUfoHru2FXw=="
)  # fmt: skip


def test_recorded_file_of_pytorch():
    found = load(io.BytesIO(zlib.decompress(base64.b64decode(RECORDED))))
    assert plain(found) == plain(sample(torchlike))
    found["model"]["tied"].mul_(2)
    assert found["model"]["row"].tolist() == [6, 8, 10]
    assert found["model"]["weight"].tolist() == [[0, 0.5, 1], [1.5, 2, 2.5]]


@needs_torch
@pytest.mark.parametrize("weights_only", [True, False])
def test_both_directions(weights_only):
    assert plain(torch.load(old(readable(torchlike)), weights_only=weights_only)) == plain(readable(torch))
    assert plain(load(old(sample(torch), torch.save), weights_only=weights_only)) == plain(sample(torch))


@pytest.mark.parametrize("dtype", list(dict.fromkeys(DTYPES)), ids=str)
def test_every_dtype(dtype):
    t = torchlike.tensor([[0, 1, 2], [1, 3, 4]], dtype=dtype)
    assert plain(load(old(t))) == plain(t)
    if torch is not None:
        if dtype in readable_in_pytorch():
            assert plain(torch.load(old(t))) == plain(t)
        else:  # PyTorch cannot read its own files of these either
            with pytest.raises(AttributeError, match="'torch.storage.UntypedStorage' has no attribute 'dtype'"):
                torch.load(old(t))


def readable_in_pytorch():
    """The dtypes that have a storage class of their own in PyTorch."""
    return [d for d in DTYPES if hasattr(torch, f"{d._scalar_name}Storage")]


def test_options(tmp_path):
    path = tmp_path / "a.pt"
    save({"a": torchlike.ones(2)}, path, _use_new_zipfile_serialization=False)
    assert load(path, map_location="cpu")["a"].tolist() == [1, 1]
    assert get_unsafe_globals_in_checkpoint(path) == []
    with pytest.raises(RuntimeError, match=r"mmap can only be used with files saved with `torch\.save"):
        load(path, mmap=True)
    m = torchlike.nn.Module()
    m.weight = torchlike.nn.Parameter(torchlike.ones(2))
    with pytest.raises(pickle.UnpicklingError, match="^Weights only load failed.*was not an allowed global"):
        load(old(m))
    assert load(old(m), weights_only=False).weight.tolist() == [1, 1]


def test_every_cut_is_noticed():
    data = old({"a": torchlike.arange(100.0), "b": torchlike.ones(3)}).getvalue()
    for end in [*range(1, len(data), 23), len(data) - 1]:
        with pytest.raises((RuntimeError, pickle.UnpicklingError)):
            load(io.BytesIO(data[:end]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.replace(struct.pack("<q", 100), struct.pack("<q", 1 << 60)), "unexpected EOF, expected"),
        (lambda d: d.replace(struct.pack("<q", 100), struct.pack("<q", -1)), "unexpected EOF"),
        (lambda d: d.replace(struct.pack("<q", 100), struct.pack("<q", 99)), "expected 400 got 396"),
        (lambda d: d.replace(b"M\xe9\x03.", b"M\xea\x03."), "Invalid protocol version: 1002"),
        (lambda d: d.replace(b"FloatStorage", b"DoubleStorag"), "was not an allowed global"),
        (
            lambda d: d[: d.rindex(b"X\x01\x00\x00\x000")] + b"X\x01\x00\x00\x007q\x01a." + d[-408:],
            "storage 0 is not there",
        ),
    ],
)
def test_lies(change, message):
    data = old(torchlike.arange(100.0)).getvalue()
    changed = change(data)
    assert changed != data
    with pytest.raises((RuntimeError, pickle.UnpicklingError), match=message):
        load(io.BytesIO(changed))


# --- tar files --------------------------------------------------------------------------------------------------------


class _Named:
    def __init__(self, name):
        self.name = name


class _TarPickler(pickle._Pickler):
    """Writes names as they stand, as a pickle of that time has them."""

    dispatch = pickle._Pickler.dispatch.copy()

    def _save_name(self, obj):
        self.write(b"c" + obj.name.replace(".", "\n", 1).encode() + b"\n")

    dispatch[_Named] = _save_name

    def persistent_id(self, obj):
        return str(obj.number) if isinstance(obj, _Ref) else None


class _Ref:
    def __init__(self, number):
        self.number = number


def _pickled(obj) -> bytes:
    out = io.BytesIO()
    _TarPickler(out, 2).dump(obj)
    return out.getvalue()


def tar_file(path, views=((8, 7, 2, 3),), **members) -> None:
    """A file as PyTorch before 0.1.10 wrote it: a tensor over a storage, and one over a part of that."""
    storages = _pickled(1) + _pickled((7, "cpu", _Named("torch.FloatStorage"))) + struct.pack("<q6f", 6, *range(6))
    storages += _pickled(list(views))

    def tensor(key, storage, size, stride, offset):
        numbers = struct.pack(f"<{2 * len(size) + 1}q", *size, *stride, offset)
        return _pickled((key, storage, "FloatTensor")) + struct.pack("<ii", len(size), 0) + numbers

    parts = {
        "storages": storages,
        "tensors": _pickled(2) + tensor(1, 7, (2, 3), (3, 1), 0) + tensor(2, 8, (2,), (1,), 1),
        "pickle": _pickled({"a": _Ref(1), "part": _Ref(2), "n": 3}),
    } | members
    with tarfile.open(path, "w:", format=tarfile.PAX_FORMAT) as tar:
        for name, data in parts.items():
            if data is not None:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                tar.addfile(info, io.BytesIO(data))


def test_tar_files(tmp_path):
    path = tmp_path / "a.tar"
    tar_file(path)
    with pytest.raises(RuntimeError, match="Cannot use ``weights_only=True`` with files saved in the legacy .tar"):
        load(path)
    found = load(path, weights_only=False)
    assert (found["a"].tolist(), found["part"].tolist(), found["n"]) == ([[0, 1, 2], [3, 4, 5]], [3, 4], 3)
    found["a"].mul_(2)
    assert found["part"].tolist() == [6, 8]
    if torch is not None:
        theirs = torch.load(path, weights_only=False)
        assert [plain(theirs[k]) for k in ("a", "n")] == [plain(load(path, weights_only=False)[k]) for k in ("a", "n")]


@pytest.mark.parametrize(
    "lie",
    [
        {"storages": None}, {"pickle": None}, {"storages": b"\x80\x02cos\nsystem\n."}, {"tensors": b""},
        {"views": ((8, 7, 4, 3),)}, {"views": ((8, 9, 0, 1),)}, {"storages": _pickled("x")},
    ],
)  # fmt: skip
def test_tar_files_that_lie(lie, tmp_path):
    tar_file(tmp_path / "a.tar", **lie)
    with pytest.raises((RuntimeError, pickle.UnpicklingError)):
        load(tmp_path / "a.tar", weights_only=False)
