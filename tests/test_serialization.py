"""torch.save and torch.load: PyTorch's own files in both directions, shared memory, devices, damaged files."""

from __future__ import annotations

import base64
import io
import pickle
import sys
import zipfile
import zlib
from collections import Counter, OrderedDict

import numpy as np
import pytest

import torchlike
from tests.serialization_kit import plain, repacked, saved
from torchlike.serialization import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    get_unsafe_globals_in_checkpoint,
    load,
    safe_globals,
    save,
)

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is the reference that reads and writes these files")


def sample(lib):
    """One of everything that a checkpoint may hold, made by `lib`."""
    a = lib.arange(6.0).reshape(2, 3)
    model = OrderedDict(
        weight=lib.nn.Parameter(a / 2), tied=a, row=a[1], column=a.t()[1],
        half=lib.tensor([1.5, -2], dtype=lib.bfloat16), small=lib.tensor([0.5, 448], dtype=lib.float8_e4m3fn),
        wide=lib.tensor([1, 65535], dtype=lib.uint16), flags=lib.tensor([True, False]), z=lib.tensor([1 + 2j]),
        count=lib.tensor(7), nothing=lib.zeros(0, 2), leaf=lib.ones(1, requires_grad=True),
    )  # fmt: skip
    model._metadata = OrderedDict({"": {"version": 1}})
    optimizer = {
        "state": {0: {"step": lib.tensor(3.0), "exp_avg": lib.zeros(2)}},
        "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999), "params": [0, 1]}],
    }
    return {
        "model": model, "optimizer": optimizer, "shape": a.shape, "dtype": lib.float16,
        "device": lib.device("cuda:1"), "bytes": b"\x00\xff", "epoch": 3, "names": {"a"},
    }  # fmt: skip


# sample(torch) of PyTorch 2.13.0, written by its torch.save, packed by zlib
RECORDED = (
    "eNqlV1lsG0UYHiepk27bNA3QhAKltBwOLamv2E5bmuAWB3CPZEvBBMKysSf2lrXXv3ecpIFAOJK2nG25r1LuQ7wixAsgeOCFIoEQAoRAiAeEhIR4"
    "ggekMsfG2d00MU1GWttrz3f8M//8/7o3WVuHUEMDmjWaUDNSS+mcNow3Z1Sithfv1BPxRtTvGBM144B8qSUUkDcyWAdPOm3oOk4TzSiY0t5SBpdw"
    "ZqeWJhLUtMlQ60t56dwRrGVzBOrSxKAS7UqZaLopKSU8WNb0jFJUS2oeE1ySYMkcUwgumEZJGQ5K4PX5UvWU1KQz1SyGegGRErqhkn3iSwkaUh46"
    "xw9LU7X0PV0sg5T0EljWl0TJmmTtFCxP1iY9U7DiSI4ZbSSwUoamw/xm1SFoluGcFF0qRDScgXNzVDRXnxOkATgvx8lWV8haBFmrIDufwBoZLuDK"
    "JWMELpyG5yzgRX10fu0krE16JuFiAVpH4BIZ1vP1omtazhdggxt3aV/Sk6yZhMsY+HKBu4KAT4Y2bjan6kNwpUBZqxLnyxKIVBZmI48hCJsoZQ2B"
    "q3gMk9DOrGwWlH4CARmCfJvNvKrrEKqyLSEJwjOi7dbWSPsL5GARZyraHVw7BBGhHbW0Y0y7U2hvsXwPMdsxBYfzoaGCBFsJbJPhah7liJbBsD3H"
    "BXOCMgxdlLKOQLdFeQ2jjAvKHRZlWSvQhZBgJ4FrZUjw8IZ0NWtCj3PJDEOvWL6O83fA9cLyDRZ/kvHvEvy7CeyRYS+fOAa9Dq4dRr6o41Fnbvbx"
    "qRGQKaeHwD7GSeluZC/7BedNBG6WIcU9po1ygcAtDt5dRiFb4evnfFG4VfDdRvna2gTPAIHbZVD4gSkYJKcVsnCHI5tjoFIYIjDIbNDgpiBNk5pm"
    "c0ZQYAJDMmT50utYHYKcA98JmpA9YIVxJ3vRxUnKEyjIYJTHoZhaSicr9JirrLwA8N9LKVZ7wBwHwi0O45JJKwmUkx7TNAc5xigSLa+N4RIMj8OI"
    "KD4mUQmG0XE4mETjMObj5kyCi3BXxVwNO6p+uFu4G7ctyj0E7pVhgivi0aKiDmfhPicuAPeLDX/A2vAHWVSTAj9F4JAMh8tmajmdy6uXki0Z5aIJ"
    "RwbgoXF42MdZ9BI80tPVO7j767/e+Zf7HqThm/BoT9cfX7Bxqqfrz7+//H71oY1T8Bg/+ZzMhMcH4KiPLScuq2URcU4tYjhmbf8+uh4SHBfF54lJ"
    "eFKGp/i0DDtw8LT9ELGUf4aTZ/CwlsbwrPWruJXgOb566XJGhefZvr8gw4vC7UGCTXgpraRprU+bEi6wDxKc4JUNffYxvMx5dZVohQCcnIJXZHiV"
    "Q3HRSOfgtWQtvyvQ8m7C62lFYWWDTlYUycS0R7wxAG/yLFLhLXUS3pbhnXJ7b7K+4fM9F/djys2u3jmbVgtaXWla7UNGKa8SxUqhRLzZ1bvYCDDu"
    "D/788QGmya65udeg6Ay3VdAUVdeyhTwukEQ8dAb6qiMSZga6RuB3lh818xpYhboqBthOGKy5JuJbF6I7PXSNEB0zD5NX/3o+2zvvvB4a0XbHU8Fm"
    "fyK+ZREGLNouhCbo9Qm9UDdC67qZo30f3nyqlX7RWsXRJqejQCLuQ2enP2HpdtNrgl4nuX7L0d+OLUA/eDb6NOJPmFZ9X/+v7NDVVdHqdmqFEvFt"
    "i9n+fv89TD06ur6tev41orhTPZyIb1+Uen+/B50+zRxMvfvTFQuIv2Ox8XsQU/9ow6epBcQfWXz807nHXAy/0dXOZBuquNjmdBFNxGMLdlFvsTL9"
    "4re/GU599H/0Y4vRny/Oc506nYl4EzrT+jHvBw688l71/Flpq6CiVvgXWT9ZzWD6R7765a2F6AcWrT+zf9rP63H1/FmJtlY8VFpjdKEeQhJT/upE"
    "dn/187MWBWcaKA/fxCWNdtAxlf1bVLRMIt5+lkYCIX+ksyMajAVDsWg0EI3FglF/hz8UCoUDkWAkEAqHOzuDYT9z+d3Aqz/4qA8fd+lhZis+7Y8X"
    "TbOcu/8Hu9H2B4gWB/J9L5rrgcRNYn8IWONs/PVonicPN4+9ka9y8By38VQeINxwe9dtdMBXNyBX73dj7R3TiX3bjQ24sfYO6MT6lrqwQTfW3r+c"
    "2Cfd2JAba+88Tmyz5MKG3Vh733DpurEdbqy92rt0l7mwETfWXqmd2Gfd2Og09sy13D5al7uwMbeuvco6sRNubKcba6+QKx3Yb9zYwKzEspc2J/jG"
    "FW7wrMyyVycn+DsbeI5TaS8aax1guRFVKWe9Sa9303Txq71qZoNd77hOvP/TOF3MvbwvD5wj7sX/kiVegWnm88Xc/wAMF6u4"
)  # fmt: skip


def test_helper_sees_a_difference():
    one = {"a": torchlike.ones(2)}
    assert plain(one) != plain({"a": torchlike.zeros(2)})
    assert plain(one) != plain({"a": torchlike.ones(2, requires_grad=True)})
    assert plain(one) != plain(OrderedDict(one))


# --- PyTorch's files --------------------------------------------------------------------------------------------------


def test_recorded_file_of_pytorch():
    file = io.BytesIO(zlib.decompress(base64.b64decode(RECORDED)))
    found = load(file)
    assert plain(found) == plain(sample(torchlike))
    model = found["model"]
    assert type(model["weight"]) is torchlike.nn.Parameter
    model["tied"].mul_(2)
    assert model["row"].tolist() == [6, 8, 10]
    assert model["column"].tolist() == [2, 8]
    assert model["weight"].tolist() == [[0, 0.5, 1], [1.5, 2, 2.5]]


@needs_torch
@pytest.mark.parametrize("weights_only", [True, False])
def test_both_directions(weights_only):
    theirs, ours = sample(torch), sample(torchlike)
    assert plain(torch.load(saved(ours), weights_only=weights_only)) == plain(theirs)
    assert plain(load(saved(theirs, torch.save), weights_only=weights_only)) == plain(theirs)
    assert plain(load(saved(ours), weights_only=weights_only)) == plain(theirs)


@needs_torch
def test_same_bytes_as_pytorch(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_SERIALIZATION_DEBUG", "1")  # PyTorch then compares the places of all records
    for lib, writer in ((torch, torch.save), (torchlike, save)):
        (tmp_path / lib.__name__).mkdir()
        obj = sample(lib)
        del obj["device"]  # one string more or less in the memo
        writer(obj, tmp_path / lib.__name__ / "a.b.pt")
    theirs, ours = ((tmp_path / name / "a.b.pt").read_bytes() for name in ("torch", "torchlike"))
    assert len(theirs) == len(ours)
    unlike = [i for i, (a, b) in enumerate(zip(theirs, ours, strict=True)) if a != b]
    start = theirs.index(b".data/serialization_id")
    assert start < unlike[0]
    assert len(unlike) <= 40 + 4 + 4  # the forty digits of the id and, twice, their checksum
    torch.load(tmp_path / "torchlike" / "a.b.pt", mmap=True)


DTYPES = [d for d in vars(torchlike).values() if isinstance(d, torchlike.dtype)]


@pytest.mark.parametrize("dtype", list(dict.fromkeys(DTYPES)), ids=str)
@pytest.mark.parametrize("order", ["little", "big"])
def test_dtypes_in_both_byte_orders(dtype, order):
    t = torchlike.tensor([[0, 1, 2], [1, 3, 4]], dtype=dtype)
    file = saved(t)
    if torch is not None:
        assert plain(torch.load(saved(t))) == plain(t)
    if order != sys.byteorder:
        width = dtype.itemsize // 2 if dtype.is_complex else dtype.itemsize
        file = repacked(
            file,
            lambda record, data: order.encode() if record == "byteorder"
            else np.frombuffer(data, f"V{width}").view(f"u{width}").byteswap().tobytes() if record == "data/0"
            else data,
        )  # fmt: skip
    assert plain(load(file)) == plain(t)


# --- shared memory ----------------------------------------------------------------------------------------------------


def test_one_record_for_shared_memory():
    a = torchlike.arange(10.0)
    file = saved({"part": a[2:4], "all": a, "again": a, "square": a[1:].view(3, 3).t()})
    with zipfile.ZipFile(io.BytesIO(file.getvalue())) as z:
        assert [n for n in z.namelist() if "/data/" in n] == ["archive/data/0"]
    found = load(file)
    assert found["all"] is found["again"]
    found["part"].fill_(-1)
    assert found["all"].tolist() == [0, 1, -1, -1, 4, 5, 6, 7, 8, 9]
    assert found["square"].tolist() == [[1, 4, 7], [-1, 5, 8], [-1, 6, 9]]
    assert found["part"].data_ptr() == found["all"].data_ptr() + 8
    assert not any(t._is_view() and t.requires_grad for t in found.values())


def test_tensors_over_one_storage_have_no_common_history():
    a = torchlike.arange(4.0)
    found = load(saved({"w": torchlike.nn.Parameter(a), "part": a[1:]}))
    assert found["w"].requires_grad
    assert not found["part"].requires_grad
    with torchlike.no_grad():
        found["w"].mul_(2)
    assert found["part"].tolist() == [2, 4, 6]
    (found["w"] * found["w"]).sum().backward()
    assert found["w"].grad.tolist() == [0, 4, 8, 12]


def test_whole_and_permuted_tensors_are_roots():
    """No chain of views stands behind an ordinary weight, in whatever order its dimensions lie in memory."""
    found = load(saved([torchlike.ones(2, 3), torchlike.arange(24.0).view(2, 3, 4).permute(0, 2, 1)]))
    assert all(t._parent is None for t in found)
    assert found[1].stride() == (12, 1, 4)
    assert not found[1].is_contiguous()
    assert found[1][1, 2].tolist() == [14, 18, 22]
    again = load(saved(found))
    assert plain(again) == plain(found)


def test_one_memory_as_two_types():
    a = torchlike.arange(4, dtype=torchlike.int32)
    with pytest.raises(RuntimeError, match="Cannot save multiple tensors or storages that view the same data as diff"):
        save([a, a.view(torchlike.float32)], io.BytesIO())


def test_views_of_another_type():
    z = torchlike.tensor([1 + 2j, 3 + 4j])
    assert load(saved(z.imag)).tolist() == [2, 4]
    assert load(saved(z.imag)).stride() == (2,)


@needs_torch
def test_lazy_conjugates_of_pytorch():
    z = torch.tensor([1 + 2j])
    assert load(saved(z.conj(), torch.save)).tolist() == [1 - 2j]
    assert load(saved(z.conj().imag, torch.save)).tolist() == [-2]


# --- classes and attributes -------------------------------------------------------------------------------------------


class Named(torchlike.Tensor):
    """A subclass of Tensor, found again by its name."""


class Settings:
    def __init__(self, depth):
        self.depth = depth


def test_attributes_and_subclasses():
    t, p = torchlike.ones(2), torchlike.nn.Parameter(torchlike.ones(2))
    t.label, p.label = "x", "y"
    buffer = torchlike.nn.Buffer(torchlike.zeros(1), persistent=False)
    t2, p2, b2 = load(saved([t, p, buffer]))
    assert (t2.label, p2.label, b2.persistent) == ("x", "y", False)
    assert isinstance(b2, torchlike.nn.Buffer)
    assert type(p2) is torchlike.nn.Parameter
    named = torchlike.Tensor._make_subclass(Named, torchlike.ones(2))
    with safe_globals([Named]):
        assert type(load(saved(named))) is Named


def test_allowing_classes():
    file = saved({"args": Settings(3), "counts": Counter("aab")})
    with pytest.raises(pickle.UnpicklingError, match=r"^Weights only load failed.*GLOBAL \S*Settings was not an allow"):
        load(file)
    file.seek(0)
    assert [name.rpartition(".")[2] for name in get_unsafe_globals_in_checkpoint(file)] == ["Settings"]
    both = saved([Settings(1), Named], pickle_protocol=4)
    assert [name.rpartition(".")[2] for name in get_unsafe_globals_in_checkpoint(both)] == ["Settings", "Named"]
    with safe_globals([Settings]):
        found = load(file)
        assert get_safe_globals() == [Settings]
    assert (found["args"].depth, found["counts"]["a"]) == (3, 2)
    assert get_safe_globals() == []
    add_safe_globals([(Settings, "somewhere.Else")])
    data = pickle.dumps(Settings(4), 2).replace(f"{__name__}\nSettings".encode(), b"somewhere\nElse")
    file = repacked(saved(0), lambda record, old: data if record == "data.pkl" else old)
    assert load(file).depth == 4
    clear_safe_globals()
    assert get_safe_globals() == []


def test_modules_need_the_full_unpickler():
    m = torchlike.nn.Module()
    m.weight = torchlike.nn.Parameter(torchlike.ones(2))
    with pytest.raises(pickle.UnpicklingError, match="Unsupported global: GLOBAL torchlike.nn"):
        load(saved(m))
    found = load(saved(m), weights_only=False)
    assert plain(found.state_dict()) == plain(m.state_dict())
    if torch is not None:  # PyTorch's classes come out as ours
        theirs = torch.nn.ParameterList([torch.ones(2)])
        found = load(saved(theirs, torch.save), weights_only=False)
        assert type(found) is torchlike.nn.ParameterList
        assert found[0].tolist() == [1, 1]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_protocols(protocol):
    obj = sample(torchlike) | {"long": 1 << 3000, "text": "é\ud800" * 200, "array": bytearray(b"ab")}
    assert plain(load(saved(obj, pickle_protocol=protocol))) == plain(obj)


# --- devices ----------------------------------------------------------------------------------------------------------


def from_cuda() -> io.BytesIO:
    """A file whose tensors were on a GPU."""
    names = b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0"
    return repacked(saved(torchlike.ones(2)), lambda record, data: data.replace(*names))


@pytest.mark.parametrize(
    "place",
    ["cpu", torchlike.device("cpu"), {"cuda:0": "cpu"}, lambda storage, location: storage,
     lambda storage, location: storage.cpu() if location == "cuda:0" else None],
    ids=["name", "device", "dict", "function", "function by location"],
)  # fmt: skip
def test_map_location(place):
    t = load(from_cuda(), map_location=place)
    assert t.device == torchlike.device("cpu")
    assert t.tolist() == [1, 1]


@pytest.mark.parametrize("place", [None, {}, {"cpu": "cpu"}, "cuda", lambda storage, location: None])
def test_missing_device(place):
    if torchlike.cuda.is_available():
        assert load(from_cuda(), map_location=place).is_cuda
        return
    with pytest.raises(RuntimeError, match=r"Attempting to deserialize object on a CUDA device but torch\.cuda\.is_av"):
        load(from_cuda(), map_location=place)


def test_wrong_locations():
    with pytest.raises(RuntimeError, match=r"don't know how to restore data location of .*tagged with mps"):
        load(from_cuda(), map_location="mps")
    with pytest.raises(TypeError, match="map_location must return a storage"):
        load(from_cuda(), map_location=lambda storage, location: 3)
