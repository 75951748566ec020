"""Small work without a compiler: a trace evaluated with NumPy, one primitive after the other.

XLA takes tens of milliseconds to compile even one addition, and some thirty microseconds to call it. A trace of small
arrays is done by then: so the first gear asks here first (core/program.py), and what is rare, small or both is never
compiled. A trace that needs a primitive without a rule has no interpreter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jax.dtypes import float0
from jax.extend.core import ClosedJaxpr, Literal

from torchlike.core.interpreter import along, elements, shapes, table, windows  # noqa: F401  they file the rules

SMALL = 2**12
"""An interpreter of this cost (in elements touched) is cheaper than calling a compiled function, however often."""

AFFORDABLE = 2**24
"""An interpreter of this cost is cheaper than compiling, if it is for a time or two."""

_STEP = 256  # what a primitive costs beside its elements: a microsecond
CALLS = {
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "remat2": "jaxpr", "checkpoint": "jaxpr",
    "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr",
}  # fmt: skip
"""Primitives that are a trace themselves, and the parameter that holds it."""


class Interpreter:
    """A trace as steps over numbered registers. Called with arrays and Python numbers, it returns NumPy arrays."""

    __slots__ = ("steps", "constants", "inputs", "outputs", "cost")

    def __init__(self, closed: ClosedJaxpr):
        self.steps: list[tuple[Callable, list[int], list[int]]] = []
        self.constants: list[Any] = []
        self.cost = 0
        places: dict = {}
        jaxpr: Any = closed.jaxpr
        self.inputs = [v.aval.dtype for v in jaxpr.invars]
        self.constants += [None] * len(self.inputs)
        places.update((v, i) for i, v in enumerate(jaxpr.invars))
        self.outputs = self._inline(closed, places)
        self._share_registers()
        self.cost += sum(v.aval.size for v in jaxpr.outvars)

    def _inline(self, closed, places: dict) -> list[int]:
        """Append the steps of a trace whose inputs have their places, and return those of its outputs."""
        jaxpr: Any = getattr(closed, "jaxpr", closed)
        for v, value in zip(jaxpr.constvars, getattr(closed, "consts", ()), strict=True):
            places[v] = self._constant(np.asarray(value))
        for eqn in jaxpr.eqns:
            ins = [self._place(v, places) for v in eqn.invars]
            inner = CALLS.get(eqn.primitive.name)
            if inner is not None:
                body = eqn.params[inner]
                there = dict(zip(getattr(body, "jaxpr", body).invars, ins, strict=True))
                places.update(zip(eqn.outvars, self._inline(body, there), strict=True))
                continue
            outs = [self._constant(None) for _ in eqn.outvars]
            places.update(zip(eqn.outvars, outs, strict=True))
            self.steps.append((self._cond(eqn) if eqn.primitive.name == "cond" else table.rule(eqn), ins, outs))
            self.cost += _STEP + table.work(eqn)
        return [self._place(v, places) for v in jaxpr.outvars]

    def _cond(self, eqn) -> Callable:
        branches = [Interpreter(branch) for branch in eqn.params["branches"]]
        self.cost += max(branch.cost for branch in branches)

        def choose(index, *arrays):
            results = branches[min(max(int(index), 0), len(branches) - 1)](*arrays)
            return results[0] if len(results) == 1 else results

        return choose

    def _share_registers(self) -> None:
        """Let a result take the register of one that no later step reads, so that its memory is free by then."""
        last = {r: n for n, (_, ins, _) in enumerate(self.steps) for r in ins}
        last |= dict.fromkeys(self.outputs, len(self.steps))
        mine: dict[int, int] = {}  # the registers of results
        free: list[int] = []
        for n, (step, ins, outs) in enumerate(self.steps):
            shared = [mine.get(r, r) for r in ins]
            free += [mine[r] for r in set(ins) if r in mine and last[r] == n]
            mine.update((r, free.pop() if free else r) for r in outs)
            self.steps[n] = step, shared, [mine[r] for r in outs]
        self.outputs = [mine.get(r, r) for r in self.outputs]

    def _place(self, v, places: dict) -> int:
        if not isinstance(v, Literal):
            return places[v]
        a: Any = v.aval
        if not isinstance(a.dtype, np.dtype) or a.dtype == float0:
            raise table.NoRule
        return self._constant(np.asarray(v.val, a.dtype))

    def _constant(self, value) -> int:
        self.constants.append(value)
        return len(self.constants) - 1

    def __call__(self, *arrays) -> list[np.ndarray]:
        registers = self.constants.copy()
        for i, (x, dtype) in enumerate(zip(arrays, self.inputs, strict=True)):
            registers[i] = x if x.__class__ is np.ndarray else np.asarray(x, dtype)
        with np.errstate(all="ignore"):
            for step, ins, outs in self.steps:
                result = step(*[registers[i] for i in ins])
                if len(outs) == 1:
                    registers[outs[0]] = result
                else:
                    for place, part in zip(outs, result, strict=True):
                        registers[place] = part
        results = [np.array(registers[i], order="C") for i in self.outputs]  # copies: a step may have given a view
        for array in results:
            array.flags.writeable = False
        return results


def interpreter(closed: ClosedJaxpr) -> Interpreter | None:
    """The interpreter of a trace, or None where it has a primitive without a rule or costs too much."""
    try:
        made = Interpreter(closed)
    except table.NoRule:
        return None
    return made if made.cost <= AFFORDABLE else None
