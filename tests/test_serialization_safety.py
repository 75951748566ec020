"""torch.load of files that lie: hostile pickles run nothing, and no size in them reaches beyond what is there."""

from __future__ import annotations

import builtins
import copyreg
import io
import os
import pickle
import struct
import subprocess

import pytest

import torchlike
from tests.serialization_kit import packed
from torchlike.serialization import add_safe_globals, clear_safe_globals, load, save


def name(path: str) -> bytes:
    module, _, attribute = path.rpartition(".")
    return f"c{module}\n{attribute}\n".encode()


def text(s: str) -> bytes:
    return b"X" + struct.pack("<I", len(s)) + s.encode()


def stacked(module: str, attribute: str) -> bytes:
    """The name of protocol 4, which Python itself resolves through dots."""
    return text(module) + text(attribute) + pickle.STACK_GLOBAL


def calls(func: bytes, *args: bytes) -> bytes:
    return func + b"(" + b"".join(args) + b"tR"


TOUCH = text("touch SIGN")  # the tests replace SIGN by a path that must not come to be
OPEN = text("SIGN"), text("w")
STORAGE = b"(" + text("storage") + name("torch.FloatStorage") + text("0") + text("cpu") + b"K\x04tQ"
TENSOR_ARGS = STORAGE + b"K\x00K\x04\x85K\x01\x85\x89" + calls(name("collections.OrderedDict"))
TENSOR = name("torch._utils._rebuild_tensor_v2") + b"(" + TENSOR_ARGS + b"tR"


class Reduces:
    """Pickles as a call."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


HOSTILE = {
    "os.system": calls(name("os.system"), TOUCH),
    "posix.system": calls(name("posix.system"), TOUCH),
    "os.path": calls(name("os.path.exists"), TOUCH),
    "eval": calls(name("builtins.eval"), text("open('SIGN', 'w')")),
    "exec": calls(name("builtins.exec"), text("open('SIGN', 'w')")),
    "eval of Python 2": calls(name("__builtin__.eval"), text("open('SIGN', 'w')")),
    "open": calls(name("builtins.open"), *OPEN),
    "subprocess": calls(name("subprocess.Popen"), b"(" + text("touch") + text("SIGN") + b"t"),
    "getattr": calls(name("builtins.getattr"), name("collections.OrderedDict"), text("fromkeys")),
    "import": calls(name("builtins.__import__"), text("os")),
    "importlib": calls(name("importlib.import_module"), text("os")),
    "partial": calls(name("functools.partial"), name("collections.OrderedDict")),
    "through torch": calls(name("torch.serialization.os.system"), TOUCH),
    "through torchlike": calls(name("torchlike.serialization.os.system"), TOUCH),
    "through a dotted name": calls(stacked("torch.serialization", "os.system"), TOUCH),
    "through an allowed class": calls(stacked("collections", "OrderedDict.fromkeys"), text("ab")),
    "through an allowed function": calls(stacked("torch._utils", "_rebuild_tensor_v2.__globals__.get"), text("os")),
    "to a subclass list": calls(stacked("torch", "Tensor.__subclasses__")),
    "nested load": calls(name("torch.storage._load_from_bytes"), text("abc")),
    "load itself": calls(name("torch.load"), text("SIGN")),
    "numpy": calls(name("numpy.load"), text("SIGN")),
    "type": calls(name("builtins.type"), text("X"), b")", b"}"),
    "calling what is no function": calls(b"}", text("a")),
    "calling a dtype": calls(name("torch.float32"), text("a")),
    "calling a tensor class": calls(name("torch.Tensor"), b"K\x02"),
    "calling a result": calls(calls(name("collections.OrderedDict")), text("a")),
    "arguments that are no tuple": name("collections.OrderedDict") + b"}R",
    "object of a class": name("torch.Tensor") + b")\x81",
    "object of set": name("builtins.set") + b")\x81",
    "state of a class": name("torch.Tensor") + b"N}" + text("__len__") + name("collections.OrderedDict") + b"s\x86b",
    "state of a function": name("torch._utils._rebuild_tensor_v2") + b"N}" + text("__code__") + b"Ns\x86b",
    "state of a tensor": TENSOR + b"}" + text("_cell") + b"Nsb",
    "state of a dtype": name("torch.float32") + b"N}" + text("np") + b"Ns\x86b",
    "items of a class": name("torch.Tensor") + text("a") + b"Ns",
    "items of a tensor": TENSOR + b"K\x00K\x01s",
    "append to another": calls(name("collections.OrderedDict")) + b"K\x01a",
    "extend another": name("torch.Size") + b"(K\x01e",
    "instance": b"(" + TOUCH + b"ios\nsystem\n",
    "object": b"(" + name("os.system") + TOUCH + b"o",
    "extension registry": b"\x82\xf0",
    "other persistent id": text("storage") + b"Q",
    "persistent id of a module": b"(" + text("module") + name("torch.FloatStorage") + b"K\x00K\x00K\x00tQ",
    "persistent id as text": b"PSIGN\n",
    "storage outside": b"(" + text("storage") + text("a") + text("../x") + text("cpu") + b"K\x04tQ",
    "other codec": calls(name("_codecs.encode"), text("abc"), text("zlib_codec")),
    "much memory": calls(name("builtins.bytearray"), b"\x8a\x06" + (1 << 40).to_bytes(6, "little")),
    "engine attribute": calls(
        name("torch._tensor._rebuild_from_type_v2"), name("torch._utils._rebuild_tensor_v2"), name("torch.Tensor"),
        b"(" + TENSOR_ARGS + b"t", b"}" + text("_parent") + b"K\x01s",
    ),
    "method of a tensor": calls(
        name("torch._tensor._rebuild_from_type_v2"), name("torch._utils._rebuild_tensor_v2"), name("torch.Tensor"),
        b"(" + TENSOR_ARGS + b"t", b"}" + text("tolist") + name("collections.OrderedDict") + b"s",
    ),
    "another maker": calls(
        name("torch._tensor._rebuild_from_type_v2"), name("builtins.set"), name("torch.Tensor"), b")", b"}"
    ),
    "another class": calls(
        name("torch._tensor._rebuild_from_type_v2"), name("torch._utils._rebuild_tensor_v2"),
        name("collections.OrderedDict"), b"(" + TENSOR_ARGS + b"t", b"}",
    ),
    "tensor over nothing": calls(name("torch._utils._rebuild_tensor_v2"), *(b"K\x00",) * 6),
    "parameter over nothing": calls(name("torch._utils._rebuild_parameter"), b"K\x00", b"\x88", b"}"),
    "empty stack": b"R",
    "no mark": b"t",
    "no memo": b"h\x07",
    "half a pair": b"}(K\x01u",
    "unhashable key": b"}}Ns",
    "cut": text("abc")[:-1],
    "endless text": b"\x8d" + b"\xff" * 8 + b"a",
    "no end of a line": b"cos",
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_pickles_run_nothing(case, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("it was run")

    sign = tmp_path / "s"
    pickled = HOSTILE[case]
    for made in (TOUCH, OPEN[0], text("open('SIGN', 'w')")):  # texts carry their lengths
        plain = made[5:].decode()
        pickled = pickled.replace(made, text(plain.replace("SIGN", str(sign))))
    file = packed(b"\x80\x02" + pickled + b".", **{"data/0": bytes(16)})
    before = {c: dict(vars(c)) for c in (torchlike.Tensor, torchlike.float32.__class__)}
    for owner, attribute in ((os, "system"), (subprocess, "Popen"), (builtins, "eval")):
        monkeypatch.setattr(owner, attribute, fail)
    with pytest.raises((pickle.UnpicklingError, RuntimeError)) as caught:
        load(file)
    monkeypatch.undo()
    assert "was run" not in str(caught.value)
    assert not sign.exists()
    assert before == {c: dict(vars(c)) for c in before}


def test_the_parts_of_these_pickles_are_sound():
    """Each refusal above is due to the one hostile thing in it: the same pieces without it load."""
    assert load(packed(b"\x80\x02" + TENSOR + b".", **{"data/0": bytes(16)})).tolist() == [0, 0, 0, 0]
    assert load(packed(calls(stacked("collections", "OrderedDict")) + b".")) == {}
    assert load(packed(calls(name("_codecs.encode"), text("abc"), text("latin1")) + b".")) == b"abc"
    fine = calls(
        name("torch._tensor._rebuild_from_type_v2"), name("torch._utils._rebuild_tensor_v2"), name("torch.Tensor"),
        b"(" + TENSOR_ARGS + b"t", b"}" + text("label") + b"K\x01s",
    )  # fmt: skip
    assert load(packed(fine + b".", **{"data/0": bytes(16)})).label == 1
    REMEMBERED.clear()
    load(packed(calls(name(f"{__name__}.remember"), b"K\x07") + b"."), weights_only=False)
    assert REMEMBERED == [7]  # and what runs is noticed


REMEMBERED: list = []


def remember(x):
    REMEMBERED.append(x)


@pytest.mark.parametrize(
    "call", [(os.system, ("true",)), (eval, ("1",)), (remember, (1,)), (copyreg.constructor, (1,))]
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_hostile_objects_saved_by_us(call, protocol):
    file = io.BytesIO()
    save({"weight": torchlike.ones(1), "x": [Reduces(*call)]}, file, pickle_protocol=protocol)
    file.seek(0)
    REMEMBERED.clear()
    with pytest.raises(pickle.UnpicklingError, match="^Weights only load failed"):
        load(file)
    assert not REMEMBERED


def test_blocked_modules_stay_blocked():
    try:
        add_safe_globals([os.system, (os.system, "os.system")])
        for path in ("os.system", "posix.system"):
            with pytest.raises(pickle.UnpicklingError, match=f"GLOBAL {path} whose module {path[:-7]} is blocked"):
                load(packed(calls(name(path), text("true")) + b"."))
    finally:
        clear_safe_globals()


# --- sizes that the file does not have --------------------------------------------------------------------------------


def tensor_of(size=(4,), stride=(1,), offset=0, numel=4, data=bytes(16), storage="FloatStorage") -> io.BytesIO:
    def number(n: int) -> bytes:
        return b"\x8a\x0a" + n.to_bytes(10, "little", signed=True)

    def numbers(ns) -> bytes:
        return b"(" + b"".join(map(number, ns)) + b"t"

    pid = b"(" + text("storage") + name(f"torch.{storage}") + text("0") + text("cpu") + number(numel) + b"tQ"
    args = pid, number(offset), numbers(size), numbers(stride), b"\x89", b"}"
    return packed(calls(name("torch._utils._rebuild_tensor_v2"), *args) + b".", **{"data/0": data})


def test_sizes_within_the_record():
    assert load(tensor_of()).tolist() == [0, 0, 0, 0]
    assert load(tensor_of((2, 2), (0, 3))).tolist() == [[0, 0], [0, 0]]
    assert load(tensor_of((0, 2), (9, 9), 100)).shape == (0, 2)


@pytest.mark.parametrize(
    ("lie", "message"),
    [
        ({"size": (5,)}, "requiring a storage size of 20 are out of bounds for storage of size 16"),
        ({"stride": (2,)}, "requiring a storage size of 28 are out of bounds"),
        ({"offset": 1}, "requiring a storage size of 20 are out of bounds"),
        ({"size": (1 << 62, 1 << 62), "stride": (1 << 62, 1)}, "out of bounds"),
        ({"size": (-4,)}, "corrupt checkpoint"),
        ({"stride": (-1,)}, "corrupt checkpoint"),
        ({"offset": -1}, "corrupt checkpoint"),
        ({"size": (2, 2)}, "corrupt checkpoint"),
        ({"numel": 5}, r"record size \(16 bytes\) does not match expected size \(20 bytes"),
        ({"numel": 1 << 62}, "does not match expected size"),
        ({"numel": -1}, "not described as one"),
        ({"data": bytes(12)}, r"record size \(12 bytes\) does not match"),
        ({"storage": "DoubleStorage"}, r"record size \(16 bytes\) does not match expected size \(32 bytes"),
    ],
)
def test_sizes_beyond_the_record(lie, message):
    with pytest.raises((RuntimeError, pickle.UnpicklingError), match=message):
        load(tensor_of(**lie))
