"""Views: ways to look at memory, and when they are read.

On the CPU a view reads nothing when it is made: its shape and its node in the graph need no elements. An operation on
it notes the read down on the tape before itself. Who looks at the elements (`item()`, `tolist()`, `print()`) needs no
entry for that: sizes, strides and offset say where they lie in the array of the memory, so `x[i].item()` runs nothing.
Either way the view has its value from then on, until a write into the memory makes it read again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from torchlike.core import capture, explain, variable
from torchlike.core.cell import Cell
from torchlike.core.device import cpu
from torchlike.core.grad_mode import mode, watching
from torchlike.core.graph import Node, node_class
from torchlike.core.layout import strided_view
from torchlike.core.op import SLOT, Op, enter
from torchlike.core.spec import Spec, spec
from torchlike.core.tape import run_now, tape
from torchlike.core.value import SCALARS, Value
from torchlike.core.variable import Variable, apply, new

_INT = SCALARS[int]


class View:
    """A way to look at memory: `read` takes the view out of its parent, `write` puts it back, `geometry` says where
    its elements lie. All three have the same parameters after the first."""

    def __init__(
        self, name: str, read, write, geometry, *,
        grad: str | None = None, check: bool = False, repeats: bool = False,
        retypes: bool = False,
    ):  # fmt: skip
        self.name = name
        self.read = Op(name, read, grad=grad)
        self.read.shows = True
        self.write = Op(name + "_write", write, grad="torch::autograd::CopySlices")
        self.geometry = geometry
        self.check = check  # whether the geometry holds checks that shape inference cannot make
        self.repeats = repeats  # whether it may show one place in memory more than once
        self.retypes = retypes  # whether the elements of the view are of another type
        self.body = read

    def bind(self, args: tuple, kwargs: dict):
        return self.read.bind(args, kwargs)

    def place(self, template: tuple, geometry: tuple, scalars: list) -> tuple:
        """The geometry of a view of memory that is laid out so."""
        if not scalars:
            return _placed(self, template, geometry)
        rest = iter(scalars)
        return self.geometry(geometry, *[next(rest) if part is SLOT else part for part in template[1:]])

    def __call__(self, template: tuple, inputs: list) -> Variable:
        x, *scalars = inputs
        if not isinstance(x, Variable):
            raise TypeError(f"{self.name}(): argument 'input' (position 1) must be Tensor, not {type(x).__name__}")
        cell = x._cell
        shared = cell.__class__ is not Cell and not self.retypes
        strided: Any = self.place(template, x._geometry(), scalars) if self.check or shared else None
        if shared and (part := cell.part(x, strided)) is not None:
            return part
        use = self._put_off(x, template, scalars)
        if use is not None:
            result = new(cell)
            result._cached = use
            if (x._node is not None or x._requires_grad) and mode.grad and use.differentiable:
                result._node = _history(use, x, scalars)
        else:
            result = apply(self.read, template, inputs)
            result._cached, result._cell = _counted(cell, result._cell.value), cell
        result._seen = cell.version
        if mode.grad:
            result._parent = x
        else:
            tracked = bool(x._node or x._requires_grad)
            result._parent = x._alias() if tracked else x
            result._hidden = "inference" if mode.inference else "no_grad", tracked
        result._step = (self, template, scalars)
        result._strided = strided
        return result

    def _put_off(self, x: Variable, template: tuple, scalars: list) -> Spec | None:
        """The spec of a read that can wait; None for one that somebody hears of."""
        cell = x._cell
        if cell.__class__ is not Cell or x._parent is not None and x._seen != cell.version:
            return None
        if capture.active is not None or variable.pushed is not None or explain.observers:
            return None
        seen = x._aval()
        if seen.device is not cpu or seen.traced:
            return None
        avals = [seen]
        for s in scalars:
            if s.__class__ is not int:
                return None
            avals.append(_INT)
        use = spec(self.read, template, tuple(avals), cpu)
        return use if use.outs[0].dtype is cell.value.aval.dtype else None

    def noted(self, t: Variable) -> Value:
        """The read of a view, at last put on the tape. In a captured function it is made at once: a view of memory from
        outside is a leaf of what is captured, as if it had been read before."""
        _, _, scalars = t._step
        record = tape(cpu).record if capture.active is None else run_now
        (value,) = record(t._cached, [t._up()._read(), *scalars])
        return _counted(t._cell, value)

    def taken(self, t: Variable) -> Value | None:
        """What a view shows, copied from where it lies in the array of its memory; None where that has gaps or an order
        of its own, or lies on several devices."""
        root = t._root()
        array = root._cell.value.computed()
        if array.__class__ is not np.ndarray:
            if len(array.devices()) > 1:
                return None
            array.block_until_ready()  # raises what went wrong; NumPy would end the process
            array = np.asarray(array)
        if root._strided is not None or not array.flags.c_contiguous:
            return None
        part = strided_view(array, t._geometry(), (array.shape, (), 0)).copy()
        part.setflags(write=False)
        return _counted(t._cell, Value(t._cached.outs[0], part))


def _history(use: Spec, x: Variable, scalars: list) -> Node:
    """The node of a view whose read waits. What its gradient reads are places: sizes are in the spec."""
    rule = use.vjp((True, *[False] * len(scalars)))
    node = (rule.node or node_class(rule))(rule, [x._edge(), *[None] * len(scalars)], [None, *scalars])
    if watching:
        variable.note(node, [x, *scalars])
    return node


def _counted(cell: Cell, value: Value) -> Value:
    """The value that memory shows now, with the count of writes until then."""
    counter = cell.counter or cell.counted()
    value.counted = counter, counter[0]
    return value


@functools.lru_cache(2**12)
def _placed(view: View, template: tuple, geometry: tuple) -> tuple:
    return view.geometry(geometry, *template[1:])


def view(*names: str, geometry, write, **facts) -> Callable[[Any], Any]:
    """File the reading side of a view, together with its other two, under public names and return it unchanged."""

    def file(read):
        read.view = View(read.__name__.strip("_"), read, write, geometry, **facts)
        enter(read.view, names)
        return read

    return file
