"""Files of weights beside torch.save: safetensors, checkpoints in several files, states in parts through Orbax."""

from __future__ import annotations

import doctest
import importlib
import json
import pathlib

import pytest

import torchlike
from tests.serialization_kit import plain
from torchlike.distributed import checkpoint
from torchlike.serialization import save
from torchlike.serialization.sharded import load_sharded, save_sharded

pytest.importorskip("safetensors", reason="safetensors files are read and written by the library of that name")
from torchlike.serialization import safetensors

DTYPES = list(dict.fromkeys(d for d in vars(torchlike).values() if isinstance(d, torchlike.dtype)))
STORED = [d for d in DTYPES if d is not torchlike.complex128]


def weights(lib=torchlike):
    names = [str(d).removeprefix("torch.") for d in STORED]
    made = {name: lib.tensor([[0, 1, 2], [1, 3, 4]]).to(getattr(lib, name)) for name in names if hasattr(lib, name)}
    return made | {"scalar": lib.tensor(1.5), "empty": lib.zeros(0, 3)}


def test_every_dtype_there_and_back(tmp_path):
    path = tmp_path / "a.safetensors"
    safetensors.save_file(weights(), path, {"made": "here"})
    assert plain(safetensors.load_file(path)) == plain(weights())
    assert plain(safetensors.load(safetensors.save(weights()))) == plain(weights())
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_both_directions_with_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch writes and reads the other half")
    theirs = pytest.importorskip("safetensors.torch")
    mine, given = weights(), weights(torch)
    del mine["float8_e8m0fnu"], given["float8_e8m0fnu"]  # safetensors.torch 0.8 does not know it
    assert plain(theirs.load(safetensors.save(mine))) == plain(given)
    assert plain(safetensors.load(theirs.save(given))) == plain(given)
    assert safetensors.save(mine) == theirs.save(given)


@pytest.mark.parametrize(
    ("tensors", "error", "message"),
    [
        ({"a": torchlike.ones(2, 3).t()}, ValueError, "non contiguous tensor: `a`"),
        ({"a": 3}, ValueError, "Key `a` is invalid, expected torch.Tensor but received <class 'int'>"),
        ([1], ValueError, r"Expected a dict of \[str, torch.Tensor\] but received"),
        ({"a": torchlike.ones(1, dtype=torchlike.complex128)}, NotImplementedError, "has no torch.complex128"),
    ],
)
def test_what_cannot_be_saved(tensors, error, message):
    with pytest.raises(error, match=message):
        safetensors.save(tensors)


def test_shared_memory_is_refused():
    a = torchlike.ones(4)
    with pytest.raises(RuntimeError, match="Some tensors share memory"):
        safetensors.save({"a": a, "b": a[:2]})


@pytest.mark.parametrize("data", [b"", b"\x08\0\0\0\0\0\0\0{}", b"\xff" * 16, b"\x02\0\0\0\0\0\0\0[]"])
def test_damaged_safetensors(data):
    with pytest.raises(ValueError, match="no safetensors file, or a damaged one"):
        safetensors.load(data)


# --- several files ----------------------------------------------------------------------------------------------------


def model():
    return {f"layer.{i}.weight": torchlike.arange(4.0) + i for i in range(5)} | {"tied": torchlike.ones(1)}


def test_several_files(tmp_path):
    save_sharded(model(), tmp_path, max_shard_size=40)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)] + ["model.safetensors.index.json"]
    index = json.loads((tmp_path / names[-1]).read_text())
    assert index["metadata"]["total_size"] == 84
    assert index["weight_map"]["layer.2.weight"] == names[1]
    for place in (tmp_path, tmp_path / names[-1]):
        assert plain(load_sharded(place)) == plain(model())


def test_one_file(tmp_path):
    save_sharded(model(), tmp_path, max_shard_size="1MB")
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    assert plain(load_sharded(tmp_path)) == plain(model())
    with pytest.raises(ValueError, match="max_shard_size='5 boxes'"):
        save_sharded(model(), tmp_path, max_shard_size="5 boxes")


def test_files_of_torch_save(tmp_path):
    parts = {"a.bin": {"x": torchlike.ones(2)}, "b.bin": {"y": torchlike.zeros(1), "other": torchlike.ones(1)}}
    for name, part in parts.items():
        save(part, tmp_path / name)
    write_index(tmp_path, {"y": "b.bin", "x": "a.bin"}, "pytorch_model.bin.index.json")
    assert plain(load_sharded(tmp_path)) == plain({"y": torchlike.zeros(1), "x": torchlike.ones(2)})


def write_index(folder: pathlib.Path, places, name="model.safetensors.index.json") -> None:
    (folder / name).write_text(json.dumps({"weight_map": places}))


@pytest.mark.parametrize(
    "file", ["../a.safetensors", "/etc/passwd", "b/a.safetensors", "..", "", 3, "a\\b.safetensors", "a\0.safetensors"]
)
def test_an_index_stays_in_its_folder(file, tmp_path):
    write_index(tmp_path, {"x": file})
    with pytest.raises(RuntimeError, match="which is no file of this folder"):
        load_sharded(tmp_path)


def test_an_index_that_does_not_fit(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds none of model.safetensors.index.json"):
        load_sharded(tmp_path)
    safetensors.save_file({"a": torchlike.ones(1)}, tmp_path / "s.safetensors")
    write_index(tmp_path, {"b": "s.safetensors"})
    with pytest.raises(RuntimeError, match="does not hold what the index says is in it: b"):
        load_sharded(tmp_path)
    write_index(tmp_path, {"b": "absent.safetensors"})
    with pytest.raises(FileNotFoundError):
        load_sharded(tmp_path)
    for text in ("{", "[]", '{"weight_map": 3}', "[" * 100_000):
        (tmp_path / "model.safetensors.index.json").write_text(text)
        with pytest.raises(RuntimeError, match="is no index"):
            load_sharded(tmp_path)


# --- Orbax ------------------------------------------------------------------------------------------------------------


def training(fill):
    return {
        "model": {"w": torchlike.full((2, 3), fill), "b": torchlike.full((2,), fill).double()},
        "half": torchlike.full((3,), fill, dtype=torchlike.bfloat16),
        "optimizer": {"state": {0: {"step": torchlike.tensor(fill)}}, "param_groups": [{"lr": fill, "params": [0]}]},
        "epoch": int(fill), "nothing": {}, "name": f"run {fill}",
    }  # fmt: skip


def test_states_in_parts(tmp_path):
    pytest.importorskip("orbax.checkpoint", reason="states in parts are written by Orbax")
    checkpoint.save(training(1.0), checkpoint_id=tmp_path / "c")
    checkpoint.save(training(2.0), checkpoint_id=tmp_path / "c")  # takes the place of the first
    assert len(list((tmp_path / "c").iterdir())) == 2
    state = training(0.0)
    held = state["model"]["w"]
    checkpoint.load(state, checkpoint_id=tmp_path / "c")
    assert plain(state) == plain(training(2.0))
    assert held.tolist() == [[2, 2, 2], [2, 2, 2]]  # in place
    part = {"model": {"b": torchlike.zeros(2, dtype=torchlike.float64)}}
    checkpoint.load(part, checkpoint_id=tmp_path / "c")
    assert part["model"]["b"].tolist() == [2, 2]
    with pytest.raises(RuntimeError, match=r"Missing key in checkpoint state_dict: model\.c\."):
        checkpoint.load({"model": {"c": torchlike.zeros(1)}}, checkpoint_id=tmp_path / "c")
    with pytest.raises(RuntimeError, match="does not fit|Size mismatch"):
        checkpoint.load({"half": torchlike.zeros(4, dtype=torchlike.bfloat16)}, checkpoint_id=tmp_path / "c")
    with pytest.raises(NotImplementedError, match="planner="):
        checkpoint.load(state, checkpoint_id=tmp_path / "c", planner=3)
    with pytest.raises(ValueError, match="needs checkpoint_id"):
        checkpoint.save(state)


@pytest.mark.parametrize(
    "module", ["serialization", "serialization.safetensors", "serialization.sharded", "distributed.checkpoint.parts"]
)
def test_examples_in_the_docstrings_run(module):
    if module.endswith("parts"):
        pytest.importorskip("orbax.checkpoint", reason="states in parts are written by Orbax")
    results = doctest.testmod(importlib.import_module(f"torchlike.{module}"))
    assert results.failed == 0
    assert results.attempted > 0
