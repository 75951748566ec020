"""Forward mode: tangents of values, computed beside every operation while a level is open.

A level holds a table from values to their tangents. Values are immutable, so memory, views and in-place writes need
nothing of their own: whatever tensor shows a value shows its tangent. While a level is open, every operation on a value
in its table is followed by `jax.jvp` of its body, recorded on the tape like any other operation; so tangents have a
history if the primals have one, and the operations of a backward pass have tangents too. A level inside another one
takes part in it: what it records is seen by the levels below.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import jax
from jax import lax

from torchlike.core import batching, graph, variable
from torchlike.core.batching import Batched
from torchlike.core.op import SLOT, Array, Op
from torchlike.core.spec import Spec
from torchlike.core.value import Value
from torchlike.core.variable import Variable, apply
from torchlike.core.view import View


class JvpOp(Op):
    """The tangents of one use of an op: a function of its inputs and of the tangents of those that move."""

    def __init__(self, use: Spec, moving: tuple[bool, ...]):
        self.use = use
        self.moving = moving
        self.name = f"{use.op.name}_jvp"
        self.grad_name = use.op.grad_of(use).replace("Backward", "JvpBackward")
        self.differentiable = use.op.differentiable

    def function(self, template: tuple) -> Callable:
        use, moving, n = self.use, self.moving, len(self.moving)

        def tangents(*inputs):
            primals = inputs[:n]

            def of_moving(*chosen):
                rest = iter(chosen)
                return use.fn(*[next(rest) if m else p for p, m in zip(primals, moving, strict=True)])

            start = tuple([p for p, m in zip(primals, moving, strict=True) if m])
            made = jax.jvp(of_moving, start, tuple(inputs[n:]))[1]
            made = (made,) if use.single else made
            return tuple([t for t, o in zip(made, use.outs, strict=True) if o.inexact])

        return tangents


class Level:
    """One forward pass in progress. With `keep` it notes what it does, to be done again with other tangents."""

    def __init__(self, depth: int, keep: bool = False):
        self.tangents: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()
        self.depth = depth  # how many `vmap` were in progress: what they do inside is seen behind
        self.steps: list | None = [] if keep else None

    def dual(self, x: Any, tangent: Any) -> Any:
        """Another tensor over the memory of `x`, that moves with this tangent."""
        made = self.primal(x)
        self.tangents[made._read()] = tangent
        return made

    def tangent(self, x: Any) -> Any:
        """The tangent of a tensor, or None."""
        return self.tangents.get(x._read())

    def primal(self, x: Any) -> Any:
        """Another tensor over the memory of `x`, that does not move."""
        x._read()  # a view may have to follow a write, and that the level must see
        with outside(self):
            return ALIAS((SLOT,), [x])

    def step(self, run: Callable, values: list, outs: list) -> None:
        """Give the values `outs` their tangents: `run` makes them from those of `values`, None where there is none."""
        for out, t in zip(outs, run([self.tangents.get(v) for v in values]), strict=True):
            if t is not None:
                self.tangents[out] = t
        if self.steps is not None:
            self.steps.append((run, values, outs))

    def again(self, start: list, tangents: list, ends: list) -> list:
        """What the noted steps make of other tangents of the values `start`: the tangents of the values `ends`."""
        found = dict(zip(start, tangents, strict=True))
        for run, values, outs in self.steps or ():
            given = [found.get(v) for v in values]
            if any(t is not None for t in given):
                found.update((out, t) for out, t in zip(outs, run(given), strict=True) if t is not None)
        return [found.get(v) for v in ends]


class _Levels(threading.local):
    def __init__(self) -> None:
        self.open: list[Level] = []


_levels = _Levels()
_lock = threading.Lock()
_n_open = 0  # in all threads


def open_levels() -> list[Level]:
    """The levels in progress in this thread, the outermost first."""
    return _levels.open


def enter(keep: bool = False) -> Level:
    """Begin a level."""
    global _n_open
    vmap = batching.current()
    level = Level(vmap.depth if vmap else 0, keep)
    _levels.open = [*_levels.open, level]
    with _lock:
        _n_open += 1
        variable.pushed = _push
    return level


def leave(level: Level) -> None:
    """End it, and with it all its tangents."""
    global _n_open
    _levels.open = [other for other in _levels.open if other is not level]
    with _lock:
        _n_open -= 1
        if not _n_open:
            variable.pushed = None


@contextlib.contextmanager
def level(keep: bool = False) -> Iterator[Level]:
    """A block with a level of its own."""
    made = enter(keep)
    try:
        yield made
    finally:
        leave(made)


@contextlib.contextmanager
def only(levels: list[Level]) -> Iterator[None]:
    """A block in which just these of the open levels are seen."""
    was, _levels.open = _levels.open, levels
    try:
        yield
    finally:
        _levels.open = was


def outside(level: Level) -> Any:
    """A block that one level does not see."""
    return only([other for other in _levels.open if other is not level])


def depth_of(value: Value) -> int:
    """How many `vmap` deep a value is."""
    array: Any = value.array
    return array.depth if array.__class__ is Batched else 0


def _push(use: Spec, inputs: list, values: list, outs: list, track: bool | None) -> None:
    """After an operation: give its results the tangents they have in the open levels."""
    levels = _levels.open
    if not levels or not use.differentiable:
        return
    for i, level in enumerate(levels):
        table = level.tangents
        moving = tuple([v.__class__ is Value and v in table for v in values])
        if True not in moving or depth_of(outs[0]) > level.depth:
            continue
        _refuse(use, moving)
        given = [_as_it_is(x, v) for x, v in zip(inputs, values, strict=True)]
        run = _run_of(use, moving, given, graph.mode.grad if track is None else track)
        with only(levels[:i]):
            level.step(
                run, [v for v, m in zip(values, moving, strict=True) if m],
                [v for v, o in zip(outs, use.outs, strict=True) if o.inexact],
            )  # fmt: skip


def _as_it_is(x: Any, value: Any) -> Any:
    """An input as the operation saw it, whatever is written into it later."""
    return batching.snapshot(x) if isinstance(x, Variable) and x._edge() is not None else value


def _run_of(use: Spec, moving: tuple[bool, ...], inputs: list, track: bool) -> Callable:
    def run(tangents: list) -> list:
        """The tangents of the results; where only some inputs move, a smaller rule does."""
        rest = iter(tangents)
        given = [next(rest) if m else None for m in moving]
        moves = tuple([t is not None for t in given])
        op = use.rules.get(("jvp", moves))
        if op is None:
            op = use.rules["jvp", moves] = JvpOp(use, moves)
        made = apply(op, (), [*inputs, *[t for t in given if t is not None]], track=track)
        return list(made)

    return run


def _refuse(use: Spec, moving: tuple[bool, ...]) -> None:
    """PyTorch's errors where it has no derivative."""
    if use.op.grad_of(use) == "NotImplemented":
        raise NotImplementedError(
            f"Trying to use forward AD with {use.op.name} that does not support it because it has not been implemented "
            "yet."
        )
    for i, name in (use.op.missing or {}).items():
        if moving[i]:
            raise NotImplementedError(f"the derivative for '{name}' is not implemented.")


def carry(before: Value, now: Value) -> None:
    """The same value under another name keeps its tangents."""
    for level in _levels.open:
        if (t := level.tangents.get(before)) is not None:
            level.tangents[now] = t


def moves(x: Any) -> bool:
    """Whether a tensor has a tangent in some level."""
    value = x._read()
    return any(value in level.tangents for level in _levels.open)


def still(x: Any) -> Any:
    """The memory of a tensor that moves, out of the graph and without a tangent in any level."""
    return _STILL((SLOT,), [x._alias()])


def base(x: Any) -> Any:
    """What holds the memory of a tensor: its root, or a dual tensor that shows all of it, which has the tangent."""
    while x._parent is not None and not (x._step[0] is ALIAS and _is_whole(x)):
        x = x._up()
    return x


def _is_whole(x: Any) -> bool:
    return x._geometry() == (shape := x._root()._aval().shape, variable.contiguous_strides(shape), 0)


def _same(input: Array):
    return input


def _stopped(input: Array):
    return lax.stop_gradient(input)


def _write(input: Array, value: Array):
    return value


def _geometry(input):
    return input


ALIAS = View("alias", _same, _write, _geometry, grad="AliasBackward0")
_STILL = View("detach", _stopped, _write, _geometry)
_STILL.read.differentiable = False

batching.renamed = carry
