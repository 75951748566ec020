"""A captured step as one call, without the tape.

A replay of a captured function is one entry on the tape: its inputs are recorded, its results wrapped and its structure
looked up, the same in every step. When the tape has run it once by itself, the program is known, and with it which
input is whose memory; from then on the program is called on that memory.

The arrays that a step overwrites, of parameters and of an optimizer's state, stay in a list from call to call, and
nothing is done for any single one. Their cells are `Resident`: whoever looks at one finds an ordinary cell, which the
next call takes in again. Whatever is not as it was when the tape ran goes to the tape again: something is pending, an
input has another type, or somebody else holds memory that the program would take over.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import repeat
from operator import attrgetter, is_
from typing import Any

import numpy as np

from torchlike.core import explain
from torchlike.core.cell import INFERENCE, Cell
from torchlike.core.device import x64
from torchlike.core.value import Value, aval


class Store:
    """The arrays that a step keeps, each under a number."""

    __slots__ = ("arrays", "calls", "since", "away")

    def __init__(self, n: int):
        self.arrays: list = [None] * n
        self.calls = 0  # how often the step has overwritten them
        self.since = [0] * n  # the calls there had been when an array was taken in
        self.away = list(range(n))  # those whose array is with its cells


def _of_cell(name: str) -> Any:
    """An attribute that makes the cell an ordinary one before anybody reads or sets it."""

    def read(self: Resident) -> Any:
        self.leave()
        return getattr(self, name)

    def write(self: Resident, new: Any) -> None:
        self.leave()
        setattr(self, name, new)

    return property(read, write)


class Resident(Cell):
    """A cell whose array is in a store until somebody looks. Its value is there, but without an array."""

    value = _of_cell("value")  # type: ignore[assignment]
    version = _of_cell("version")  # type: ignore[assignment]
    counter = _of_cell("counter")  # type: ignore[assignment]
    store: Store
    number: int

    def leave(self) -> None:
        """Become an ordinary cell that was written as often as the step was called."""
        store, n = self.store, self.number
        del self.store, self.number
        self.__class__ = Cell  # type: ignore[assignment]
        if store.arrays[n] is not None:  # else another cell of this value has brought it
            self.value.array, store.arrays[n] = store.arrays[n], None
            store.away.append(n)
        if writes := store.calls - store.since[n]:
            self.version += writes
            if (counter := self.counted()) is not INFERENCE:
                counter[0] += writes


def _holders(cell: Cell) -> int:
    """How many hold the value of a cell, as counted from here."""
    return sys.getrefcount(cell.value)


_ONE = _holders(Cell(Value(aval((), np.dtype(bool), None))))
_cell_of, _parent_of = attrgetter("_cell"), attrgetter("_parent")


def _only_value(cells: list[Cell]) -> Value | None:
    """The one value that all these cells hold and nobody else does."""
    holders = max(map(_holders, cells))  # the first look: what is resident leaves
    if any(cell.__class__ is not Cell for cell in cells):
        return None
    value = cells[0].value
    if holders != _ONE + len(cells) - 1 or value.exported or any(cell.value is not value for cell in cells):
        return None
    return value


class DirectCall:
    """The program that ran a batch of one entry, with the places of its inputs and outputs."""

    __slots__ = ("tape", "program", "store", "cells", "avals", "named", "named_cells", "fresh", "fresh_avals", "order",
                 "kept", "made", "places")  # fmt: skip

    def __init__(self, batch, sources: list, places: list, taken: list[tuple[list[Cell], int, int]]):
        spec, slots, first = batch.entries[0]
        self.tape = batch.tape
        self.program = batch.program
        self.store = Store(len(taken))
        self.cells = [cells for cells, _, _ in taken]
        self.avals = [spec.avals[k] for _, _, k in taken]
        self.named = [sources[k][1] for _, _, k in taken]
        self.named_cells = [x._cell for x in self.named]
        number = {k: n for n, (_, _, k) in enumerate(taken)}
        inputs = [slots.index(s) for s in self.program.leaf_slots]  # as the program takes them
        fresh = [k for k in inputs if k not in number]
        self.fresh = [sources[k] for k in fresh]
        """The sources of the inputs that are looked up in every call."""
        self.fresh_avals = [spec.avals[k] for k in fresh]
        self.order = [number[k] if k in number else len(taken) + fresh.index(k) for k in inputs]
        results = [s - first for s in self.program.alive]  # the numbers of the outputs, as the program gives them
        self.kept = [results.index(i) for _, i, _ in taken]
        overwritten = {i for _, i, _ in taken}
        self.made = [(i, n, spec.outs[i]) for n, i in enumerate(results) if i not in overwritten]
        self.places = [(place, i) for place, i in places if i not in overwritten]
        """Where a call's other outputs are to be written."""

    @classmethod
    def of(cls, batch, capture, overwritten: list[tuple[list[Cell], int, int]]) -> DirectCall | None:
        """The call that does what running this batch did, or None where it cannot be had.

        `overwritten`: the memories of the inputs that were overwritten, the output's number and the input's.
        """
        if len(batch.entries) != 1 or batch.program is None or batch.program.executable is None:
            return None
        spec, slots, _ = batch.entries[0]
        donated = set(batch.program.donated)
        shown = [*[i for _, i in capture.grads], *[what for kind, what, *_ in capture.results if kind == "slot"]]
        taken = []
        for cells, i, k in overwritten:
            if spec.outs[i] is not spec.avals[k]:
                continue
            kind, x = capture.sources[k]
            if kind != "tensor" or not any(x._cell is cell for cell in cells):
                return None
            if slots[k] not in donated or i in shown or [j for _, j in capture.cells].count(i) != len(cells):
                return None  # somebody else held it: another program than that of a steady loop
            donated.remove(slots[k])
            taken.append((cells, i, k))
        return None if donated else cls(batch, capture.sources, capture.cells, taken)

    def __call__(self, look_up: Callable[[list], list]) -> dict[int, Value] | None:
        """The outputs that are no memory of the step's, by their numbers; None where the tape has to do it.

        `look_up` finds what some sources hold now.
        """
        executable = self.program.executable
        if executable is None or self.tape.batch.entries or self.tape.eager or explain.watching:
            return None
        if not (all(map(is_, map(_cell_of, self.named), self.named_cells))
                and all(map(is_, map(_parent_of, self.named), repeat(None)))):  # fmt: skip
            return None
        store = self.store
        arrays: list[Any] = []
        for x, expected in zip(look_up(self.fresh), self.fresh_avals, strict=True):
            if x.__class__ is float:
                arrays.append(x)
                continue
            if x.__class__ is not Value:
                if x._parent is not None:
                    return None
                x = x._cell.value
            if x.aval is not expected:
                return None
            array = x.array
            arrays.append(x.get() if array is None or array.__class__ is np.ndarray else array)
        x = None
        while store.away:
            if not self._take_in(store.away[-1]):
                return None
            store.away.pop()
        arrays = [*store.arrays, *arrays]
        arrays = [arrays[i] for i in self.order]
        explain.counts.programs += 1
        explain.counts.hits += 1
        with x64():
            made = self.program.execute(executable, arrays)
        store.arrays = [made[i] for i in self.kept]
        store.calls += 1
        return {i: Value(out, made[n]) for i, n, out in self.made}

    def _take_in(self, n: int) -> bool:
        """Take the array of a memory into the store, if nobody but its cells holds it."""
        cells, store = self.cells[n], self.store
        value = _only_value(cells)
        if value is None or value.aval is not self.avals[n]:
            return False
        store.arrays[n], store.since[n] = value.get(), store.calls
        value.array = value.counted = None
        for cell in cells:
            cell.store, cell.number = store, n  # type: ignore[attr-defined]
            cell.__class__ = Resident
        return True
