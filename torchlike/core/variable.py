"""Names for values: storage cells, views on them, and the one way an op is applied to tensors.

A `Cell` is the memory several tensors may share: the present value and a version. A tensor is the whole of a cell, or
a view: a parent tensor and a step with a read and a write side. Every write, through whatever alias, ends as a new
value in the cell; a view whose version is old reads itself again from its parent, and so gets PyTorch's meaning of
aliasing and of gradients through in-place writes from pure functions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from torchlike.core import capture, former, graph
from torchlike.core import device as _device
from torchlike.core.cell import INFERENCE, Cell
from torchlike.core.grad_mode import inferring, mode, watching
from torchlike.core.graph import AccumulateGrad, AsStridedBackward0, Node, OpNode, node_class
from torchlike.core.op import SLOT, Op
from torchlike.core.spec import Spec, spec
from torchlike.core.tape import tape
from torchlike.core.value import SCALARS, Aval, Value, aval
from torchlike.core.writable import check_seen, check_writable

if TYPE_CHECKING:
    from torchlike.core.view import View

OWN = object()


class Variable:
    """The machinery under a Tensor: storage, view, history. Defaults stand on the class to keep creation cheap."""

    _cell: Cell
    _parent: Variable | None = None  # of a view
    _step: Any = None  # of a view: (View, template, scalar inputs)
    _seen = -1  # version of the cell when a view was last read
    _cached: Any = None  # what it read, or the spec of a read that nobody has asked for: see core/view.py
    _strided: tuple | None = None  # (sizes, strides, offset) where not contiguous from 0
    _former: tuple | None = None  # what it was before it became a view of itself: see core/former.py
    _turned = False  # whether it is a view only in here, and none to the user: of its former self, detached, transposed
    _output: int | None = None  # which of several views made by one call; autograd forbids writing into those
    _hidden: tuple | None = None  # the mode that kept a view out of the graph, and whether it would be in it
    _handed: tuple | None = None  # (output number, Function) of an input that a custom Function handed through
    _aside: list | None = None  # of what `.data` gave: its own counter of writes, which the memory's does not see
    _node: Node | None = None
    _nr = 0
    _requires_grad = False  # of a leaf
    _grad: Any = None
    _grad_dtype: Any = OWN  # of a leaf's grad: OWN for the tensor's, None for any
    _accumulator: AccumulateGrad | None = None
    _retains = False
    _accumulate_hooks: dict | None = None

    def _read(self) -> Value:
        """The present value."""
        if self._parent is None:
            return self._cell.value
        if self._seen != self._cell.version:
            view, template, scalars = self._step
            fresh = apply(view.read, template, [self._up(), *scalars], track=True)
            self._cached = fresh._cell.value
            counter = self._cell.counted()
            self._cached.counted = counter, counter[0]
            if self._node is not None or fresh._node is not None:
                self._node, self._nr = fresh._node, 0
                if fresh._node is not None and not view.retypes:
                    fresh._node.__class__ = AsStridedBackward0
            self._seen = self._cell.version
        elif self._cached.__class__ is Spec:
            self._cached = self._step[0].noted(self)
        return self._cached

    def _look(self) -> Value:
        """The present value, for somebody who looks at its elements now: that needs no operation."""
        if self._cached.__class__ is Spec and self._seen == self._cell.version:
            value = self._step[0].taken(self)
            if value is not None:
                self._cached = value
                return value
        return self._read()

    def _follow(self) -> None:
        """Bring the history of a view up to date."""
        if self._parent is not None and self._seen != self._cell.version:
            self._read()

    def _aval(self) -> Aval:
        if self._parent is None:
            return self._cell.aval
        if self._seen != self._cell.version:
            self._read()
        cached = self._cached
        return cached.outs[0] if cached.__class__ is Spec else cached.aval

    def _edge(self) -> tuple | None:
        """Where a gradient of this tensor goes: (node, output number), or None."""
        if self._node is not None:
            return self._node, self._nr
        if self._requires_grad:
            node = self._accumulator
            if node is None:
                node = self._accumulator = AccumulateGrad(self)
            return node, 0
        return None

    def _up(self) -> Any:
        """The parent of this view, as it was when the view was made."""
        p: Any = self._parent
        return p if p._former is None and p._cell is self._cell else former.settle(self, new)

    def _line(self) -> list[Variable]:
        """This view and the views it stands on, without the root."""
        line, t = [], self
        while t._parent is not None:
            line.append(t)
            t = t._up()
        return line

    def _above(self) -> list[Variable]:
        """What this view stands on, root included."""
        above, t = [], self
        while t._parent is not None:
            t = t._up()
            above.append(t)
        return above

    def _root(self) -> Any:
        root = self
        while root._parent is not None:
            root = root._up()
        return root

    def _alias(self) -> Any:
        """The same memory, out of the graph."""
        other = new(self._cell)
        if self._parent is not None:
            other._cached = self._read()
            other._seen, other._step, other._parent = self._seen, self._step, self._up()._alias()
        other._strided = self._strided
        return other

    def _counter(self) -> list:
        """The counter of writes of this memory, as seen through this tensor."""
        root = self._root()
        return root._cell.counted() if root._aside is None else root._aside

    _check_writable, _check_seen = check_writable, check_seen

    def _overlaps(self) -> bool:
        size, stride, _ = self._geometry()
        return 0 not in size and any(s == 0 and n > 1 for n, s in zip(size, stride, strict=True))

    def _assign(self, result: Variable) -> None:
        """Make `result` (of this tensor's shape and dtype) the content of this tensor's memory, history included."""
        node = result._node
        if isinstance(node, OpNode) and node.saved:
            was = self._cell.value if self._parent is None else self._cached
            node.writes |= node.saved[0] is was
        if self._parent is not None:
            if node is not None and mode.grad:
                self._check_seen(True)
            parent = self._up()
            lowest = self if self._overlaps() and self._step[0] is not write_strided else parent
            if any(t._step[0].repeats for t in lowest._line()):
                # this view, or what stands between, repeats memory: only the places themselves say what is written
                size, stride, offset = self._geometry()
                write_strided((SLOT, size, stride, SLOT), [memory(self), offset])._assign(result)
                return
            view, template, scalars = self._step
            whole = apply(view.write, (template[0], *template), [parent, result, *scalars])
            parent._assign(whole)
            return
        value, before = result._read(), self._node
        if value.aval.traced:
            value = unbatched(self, value)
        if self._aside is not None:
            self._aside[0] += 1
        elif before is not None and before.keeps_result and before.result_written is None and before is not node:
            counter = self._cell.counted()
            before.result_written = counter, counter[0]
        self._cell.set(value, self._aside is None)
        if mode.grad:
            self._node, self._nr = node, result._nr
            if node is not None:
                self._cell.counted()[1] = node.__class__
                if self._retains and before is not None:
                    before.move_retained(self, node)

    def _geometry(self) -> tuple:
        """(sizes, strides, offset) in elements of the cell, as PyTorch lays it out."""
        if self._strided is None:
            if self._parent is None:
                shape = self._aval().shape
                return shape, contiguous_strides(shape), 0
            view, template, scalars = self._step
            self._strided = view.place(template, self._up()._geometry(), scalars)
        return self._strided


result_type: type[Variable] = Variable  # tensor.py puts Tensor here
# ops/slicing.py puts these two here: the view at any places of a memory, and the whole memory under a tensor, in its
# order and dtype
write_strided: View = None  # type: ignore[assignment]
memory: Callable[[Variable], Variable] = None  # type: ignore[assignment]
# core/batching.py puts these two here: an operation on tensors inside `vmap`, and what a write takes out of it
batched: Callable[[Any, list, list], tuple | None] = None  # type: ignore[assignment]
unbatched: Callable[[Variable, Value], Value] = None  # type: ignore[assignment]
note: Callable[[OpNode, list], None] = None  # type: ignore[assignment]
"""What open blocks ask of a new node (core/saved.py puts it here)."""
pushed: Callable[[Any, list, list, list, bool | None], None] | None = None
"""While a forward pass is in progress: gives the results of an operation their tangents (core/forward.py)."""
casting: Callable[[Any, list], list] | None = None
"""While an autocast block is open: (op, inputs) to the inputs in other dtypes (amp/autocast_mode.py)."""


def new(cell: Cell) -> Any:
    t = object.__new__(result_type)
    t._cell = cell
    return t


def wrap(value: Value) -> Any:
    """A new tensor with memory of its own."""
    t = object.__new__(result_type)
    t._cell = cell = object.__new__(Cell)  # the constructor's work without its call: this is the hot path
    cell.value = value
    if inferring and mode.inference:
        cell.counter = INFERENCE
    return t


@functools.lru_cache(2**12)
def contiguous_strides(shape: tuple) -> tuple:
    strides = []
    step = 1
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def apply(op: Op, template: tuple, inputs: list, *, device=None, track: bool | None = None, bare: bool = False) -> Any:
    """Record `op` on tensors, values and Python numbers; returns a tensor, or a tuple of them.

    `track` overrides the grad mode: a view that reads itself again keeps the mode of its birth. With `bare`, for an op
    without a gradient, the values are returned, no tensors around them.
    """
    if casting is not None:
        inputs = casting(op, inputs)
    values: list = []
    avals: list[Aval] = []
    wanted = mixed = False
    a: Any
    for x in inputs:
        if isinstance(x, Variable):
            v = x._cell.value if x._parent is None else x._read()
            if x._node is not None or x._requires_grad:
                wanted = True
            a = v.aval
        elif (a := SCALARS.get(x.__class__)) is not None:
            v = x
            if x.__class__ is int and x.bit_length() > 63 and x != -(2**63):
                raise OverflowError("int too big to convert")
        else:
            v = x if x.__class__ is Value else _number(x, op, len(values))
            a = v.aval if v.__class__ is Value else SCALARS[v.__class__]
        if a.device is not device and not a.weak:
            if device is None:
                device = a.device
            else:
                mixed = True
        values.append(v)
        avals.append(a)
    if mixed:
        device, values, avals = _one_device(op, values, avals)
    recorder = tape(device or _device.cpu)
    use = spec(op, template, tuple(avals), recorder.device)
    if use.traced and (found := batched(use, inputs, values)) is not None:
        outs, inputs, values = found
    else:
        outs = recorder.record(use, values)
    if pushed is not None:
        pushed(use, inputs, values, outs, track)
    mask = node = None
    if wanted and use.differentiable and (mode.grad if track is None else track):
        edges = [x._edge() if a.inexact and isinstance(x, Variable) else None for x, a in zip(inputs, avals)]  # noqa: B905
        mask = tuple([e is not None for e in edges])
        if True in mask:
            rule = use.vjp(mask)
            node = (rule.node or node_class(rule))(rule, edges, values)
            if watching:
                note(node, inputs)
        else:
            mask = None
    if capture.active is not None:
        capture.active.recorded(inputs, mask)
    if bare:
        return outs
    if use.single:
        t = wrap(outs[0])
        t._node = node
        return t
    tensors = []
    for i, out in enumerate(outs):
        t = wrap(out)
        if node is not None and out.aval.inexact:
            t._node, t._nr = node, i
        tensors.append(t)
    return op.result(tensors)


def differentiate(node: OpNode, saved: list, cotangents: list) -> list:
    """The gradients of a node's inputs, recorded as an op; with the grad mode on, they have a history themselves."""
    rule = node.rule
    if rule.refusal is not None:
        raise rule.refusal[0](rule.refusal[1])
    given = tuple([c is not None for c in cotangents])
    primals = saved
    if mode.grad:
        primals = []
        for i, value in zip(rule.needed, saved, strict=True):
            edge = node.edges[i]
            if edge is not None:
                value = wrap(value)
                value._node, value._nr = edge
            primals.append(value)
    grads = iter(apply(rule.op(given), (), [*primals, *[c for c in cotangents if c is not None]], bare=not mode.grad))
    return [next(grads) if w else None for w in rule.wanted]


OpNode.run = staticmethod(differentiate)
graph.tensor = wrap


def _number(x, op: Op, position: int):
    """Something that is no tensor where a tensor or number is expected."""
    if isinstance(x, capture.LiveScalar):
        return x.get()
    if isinstance(x, np.generic):
        return x.item()
    if isinstance(x, np.ndarray) and x.ndim == 0:
        return x.item()
    if hasattr(x, "aval"):  # a bare JAX array among tensors
        from torchlike.core.value import of_array

        return of_array(x)
    for kind in SCALARS:  # subclasses of numbers, IntEnum for one
        if isinstance(x, kind):
            return kind(x)
    name = op.names[position] if position < len(op.names) else op.names[-1]
    raise TypeError(
        f"{op.name}(): argument '{name}' (position {position + 1}) must be Tensor, not {type(x).__name__}"
    )


def _one_device(op: Op, values: list, avals: list):
    """Zero-dimensional tensors on the CPU may meet tensors on an accelerator; nothing else may be mixed."""
    homes = {a.device for a in avals if a.device is not None}
    big = {a.device for a in avals if a.device is not None and (a.shape or a.device is not _device.cpu)}
    if len(big) > 1:
        first, second = sorted(map(str, homes), reverse=True)[:2]
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, {first} and {second}!"
        )
    home = big.pop()
    values = [move(v, home) if isinstance(v, Value) and v.aval.device is not home else v for v in values]
    avals = [v.aval if isinstance(v, Value) else a for v, a in zip(values, avals, strict=True)]
    return home, values, avals


def move(value: Value, home) -> Value:
    """The value on another device: a barrier and a copy."""
    import jax

    with _device.x64():
        array = jax.device_put(value.get(), home.jax)
    return Value(aval(value.aval.shape, value.aval.dtype, home), array)
