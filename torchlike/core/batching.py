"""Tensors with a dimension that the function under `vmap` does not see.

Inside `vmap` a tensor is an ordinary Variable whose value holds, in place of an array, the tensor behind it: `Batched`.
An operation on such values becomes one operation on the tensors behind, `jax.vmap` of the same body, recorded on the
tape like any other; so gradients flow through it, and blocks inside blocks need nothing new. History is kept on each
level apart: the tensors inside have the one that was made inside, the tensors behind them have the rest.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax

from torchlike.core import variable
from torchlike.core.graph import mode
from torchlike.core.op import SLOT, Array, Op
from torchlike.core.spec import Spec
from torchlike.core.value import Aval, Value, aval
from torchlike.core.variable import Variable, apply, wrap

_NO_VALUES = (
    "vmap: a value cannot be read inside vmap, as .item(), bool() and shapes that depend on values do: there is one "
    "for each element of the batch. Use operations on tensors instead, such as torch.where"
)


class Level:
    """One `vmap` in progress: how many it runs at once, and what draws of random numbers do."""

    def __init__(self, size: int, randomness: str, depth: int):
        self.size = size
        self.randomness = randomness
        self.depth = depth


renamed: Callable[[Value, Value], None] = None  # type: ignore[assignment]
"""Tells a forward pass that a value has another name (core/forward.py puts it here)."""


class _Levels(threading.local):
    def __init__(self) -> None:
        self.open: list[Level] = []
        self.others = 0  # further transforms of torch.func in progress


_levels = _Levels()


class Batched:
    """What stands in a value for an array: the tensor behind, with the batch as its first dimension if `spread`."""

    __slots__ = ("tensor", "depth", "spread")

    def __init__(self, tensor: Any, depth: int, spread: bool):
        self.tensor = tensor  # never written: `snapshot` made it
        self.depth = depth
        self.spread = spread

    def refuse(self, *args: Any, **kwargs: Any) -> Any:
        """PyTorch's error where a value is read."""
        raise RuntimeError(_NO_VALUES)

    __array__ = __jax_array__ = block_until_ready = __dlpack__ = refuse


def snapshot(x: Any) -> Any:
    """The present value of a tensor with its history, as a tensor that nobody writes into."""
    made = wrap(x._read())
    edge = x._edge()
    if edge is not None:
        made._node, made._nr = edge
    return made


def inside(x: Any, depth: int, spread: bool) -> Any:
    """The tensor that the function sees for this one behind it."""
    a = x._aval()
    return wrap(Value(aval(a.shape[1:] if spread else a.shape, a.dtype, a.device, traced=True),
                      Batched(snapshot(x), depth, spread)))  # fmt: skip


def behind(x: Any, level: Level) -> tuple[Any, bool]:
    """The tensor behind one that the function returned, and whether it has the batch; others stand for themselves."""
    array = x._read().array
    if array.__class__ is Batched and array.depth == level.depth:
        return snapshot(array.tensor), array.spread
    return x, False


def lift(x: Any) -> Any:
    """A tensor from outside as one of the innermost `vmap` in progress, so that gradients inside may end in it."""
    if not _levels.open:
        return x
    depth = _levels.open[-1].depth
    array = x._read().array
    return x if array.__class__ is Batched and array.depth == depth else inside(x, depth, False)


def detached(x: Any) -> Any:
    """A tensor inside, out of the graphs of all levels. Unlike elsewhere it has memory of its own."""
    value = x._read()
    array = value.array
    if array.__class__ is Batched:
        value = Value(value.aval, Batched(snapshot(array.tensor.detach()), array.depth, array.spread))
        return wrap(value)
    return x._alias()


def out_of_graph(x: Any) -> Any:
    """A tensor out of the graphs of all levels, which keeps its tangents; inside it has memory of its own."""
    value = x._read()
    array = value.array
    if array.__class__ is not Batched:
        return x._alias()
    made = Value(value.aval, Batched(snapshot(out_of_graph(array.tensor)), array.depth, array.spread))
    renamed(value, made)
    return wrap(made)


def enter(size: int, randomness: str) -> Level:
    """Begin a `vmap`."""
    level = Level(size, randomness, len(_levels.open) + 1)
    _levels.open.append(level)
    return level


def leave(level: Level) -> None:
    """End it."""
    _levels.open.remove(level)


def current() -> Level | None:
    """The innermost `vmap` in progress."""
    return _levels.open[-1] if _levels.open else None


def beside(made: Any, like: Any) -> Any:
    """A new tensor made for one inside: it has the batch too, so that it may be written into."""
    array = like._read().array if like._aval().traced else None
    if array.__class__ is not Batched or not array.spread:
        return made
    rows = array.tensor._aval().shape[0]
    whole = beside(made, array.tensor)
    return inside(whole.expand(rows, *made._aval().shape), array.depth, True)


class BatchedOp(Op):
    """One use of an op for a whole batch: `jax.vmap` of its trace."""

    def __init__(self, use: Spec, spread: tuple[bool, ...]):
        self.use = use
        self.name = use.op.name
        self.grad_name = use.op.grad_of(use)
        self.differentiable = use.op.differentiable
        self.missing = use.op.missing
        self.axes = tuple([0 if s else None for s in spread])

    def function(self, template: tuple) -> Any:
        return jax.vmap(self.use.fn, self.axes)


@contextlib.contextmanager
def below(level: Level) -> Iterator[None]:
    """A block outside this level and those inside it: what it computes with are the tensors behind."""
    was, _levels.open = _levels.open, _levels.open[: level.depth - 1]
    try:
        yield
    finally:
        _levels.open = was


@contextlib.contextmanager
def another(size: int, randomness: str) -> Iterator[Level]:
    """A block inside a level of its own."""
    level = enter(size, randomness)
    try:
        yield level
    finally:
        leave(level)


def innermost(tensors: list) -> Level | None:
    """The innermost level that one of these tensors belongs to."""
    arrays: list[Any] = [t._read().array for t in tensors]
    depth = max([a.depth for a in arrays if a.__class__ is Batched], default=0)
    return _levels.open[depth - 1] if depth else None


@contextlib.contextmanager
def transform() -> Iterator[None]:
    """A block in which `transforming()` is true."""
    _levels.others += 1
    try:
        yield
    finally:
        _levels.others -= 1


def transforming() -> bool:
    """Whether a transform of torch.func is in progress."""
    return bool(_levels.open or _levels.others)


def _run(use: Spec, inputs: list, values: list) -> tuple | None:
    """(outputs, inputs, values) of an operation on tensors inside a `vmap`, as `apply` goes on with them."""
    depth = max([v.array.depth for v in values if v.__class__ is Value and v.array.__class__ is Batched], default=0)
    if not depth:
        return None
    tensors: list = []
    spread: list[bool] = []
    inputs, values = list(inputs), list(values)
    for i, (x, v) in enumerate(zip(inputs, values, strict=True)):
        array = v.array if v.__class__ is Value else None
        if array.__class__ is Batched and array.depth == depth:
            tensors.append(array.tensor)
            spread.append(array.spread)
            continue
        if isinstance(x, Variable) and x._edge() is not None:
            # from outside, with a history: that belongs to the tensors behind
            held = snapshot(x)
            a = v.aval
            inputs[i] = values[i] = Value(aval(a.shape, a.dtype, a.device, traced=True), Batched(held, depth, False))
            x = held
        elif v.__class__ is Value:
            x = v
        tensors.append(x)
        spread.append(False)
    whole = any(spread)
    if whole:
        key: Any = ("batched", tuple(spread))
        op = use.rules.get(key)
        if op is None:
            op = use.rules[key] = BatchedOp(use, tuple(spread))
        made = apply(op, (), tensors)
    else:
        made = apply(use.op, use.template, tensors)
    made = [made] if isinstance(made, Variable) else made
    outs = [Value(_inner(o), Batched(t, depth, whole)) for o, t in zip(use.outs, made, strict=True)]
    return outs, inputs, values


def _inner(a: Aval) -> Aval:
    return aval(a.shape, a.dtype, a.device, traced=True)


def _same(input: Array):
    return input


SAME = Op("view_as", _same)


def fresh(x: Any) -> Any:
    """The same values as another tensor with a step of its own in the graph."""
    return apply(SAME, (SLOT,), [x], track=True)


def _written(target: Variable, value: Value) -> Any:
    """The value to put into the memory of `target`, which may lie outside the `vmap` that made it."""
    array: Any = value.array
    if array.__class__ is not Batched:
        return value
    there = target._read().array
    depth = there.depth if there.__class__ is Batched else 0
    while array.__class__ is Batched and array.depth > depth:
        if array.spread:
            raise RuntimeError(
                "vmap: inplace arithmetic(self, *extra_args) is not possible because there exists a Tensor `other` in "
                "extra_args that has more elements than `self`. This happened due to `other` being vmapped over but "
                "`self` not being vmapped over. Use the operation that returns a new tensor, or make `self` with "
                "new_zeros() or zeros_like() of a tensor that is vmapped over."
            )
        value = array.tensor._read()
        array = value.array
    if array.__class__ is Batched and not mode.grad and array.tensor._edge() is not None:
        return out_of_graph(wrap(value))._read()
    return value


variable.batched = _run
variable.unbatched = _written
