"""Turning one call of a Python function into one op: what `torch.compile(fullgraph=True)` replays.

While a capture is active, the tape does not run; instead it is noted where every leaf came from (an argument, a
tensor's memory, a gradient, a hyper-parameter, a fresh random draw) and where every result went (memory, gradients, the
return value). The recorded entries then become the body of an op, which a replay applies to what those places hold
now. Being an op like any other, it can be differentiated and takes part in larger programs.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any

from torchlike.core import explain
from torchlike.core.graph import FREED, AccumulateGrad, Node, OpNode
from torchlike.core.op import Op
from torchlike.core.program import evaluate, held, needed
from torchlike.core.replay import DirectCall
from torchlike.core.value import Value

active: Capture | None = None


class LiveScalar:
    """A number that lives in Python (a learning rate) and is read again at every replay."""

    __slots__ = ("owner", "key")

    def __init__(self, owner, key):
        self.owner, self.key = owner, key

    def get(self):
        return self.owner[self.key]


class Refused(RuntimeError):
    """The function does something that a replay could not repeat."""


class Spent(Node):
    """The history of a result whose graph a backward pass inside the captured function has used up."""

    def name(self) -> str:
        return "CompiledFunctionBackward"

    def apply(self, cotangents: list, keep: bool) -> list:
        raise RuntimeError(FREED)


class CapturedOp(Op):
    """Recorded entries as one pure function of their leaves."""

    def __init__(
        self, name: str, entries: list, masks: list | None, leaf_slots: Sequence[int], constants: dict[int, Any],
        out_slots: list[int],
    ):  # fmt: skip
        self.name = name
        self.grad_name = "CompiledFunctionBackward"
        self.differentiable = masks is not None
        self.entries, self.masks = entries, masks
        self.leaf_slots, self.constants, self.out_slots = leaf_slots, constants, out_slots

    def function(self, template: tuple) -> Callable:
        def flat(*arrays):
            env = dict(zip(self.leaf_slots, arrays, strict=True)) | self.constants
            evaluate(self.entries, env, self.masks)
            return tuple(env[s] for s in self.out_slots)

        return flat


class Capture:
    """One recording of a function, and its replay."""

    def __init__(self, tape, arguments: list):
        tape.flush()
        self.tape = tape
        self.batch: Any = tape.batch
        self.arguments = {id(a): i for i, a in enumerate(arguments)}
        self.argument_cells = {id(a._root()._cell): i for i, a in reversed(list(enumerate(arguments)))}
        self.argument_list: Any = arguments
        self.sources: list = []
        self.leaf_of: dict[int, int] = {}  # slot -> its number among the sources
        self.twins: list[tuple] = []  # two sources that held one value: a replay is right only while they still do
        self.masks: list = []
        self.written: dict[int, tuple] = {}  # cell id -> (cell, its value before, how many writes were counted)
        self.graded: dict[int, tuple] = {}  # tensor id -> (tensor, its grad before)
        self.expects: list[tuple] = []  # (tensor, whether its grad is absent)
        self.owners: dict[int, Any] = {}  # id of a grad -> the tensor it belongs to
        self.draws: list[tuple[Any, Callable]] = []  # (Value, how to draw it again)
        self.ends_step = False
        self.direct: DirectCall | None = None  # once the tape has run a replay by itself

    # --- called while the function runs ---------------------------------------------------------------------------

    def recorded(self, inputs: Sequence, mask: tuple | None) -> None:
        """An entry was added: note where its new leaves came from and which of its inputs carry gradients."""
        batch = self.batch
        if self.tape.batch is not batch or len(batch.entries) == len(self.masks):
            return  # ran directly on a transformation's tracers
        self.masks.append(mask)
        slots = batch.entries[-1][1]
        while len(self.sources) < len(batch.leaves):
            slot = batch.leaf_slots[len(self.sources)]
            self.leaf_of[slot] = len(self.sources)
            self.sources.append(self._source(inputs[slots.index(slot)]))
        for x, slot in zip(inputs, slots, strict=True):
            leaf = self.leaf_of.get(slot)
            if leaf is not None and hasattr(x, "_cell"):
                other, first = self._source(x), self.sources[leaf]
                if _place(other) != _place(first) and (first, other) not in self.twins:
                    self.twins.append((first, other))

    def _source(self, x):
        if isinstance(x, Value):
            if (drawn := self._drawn(x)) is not None:
                return ("draw", drawn)
            raise Refused(
                "torch.compile(fullgraph=True): backward() reaches a graph that was built before the compiled function "
                "was called. Compute the forward pass inside the function, or leave fullgraph out."
            )
        if isinstance(x, LiveScalar):
            return ("live", x)
        if not hasattr(x, "_cell"):
            return ("constant", x)
        if id(x) in self.arguments:
            return ("argument", self.arguments[id(x)])
        if id(x) in self.owners:
            return ("grad", self._target(self.owners[id(x)]))
        if (i := self.argument_cells.get(id(x._cell))) is not None:
            if x._parent is None and self.argument_list[i]._parent is None:
                return ("argument", i)
            raise Refused("torch.compile(fullgraph=True): an alias of a view argument is read; pass the alias itself.")
        if (drawn := self._drawn(x._cell.value)) is not None:
            return ("draw", drawn)
        return ("tensor", x)

    def _target(self, tensor) -> tuple:
        """A tensor as a replay finds it: by its number among the arguments, or itself."""
        number = self.arguments.get(id(tensor))
        return ("tensor", tensor) if number is None else ("argument", number)

    def wrote(self, cell, before: Value) -> None:
        self.written.setdefault(id(cell), (cell, before, cell.counted()[0]))

    def touched_grad(self, tensor, *, reads: bool = True) -> None:
        """The `grad` of a tensor is read or set; whether it was there before matters only if it is read first."""
        if id(tensor) not in self.graded:
            self.graded[id(tensor)] = (tensor, tensor._grad)
            if reads:
                self.expects.append((self._target(tensor), tensor._grad is None))
            if tensor._grad is not None:
                self.owners[id(tensor._grad)] = tensor

    def drew(self, value: Value, again: Callable) -> None:
        self.draws.append((value, again))

    def refuse(self) -> None:
        raise Refused(
            f"torch.compile(fullgraph=True): a value would have to be read in the middle of the compiled function, at "
            f"{explain.user_line()}. Return the tensor and read it outside, or leave fullgraph out."
        )

    # --- after it returned ------------------------------------------------------------------------------------------

    def finish(self, name: str, results: list) -> None:
        """Build the op. `results` are the returned tensors; the list is emptied, and the tape is as before the call."""
        batch, tape = self.batch, self.tape
        outs: list[int] = []

        def slot(value: Value) -> int:
            place, s = value.place
            if place is not batch:
                raise Refused("torch.compile(fullgraph=True): a result does not depend on anything computed here.")
            if s not in outs:
                outs.append(s)
            return outs.index(s)

        differentiable = any(r.requires_grad for r in results) and self._unspent(results)
        self.cells: list[tuple[tuple[str, Any], int]] = []
        names = {id(x._cell): x for kind, x in self.sources if kind == "tensor" and x._parent is None}
        for cell, before, _ in self.written.values():
            if self._made_inside(before):
                continue
            owner = next((t for t, g in self.graded.values() if g is not None and g._cell is cell), None)
            if owner is not None:
                self.cells.append((("grad", self._target(owner)), slot(cell.value)))
            elif id(cell) in self.argument_cells:
                self.cells.append((("argument", self.argument_cells[id(cell)]), slot(cell.value)))
            elif id(cell) in names:  # by its name: `.data` may give that another memory
                self.cells.append((("tensor", names[id(cell)]), slot(cell.value)))
            else:
                self.cells.append((("cell", cell), slot(cell.value)))
        self.grads: list[tuple[Any, Any]] = []
        for tensor, before in self.graded.values():
            grad = tensor._grad
            if grad is not before:
                self.grads.append((self._target(tensor), None if grad is None else slot(grad._read())))
        self.results: list[tuple] = []
        for r in results:
            cell = r._root()._cell
            drawn = self._drawn(r._read())
            if id(r) in self.arguments:
                self.results.append(("argument", self.arguments[id(r)]))
            elif id(cell) in self.argument_cells:
                raise Refused(
                    "torch.compile(fullgraph=True): an alias or a view of an argument is returned; clone() it, or "
                    "leave fullgraph out."
                )
            elif drawn is not None:
                self.results.append(("draw", drawn))
            elif not self._made_inside(self.written.get(id(cell), (cell, cell.value, 0))[1]):
                r._seen, r._cached = -1, None  # a view of memory from outside reads itself again
                self.results.append(("same", r))
            else:
                self.results.append(("slot", slot(r._read()), r.requires_grad))
        constants = {s: what for s, (kind, what) in zip(batch.leaf_slots, self.sources, strict=True)
                     if kind == "constant"}  # fmt: skip
        leaf_slots = [s for s in batch.leaf_slots if s not in constants]
        kept = needed(list(zip(batch.entries, self.masks, strict=True)), outs)
        self.signature = (tuple(batch.key), tuple(outs), tuple(s if s[0] == "constant" else s[0] for s in self.sources))
        self.op = CapturedOp(
            name, [e for e, _ in kept], [m for _, m in kept] if differentiable else None, leaf_slots, constants, outs
        )
        self.sources = [source for source in self.sources if source[0] != "constant"]
        first_draws = [v for v, _ in self.draws]
        r = None  # noqa: F841
        results.clear()
        # put everything back as it was and let the replay do the work
        for cell, before, writes in self.written.values():
            cell.value = before
            cell.counted()[0] = writes
            before.counted = None  # nothing was written over it after all
        for tensor, before in self.graded.values():
            tensor._grad = before
        tensor = before = cell = grad = None  # noqa: F841
        self.written.clear()
        self.graded.clear()
        tape.batch = type(batch)(tape)
        self._check_nothing_left(batch)
        batch.leaves, batch.outs = [], []  # they know the batch: it would hold them until the next garbage collection
        self.first_draws: Any = first_draws
        self.draws = [(None, again) for _, again in self.draws]
        self.batch = self.argument_list = None

    def _drawn(self, value: Value) -> int | None:
        return next((i for i, (drawn, _) in enumerate(self.draws) if drawn is value), None)

    def _made_inside(self, before: Value) -> bool:
        """Whether memory that first held this value was made by the function itself."""
        return before.array is None and before.place[0] is self.batch or self._drawn(before) is not None

    def _unspent(self, results: list) -> bool:
        """Whether the results can be differentiated: not once a backward pass inside has freed their graph."""
        stack, seen = [r._node for r in results if r._node is not None], set()
        nodes = []
        while stack:
            node = stack.pop()
            if node in seen or isinstance(node, AccumulateGrad):
                continue
            seen.add(node)
            nodes.append(node)
            stack.extend(e[0] for e in node.edges if e is not None)
        if any(getattr(node, "saved", ()) is None or getattr(node, "freed", False) for node in nodes):
            return False
        for node in nodes:
            if not isinstance(node, OpNode) or node.tensor_hooks or node.pre_hooks or node.post_hooks:
                raise Refused(
                    f"torch.compile(fullgraph=True): {node.name()} has a gradient or hook of its own in Python, and "
                    "the result is differentiated outside. Call backward() inside the function, or leave fullgraph out."
                )
        return True

    def _check_nothing_left(self, batch) -> None:
        for attempt in range(2):
            if not held(batch):
                return
            if attempt == 0:
                gc.collect()
        raise Refused(
            "torch.compile(fullgraph=True): a tensor computed inside is kept outside (an attribute, a list, a global), "
            "where a replay could not renew it. Return it instead, or leave fullgraph out."
        )

    # --- every time -------------------------------------------------------------------------------------------------

    def fits(self, arguments: list) -> bool:
        """Whether gradients are present exactly where they were, and what was one value still is."""
        return all((_find(t, arguments)._grad is None) == absent for t, absent in self.expects) and all(
            _find(a, arguments)._read() is _find(b, arguments)._read() for a, b in self.twins
        )

    def replay(self, arguments: list, apply: Callable, wrap: Callable) -> list:
        """Apply the op to what the sources hold now, and put its outputs where the function would."""
        if self.first_draws is not None:
            draws, self.first_draws = self.first_draws, None
        else:
            draws = [again() for _, again in self.draws]

        def look_up(sources: list) -> list:
            return [draws[what] if kind == "draw" else what.get() if kind == "live" else _find((kind, what), arguments)
                    for kind, what in sources]  # fmt: skip

        values = None if self.direct is None else self.direct(look_up)
        places = self.cells if values is None or self.direct is None else self.direct.places
        outs: list = []
        taken: list = []
        if values is None:
            inputs = look_up(self.sources)
            outs = apply(self.op, (), inputs, device=self.tape.device)
            values = {i: out._cell.value for i, out in enumerate(outs)}
            self.tape.batch.whole = True
            taken = self._overwritten(inputs) if self.ends_step else []
            del inputs
        batch = self.tape.batch
        for (kind, what), i in places:
            (what if kind == "cell" else _find((kind, what), arguments)._root()._cell).set(values[i])
        for target, i in self.grads:
            _find(target, arguments)._grad = None if i is None else wrap(values[i])
        results = []
        for kind, what, *wanted in self.results:
            if kind == "slot":
                t = wrap(values[what])
                if wanted[0]:
                    node = outs[what]._node if outs else None
                    t._node, t._nr = node or Spent([], (values[what].aval,)), what if node else 0
                results.append(t)
            elif kind == "draw":
                results.append(wrap(draws[what]))
            else:
                results.append(arguments[what] if kind == "argument" else what)
        del outs, values
        if self.ends_step:
            self.tape.flush()
            if batch.program is not None and not self.op.differentiable:
                self.direct = DirectCall.of(batch, self, taken)
        return results

    def _overwritten(self, inputs: list) -> list[tuple[list, int, int]]:
        """The memories of inputs that outputs are about to overwrite, those of one value together: the number of the
        output, and of the input."""
        by_value: dict[tuple[int, int], list] = {}
        for (kind, what), i in self.cells:
            if kind in ("cell", "tensor"):
                cell = what if kind == "cell" else what._cell
                by_value.setdefault((id(cell.value), i), []).append(cell)
        numbers = {id(x._cell.value): k for k, x in enumerate(inputs) if hasattr(x, "_cell") and x._parent is None}
        return [(cells, i, numbers[v]) for (v, i), cells in by_value.items() if v in numbers]


def _find(source: tuple, arguments: list):
    """The tensor that a source stands for in this call."""
    kind, what = source
    if kind == "argument":
        return arguments[what]
    return _find(what, arguments)._grad if kind == "grad" else what


def _place(source: tuple):
    """Equal for two sources that can only ever hold the same value."""
    kind, what = source
    if kind != "tensor":
        return source
    return id(what._cell) if what._parent is None else id(what)
