"""Small work without a compiler: a trace evaluated with NumPy, one primitive after the other.

A `Plan` is a trace as steps over numbered registers, for all sizes where the trace has symbols in it
(core/symbolic.py); at given sizes it makes an `Interpreter`, which is called with arrays.

XLA takes tens of milliseconds to compile even one addition, and some thirty microseconds to call it. A trace of small
arrays is done by then: so the first gear asks here first (core/program.py), and what is rare, small or both is never
compiled. A trace that needs a primitive without a rule has no interpreter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.dtypes import float0
from jax.extend.core import ClosedJaxpr, Literal

from torchlike.core import symbolic
from torchlike.core.calls import CALLS, CHECKPOINTS, called
from torchlike.core.interpreter import along, elements, shapes, table, windows  # noqa: F401  they file the rules
from torchlike.core.symbolic import Sizes

SMALL = 2**12
"""An interpreter of this cost (in elements touched) is cheaper than calling a compiled function, however often."""

AFFORDABLE = 2**24
"""An interpreter of this cost is cheaper than compiling, if it is for a time or two."""

_STEP = 256  # what a primitive costs beside its elements: a microsecond


class Plan:
    """A trace as equations over numbered registers."""

    __slots__ = ("equations", "constants", "inputs", "outputs", "cost", "kept", "warns")

    def __init__(self, closed: ClosedJaxpr):
        self.equations: list[tuple[Callable, bool, list[int], list[int]]] = []
        """(what runs it, or whether that must be made for the sizes first, registers in and out)"""
        self.constants: list[Any] = []
        self.cost: Any = 0  # a number or an expression of symbols
        self.warns = False  # whether NumPy may warn of what it computes
        places: dict = {}
        jaxpr: Any = closed.jaxpr
        self.inputs = [v.aval.dtype for v in jaxpr.invars]
        self.constants += [None] * len(self.inputs)
        places.update((v, i) for i, v in enumerate(jaxpr.invars))
        self.outputs = self._inline(jaxpr, closed.consts, places)
        self.cost += sum(v.aval.size for v in jaxpr.outvars)
        self.kept = {id(_memory(x)) for x in self.constants if x is not None}
        self._share_registers()

    def _inline(self, jaxpr, constants: Sequence, places: dict) -> list[int]:
        """Append the equations of a trace whose inputs have their places, and return those of its outputs."""
        for v, value in zip(jaxpr.constvars, constants, strict=True):
            places[v] = self._constant(np.asarray(value))
        for eqn in jaxpr.eqns:
            ins = [self._place(v, places) for v in eqn.invars]
            if eqn.primitive.name in CALLS or eqn.primitive.name in CHECKPOINTS:
                inner, consts = called(eqn)
                there = dict(zip(inner.invars, ins, strict=True))
                places.update(zip(eqn.outvars, self._inline(inner, consts, there), strict=True))
                continue
            outs = [self._constant(None) for _ in eqn.outvars]
            places.update(zip(eqn.outvars, outs, strict=True))
            self.equations.append((*self._step(eqn), ins, outs))
        return [self._place(v, places) for v in jaxpr.outvars]

    def _step(self, eqn) -> tuple[Callable, bool]:
        """What runs an equation, or makes that of the sizes, and which of the two it is."""
        self.cost += _STEP
        if eqn.primitive.name == "cond":
            branches = [Plan(branch) for branch in eqn.params["branches"]]
            self.cost += sum(branch.cost for branch in branches)
            self.warns |= any(branch.warns for branch in branches)
            return lambda sizes: _choice([branch.at(sizes) for branch in branches]), True
        self.cost += table.work(eqn)
        self.warns |= eqn.primitive.name not in table.VIEWS
        make = table.maker(eqn)
        if eqn.primitive.name in table.UNSIZED or not (sized := _Sized(eqn)).varies:
            return make(eqn), False
        return lambda sizes: make(sized.at(sizes)), True

    def _share_registers(self) -> None:
        """Let a result take the register of one that no later step reads, so that its memory is free by then."""
        last = {r: n for n, (*_, ins, _) in enumerate(self.equations) for r in ins}
        last |= dict.fromkeys(self.outputs, len(self.equations))
        mine: dict[int, int] = {}  # the registers of results
        free: list[int] = []
        for n, (*step, ins, outs) in enumerate(self.equations):
            shared = [mine.get(r, r) for r in ins]
            free += [mine[r] for r in set(ins) if r in mine and last[r] == n]
            mine.update((r, free.pop() if free else r) for r in outs)
            self.equations[n] = *step, shared, [mine[r] for r in outs]  # type: ignore[assignment]
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

    def at(self, sizes: Sizes) -> Interpreter | None:
        """The interpreter at sizes of the symbols; None where a rule is missing there or it costs too much."""
        cost = symbolic.at(self.cost, sizes)
        if cost > AFFORDABLE:
            return None
        try:
            steps = [(run(sizes) if sized else run, ins, outs) for run, sized, ins, outs in self.equations]
        except table.NoRule:
            return None
        return Interpreter(self, steps, cost)


def _choice(branches: list[Interpreter | None]) -> Callable:
    if None in branches:
        raise table.NoRule

    def choose(index, *arrays):
        results = branches[min(max(int(index), 0), len(branches) - 1)](*arrays)
        return results[0] if len(results) == 1 else results

    return choose


class _Variable:
    """An array in an equation: it is its own description."""

    __slots__ = ("shape", "dtype", "aval")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype):
        self.shape, self.dtype, self.aval = shape, dtype, self

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class _Equation:
    """What the rules read of an equation of JAX's, at given sizes."""

    __slots__ = ("primitive", "invars", "outvars", "params")

    def __init__(self, primitive, invars: list, outvars: list, params: dict[str, Any]):
        self.primitive, self.invars, self.outvars, self.params = primitive, invars, outvars, params


class _Sized:
    """An equation for all sizes: what of it is the same at all, and what varies."""

    __slots__ = ("primitive", "variables", "ins", "params", "expressions", "varies")

    def __init__(self, eqn):
        self.primitive, self.ins = eqn.primitive, len(eqn.invars)
        self.variables = [v if symbolic.known(v.aval.shape) else v.aval for v in (*eqn.invars, *eqn.outvars)]
        self.params = eqn.params
        self.expressions = [(name, value) for name, value in eqn.params.items() if symbolic.within(value)]
        self.varies = bool(self.expressions) or any(not hasattr(v, "aval") for v in self.variables)

    def at(self, sizes: Sizes) -> _Equation:
        variables = [v if hasattr(v, "aval") else _Variable(symbolic.at(v.shape, sizes), v.dtype)
                     for v in self.variables]  # fmt: skip
        params = self.params | {name: symbolic.at(value, sizes) for name, value in self.expressions}
        return _Equation(self.primitive, variables[: self.ins], variables[self.ins :], params)


class Interpreter:
    """A plan at given sizes. Called with arrays and Python numbers, it returns NumPy arrays."""

    __slots__ = ("plan", "steps", "cost")

    def __init__(self, plan: Plan, steps: list[tuple[Callable, list[int], list[int]]], cost: int):
        self.plan = plan
        self.steps = steps
        self.cost = cost

    def __call__(self, *arrays) -> list[np.ndarray]:
        plan = self.plan
        registers = plan.constants.copy()
        for i, (x, dtype) in enumerate(zip(arrays, plan.inputs, strict=True)):
            registers[i] = x if x.__class__ is np.ndarray else np.asarray(x, dtype)
        if plan.warns:
            with np.errstate(all="ignore"):
                self._run(registers)
        else:
            self._run(registers)
        taken = {*plan.kept, *[id(_memory(x)) for x in arrays if x.__class__ is np.ndarray]}
        return [_given(registers[i], taken) for i in plan.outputs]

    def _run(self, registers: list) -> None:
        for step, ins, outs in self.steps:
            result = step(*[registers[i] for i in ins])
            if len(outs) == 1:
                registers[outs[0]] = result
            else:
                for place, part in zip(outs, result, strict=True):
                    registers[place] = part


def _memory(array: np.ndarray):
    """What holds the memory of an array."""
    while array.__class__ is np.ndarray and array.base is not None:
        array = array.base
    return array


def _given(array: np.ndarray, taken: set[int]) -> np.ndarray:
    """A result with memory of its own: a step may have given a view of what is `taken`, or of something larger."""
    memory = _memory(array)
    if memory.__class__ is not np.ndarray or id(memory) in taken or memory.nbytes != array.nbytes:
        array = memory = np.array(array, order="C")
    elif not array.flags.c_contiguous:
        array = memory = np.ascontiguousarray(array)
    taken.add(id(memory))
    array.flags.writeable = False
    return array


def plan(closed: ClosedJaxpr) -> Plan | None:
    """The plan of a trace, or None where it has a primitive without a rule."""
    try:
        return Plan(closed)
    except table.NoRule:
        return None
