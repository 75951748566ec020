"""Batches read ahead onto a device, and what `pin_memory` asks for."""

from __future__ import annotations

import re
import warnings
from collections import OrderedDict, namedtuple
from pathlib import Path

import numpy as np
import pytest

import torchlike as torch
from torchlike.nn.utils.rnn import pack_sequence
from torchlike.utils.data import DataLoader, IterableDataset, prefetch_to_device

Point = namedtuple("Point", "x y")


class Moving:
    """A batch that writes down when it is moved."""

    def __init__(self, number: int, log: list):
        self.number, self.log = number, log

    def to(self, device, non_blocking=False):
        self.log.append(("moved", self.number, str(device), non_blocking))
        return self


def reader(log: list, count: int = 4, fails: int | None = None):
    for i in range(count):
        if i == fails:
            raise KeyError("lost")
        yield Moving(i, log)


@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_the_next_batches_are_there_before_this_one_is_used(size):
    log: list = []
    for batch in prefetch_to_device(reader(log), "cpu", size):
        log.append(("used", batch.number))
    moved = [what for what in log if what[0] == "moved"]
    assert moved == [("moved", i, "cpu", True) for i in range(4)]
    for i in range(4):
        before = log[: log.index(("used", i))]
        assert sum(what[0] == "moved" for what in before) == min(i + size, 4)
        assert [what for what in before if what[0] == "used"] == [("used", j) for j in range(i)]


def test_nests_keep_their_kind():
    packed = pack_sequence([torch.ones(3), torch.ones(2)])
    array, moving = np.arange(3), Moving(0, [])
    batch = OrderedDict(
        a=(torch.arange(2), "text"), b=[Point(torch.ones(2), None)], c=packed, d=array, e=moving, f=b"bytes", g=7
    )
    (made,) = prefetch_to_device([batch], "cpu")
    assert (type(made), list(made)) == (OrderedDict, list("abcdefg"))
    assert (type(made["a"]), made["a"][0].tolist(), made["a"][1]) == (tuple, [0, 1], "text")
    assert (type(made["b"]), type(made["b"][0]), made["b"][0].y) == (list, Point, None)
    assert (type(made["c"]), made["c"].batch_sizes.tolist()) == (type(packed), [2, 2, 1])
    assert made["d"] is array
    assert (made["e"], moving.log) == (moving, [("moved", 0, "cpu", True)])
    assert (made["f"], made["g"]) == (b"bytes", 7)
    assert batch["a"][0].tolist() == [0, 1]  # what was given is as it was
    assert batch["b"][0].x.tolist() == [1, 1]


def test_an_error_comes_in_its_place():
    log: list = []
    it = iter(prefetch_to_device(reader(log, fails=2), "cpu", 3))
    assert [next(it).number, next(it).number] == [0, 1]
    with pytest.raises(KeyError, match="lost"):
        next(it)
    assert next(it, "ended") == "ended"


@pytest.mark.parametrize("options", [{}, {"num_workers": 1}], ids=["here", "worker"])
def test_batches_and_draws_are_the_loader_s(options):
    def epochs(prefetch):
        torch.manual_seed(3)
        loader = DataLoader(range(10), batch_size=3, shuffle=True, **options)
        loader = prefetch_to_device(loader) if prefetch else loader
        return len(loader), [[batch.tolist() for batch in loader] for _ in range(2)], torch.get_rng_state().tolist()

    assert epochs(True) == epochs(False)


class Watched(IterableDataset):
    closed = False

    def __iter__(self):
        try:
            yield from range(100)
        finally:
            self.closed = True


def test_leaving_early_ends_the_epoch():
    data = Watched()
    for batch in prefetch_to_device(DataLoader(data, batch_size=None), "cpu"):
        if batch == 1:
            break
    assert data.closed


def test_it_ends_with_what_it_reads_from():
    assert list(prefetch_to_device([], "cpu")) == []
    with pytest.raises(TypeError, match="has no len"):
        len(prefetch_to_device(iter([]), "cpu"))


@pytest.mark.parametrize("size", [0, -1, 1.5, True, None])
def test_sizes_that_are_none(size):
    with pytest.raises(ValueError, match=f"size should be a positive integer, but got size={size}"):
        prefetch_to_device([], "cpu", size)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there():
    with pytest.raises(AssertionError, match="not compiled with CUDA"):
        prefetch_to_device([], "cuda")


# --- pin_memory -------------------------------------------------------------------------------------------------------


class Sums:
    """A batch of the user's own kind."""

    pinned = False

    def __init__(self, samples):
        self.sum = sum(samples)

    def pin_memory(self):
        self.pinned = True
        return self


def test_without_an_accelerator_nothing_is_pinned(monkeypatch):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    loader = DataLoader(range(3), pin_memory=True, pin_memory_device="cuda", collate_fn=Sums)
    with pytest.warns(UserWarning, match="pin_memory") as caught:
        batches = list(loader)
    assert [str(w.message)[:33] for w in caught] == [
        "pin_memory_device is deprecated, ", "'pin_memory' argument is set as t"
    ]  # fmt: skip
    assert {w.filename for w in caught} == {__file__}
    assert [(batch.sum, batch.pinned) for batch in batches] == [(0, False), (1, False), (2, False)]


@pytest.mark.parametrize("options", [{}, {"num_workers": 1}], ids=["here", "worker"])
def test_with_one_the_batch_s_own_pin_memory_is_called(monkeypatch, options):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    loader = DataLoader(range(4), batch_size=2, pin_memory=True, collate_fn=lambda x: {"sum": Sums(x)}, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        batches = list(loader)
    assert [(batch["sum"].sum, batch["sum"].pinned) for batch in batches] == [(1, True), (5, True)]


def test_tensors_say_that_they_are_not_pinned():
    x = torch.ones(2)
    assert x.pin_memory() is x
    assert not x.is_pinned()


def test_the_page_about_data_runs(capsys):
    page = (Path(__file__).parents[1] / "docs" / "data_and_files.md").read_text()
    for block in re.findall(r"```python\n(.*?)```", page, re.S):
        exec(compile(block, "docs/data_and_files.md", "exec"), {})
    assert capsys.readouterr().out == "1.0\n5.0\n9.0\n"
