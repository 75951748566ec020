"""A captured step as one call, without the tape.

A replay of a captured function is one entry on the tape: its inputs are recorded, its results wrapped and its structure
looked up, the same in every step. When the tape has run it once by itself, the program is known, and with it which
input is whose memory; from then on the program is called on that memory. A parameter that the step overwrites keeps its
`Value`, which is given the new array. Whatever is not as it was when the tape ran goes to the tape again: something is
pending, an input has another type, or somebody else holds memory that the program would take over.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from torchlike.core import explain
from torchlike.core.cell import Cell
from torchlike.core.device import x64
from torchlike.core.value import Value, aval


def _holders(cell: Cell) -> int:
    """How many hold the value of a cell, as counted from here."""
    return sys.getrefcount(cell.value)


_ONE = _holders(Cell(Value(aval((), np.dtype(bool), None))))


def _free(cells: list[Cell]) -> bool:
    """Whether these memories hold one value and nobody else does."""
    first = cells[0]
    if _holders(first) != _ONE + len(cells) - 1 or first.value.exported:
        return False
    return len(cells) == 1 or all(cell.value is first.value for cell in cells)


class DirectCall:
    """The program that ran a batch of one entry, with the places of its inputs and outputs."""

    __slots__ = ("tape", "program", "order", "avals", "results", "outs", "taken")

    def __init__(self, batch, taken: list[tuple[list[Cell], int, int]]):
        spec, slots, first = batch.entries[0]
        self.tape = batch.tape
        self.program = batch.program
        self.order = [slots.index(s) for s in self.program.leaf_slots]  # of the inputs, as the program takes them
        self.avals = [spec.avals[i] for i in self.order]
        self.results = [s - first for s in self.program.alive]  # of the outputs, as it gives them
        self.outs = spec.outs
        self.taken = taken
        """The memories whose array the program takes over, and the numbers of the output and of the input they are."""

    @classmethod
    def of(cls, batch, overwritten: list[tuple[list[Cell], int, int]]) -> DirectCall | None:
        """The call that does what running this batch did, or None where it cannot be had.

        `overwritten`: the memories of the inputs that were overwritten, the output's number and the input's.
        """
        if len(batch.entries) != 1 or batch.program is None or batch.program.executable is None:
            return None
        spec, slots, _ = batch.entries[0]
        donated = set(batch.program.donated)
        for _, i, k in overwritten:
            if spec.outs[i] is spec.avals[k] and slots[k] not in donated:
                return None  # somebody else held it: another program than that of a steady loop
            donated.discard(slots[k])
        if donated:
            return None
        return cls(batch, [(cells, i, k) for cells, i, k in overwritten if spec.outs[i] is spec.avals[k]])

    def __call__(self, inputs: list) -> dict[int, Value] | None:
        """The outputs by their numbers; None where the tape has to do it."""
        executable = self.program.executable
        if executable is None or self.tape.batch.entries or self.tape.eager or explain.watching:
            return None
        arrays: list[Any] = []
        for k, expected in zip(self.order, self.avals, strict=True):
            x = inputs[k]
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
        for cells, _, k in self.taken:
            if not any(inputs[k]._cell is cell for cell in cells) or not _free(cells):
                return None
        explain.counts.programs += 1
        explain.counts.hits += 1
        with x64():
            made = self.program.execute(executable, arrays)
        values: dict[int, Value] = {}
        for cells, i, _ in self.taken:
            values[i] = cells[0].value
        for i, array in zip(self.results, made, strict=True):
            value = values.get(i)
            if value is None:
                values[i] = Value(self.outs[i], array)
            else:
                value.array = array
                value.counted = None
        return values
