"""The tape: operations are noted down here and run together at the next barrier.

Recording appends an entry `(spec, input slots)`; slots number the leaves and the outputs of a batch in the order of
their first use, so the flat list of specs and slots is the batch's structure and, with what is still alive, its key.
`docs/architecture.md` lists the barriers.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from torchlike.core import capture, explain, program
from torchlike.core.device import x64
from torchlike.core.spec import Spec
from torchlike.core.value import Aval, Value

new = object.__new__

LIMIT = 2000
"""A batch of this many entries runs without waiting for a barrier, so that an endless recording stays bounded."""


class Batch:
    """What has been recorded since the last barrier."""

    __slots__ = ("tape", "entries", "key", "leaves", "leaf_slots", "outs", "n_slots", "sites", "whole",
                 "program")  # fmt: skip

    def __init__(self, tape: Tape):
        self.tape = tape
        self.entries: list = []  # (spec, input slots, first output slot)
        self.key: list = []
        self.leaves: list = []  # Values that exist and Python numbers
        self.leaf_slots: list[int] = []
        self.outs: list[Value] = []  # all pending ones; which of them somebody else holds is counted when they run
        self.n_slots = 0
        self.program: Any = None  # what ran it
        self.whole = False  # recorded under torch.compile: the second gear at once
        self.sites: list[str] = []  # the user's lines, noted only while explain() asks for them

    def mark(self) -> tuple[int, int, int]:
        """How much has been recorded."""
        return len(self.entries), len(self.key), len(self.leaves)

    def since(self, mark: tuple[int, int, int], given: list) -> Part | None:
        """What has been recorded since a mark, if its leaves are all among the `given` values and numbers."""
        entries, key, leaves = mark
        places = {id(v): i for i, v in enumerate(given) if v.__class__ is Value}
        uses = [i for i, v in enumerate(given) if v.__class__ is not Value]  # a number is a leaf for each use
        numbers = []
        for leaf in self.leaves[leaves:]:
            i = places.get(id(leaf)) if leaf.__class__ is Value else uses.pop(0) if uses else None
            if i is None or given[i] is not leaf:
                return None
            numbers.append(i)
        return Part(self.n_slots, self.entries[entries:], self.key[key:], self.leaf_slots[leaves:], numbers)


class Part(NamedTuple):
    """A part of a batch, which can be put behind another beginning with as many slots."""

    n_slots: int  # of the batch with it
    entries: list
    key: list
    leaf_slots: list[int]
    leaves: list[int]  # their numbers among the values that are given


class Tape:
    """The pending work of one thread on one device."""

    def __init__(self, device):
        self.device = device
        self.lock = threading.RLock()
        self.batch = Batch(self)
        self.eager = False  # debugging gear: a barrier after every operation
        self.compile_now = 0  # > 0 inside torch.compile: the second gear at once

    def record(self, spec: Spec, inputs: list) -> list[Value]:
        """Note down one operation; its outputs are pending values."""
        if spec.traced:
            return run_now(spec, inputs)
        with self.lock:
            batch = self.batch
            slot = batch.n_slots
            key = batch.key
            key.append(spec)
            start = len(key)
            for v in inputs:
                if v.__class__ is Value:
                    place = v.place
                    if place[0] is batch:
                        key.append(place[1])
                        continue
                    if v.array is None:  # pending on another thread's tape
                        batch.n_slots = slot  # where nothing can be given, this operation was never recorded
                        rest = key[start - 1 :]
                        del key[start - 1 :]
                        v.get()
                        key += rest
                    v.place = (batch, slot)
                key.append(slot)
                batch.leaves.append(v)
                batch.leaf_slots.append(slot)
                slot += 1
            entries = batch.entries
            entries.append((spec, key[start:], slot))
            outs = []
            for aval in spec.outs:
                out = new(Value)  # the constructor's work without its call: this is the hot path
                out.aval = aval
                out.array = out.counted = None
                out.place = (batch, slot)
                out.exported = False
                outs.append(out)
                slot += 1
            batch.outs += outs
            batch.n_slots = slot
            if explain.watching:
                explain.recorded(batch, spec, inputs, outs)
            if self.eager or len(entries) >= LIMIT and capture.active is None:
                self.flush()
            return outs

    def repeat(self, part: Part, given: list, wanted: list[tuple[Aval, int]]) -> list[Value]:
        """Note down a part again, with other leaves; the pending values of the slots that are wanted."""
        with self.lock:
            batch = self.batch
            for i, slot in zip(part.leaves, part.leaf_slots, strict=True):
                if given[i].__class__ is Value:
                    given[i].place = (batch, slot)
                batch.leaves.append(given[i])
            batch.leaf_slots += part.leaf_slots
            batch.entries += part.entries
            batch.key += part.key
            batch.n_slots = part.n_slots
            outs = [Value(aval, None, (batch, slot)) for aval, slot in wanted]
            batch.outs += outs
            if len(batch.entries) >= LIMIT:
                self.flush()
            return outs

    def flush(self) -> None:
        """The barrier: run what is pending. See `docs/architecture.md` for who calls it."""
        with self.lock:
            batch = self.batch
            if not batch.entries:
                return
            if capture.active is not None and capture.active.batch is batch:
                capture.active.refuse()
            self.batch = Batch(self)
            with x64():
                program.run(batch, batch.whole or self.compile_now > 0)


def run_now(spec: Spec, inputs: list) -> list[Value]:
    """Inside a JAX transformation the same functions run directly on its tracers."""
    arrays = [v.get() if v.__class__ is Value else v for v in inputs]
    with x64():
        outs = spec.fn(*arrays)
    outs = (outs,) if spec.single else outs
    # a result that depends on no input is a constant of the trace, not yet an array
    arrays = [x if isinstance(x, jax.Array) else jnp.asarray(x) for x in outs]
    return [Value(aval, array) for aval, array in zip(spec.outs, arrays, strict=True)]


class _Tapes(threading.local):
    def __init__(self):
        self.of: dict = {}
        self.eager = False
        self.compile_now = 0


_tapes = _Tapes()


def tape(device) -> Tape:
    """This thread's tape for a device."""
    found = _tapes.of.get(device)
    if found is None:
        found = _tapes.of[device] = Tape(device)
        found.eager, found.compile_now = _tapes.eager, _tapes.compile_now
    return found


def barrier() -> None:
    """Run everything this thread has recorded, on every device; a captured function is no place for it, it goes on."""
    if capture.active is not None:
        capture.active.ends_step = True
        return
    for t in _tapes.of.values():
        t.flush()


def set_eager(on: bool) -> bool:
    """Switch the debugging gear of this thread; returns what it was."""
    barrier()
    was, _tapes.eager = _tapes.eager, on
    for t in _tapes.of.values():
        t.eager = on
    return was


def compile_now(step: int) -> None:
    """+1 on entering, -1 on leaving a region whose programs are compiled whole at first sight."""
    _tapes.compile_now += step
    for t in _tapes.of.values():
        t.compile_now = _tapes.compile_now
        t.batch.whole |= step < 0 and bool(t.batch.entries)
