"""A backward pass over a graph like one before, noted on the tape at once.

The gradients that a pass records follow from the graph alone: from the rules of its nodes, from which node leads to
which, and from where on the tape what they kept lies. So a walk over the graph writes these down as a signature, and
where it has been met, what was recorded then is put on the tape as it is, without an operation for each node; only the
gradients of leaves become values. Where anybody could look into the pass, through a hook, a `grad` that is retained or
the anomaly mode, where something kept has been written since, or where a node is the user's, there is no walk.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any, NamedTuple

from torchlike.core import capture, explain, precision, variable
from torchlike.core import dtype as _dtype
from torchlike.core.graph import AccumulateGrad, OpNode, mode
from torchlike.core.tape import Part, Tape, tape
from torchlike.core.value import Aval, Value

CAPACITY = 512
"""So many passes are remembered; the one met first is forgotten first."""

_known: dict[tuple, Rehearsed] = {}
_sequence = attrgetter("sequence")


class Rehearsed(NamedTuple):
    """What a pass recorded, and where the gradients of its leaves are: (leaf's number, description, slot)."""

    part: Part
    gradients: list[tuple[int, Aval, int]]


class Walk:
    """A pass that may be known: its nodes from the newest to the oldest, its leaves, its signature, and the values and
    numbers it starts from that are not on the tape yet."""

    __slots__ = ("tape", "batch", "nodes", "leaves", "signature", "given", "mark")

    def __init__(self, recorder: Tape, nodes: list[OpNode], leaves: list, signature: tuple, given: list):
        self.tape, self.batch = recorder, recorder.batch
        self.nodes, self.leaves, self.signature, self.given = nodes, leaves, signature, given
        self.mark = recorder.batch.mark()

    def replayed(self, keep: bool) -> list[tuple[AccumulateGrad, Value]] | None:
        """The gradients of the leaves, if this pass is known."""
        known = _known.get(self.signature)
        if known is None:
            return None
        values = self.tape.repeat(known.part, self.given, [(aval, slot) for _, aval, slot in known.gradients])
        if not keep:
            for node in self.nodes:
                node.free()
        return [(self.leaves[i], value) for (i, _, _), value in zip(known.gradients, values, strict=True)]

    def remember(self, waiting: dict[Any, list]) -> None:
        """Note what has been recorded since the walk; `waiting` has the leaves with their gradients."""
        batch = self.batch
        part = batch.since(self.mark, self.given) if self.tape.batch is batch else None
        numbers = {leaf: i for i, leaf in enumerate(self.leaves)}
        if part is None or any(g.__class__ is not Value or g.place[0] is not batch for (g,) in waiting.values()):
            return
        if len(_known) >= CAPACITY:
            _known.pop(next(iter(_known)), None)  # another thread may have
        found = [(numbers[leaf], g.aval, g.place[1]) for leaf, (g,) in waiting.items()]
        _known[self.signature] = Rehearsed(part, found)


def walk(starts: list, gradients: list) -> Walk | None:
    """The pass from these (node, output number)s with these gradients, or None where it has to be made node by node."""
    looked_into = mode.anomaly or explain.watching or capture.active is not None or variable.casting or variable.pushed
    if looked_into or not starts:
        return None
    recorder = tape(starts[0][0].avals[starts[0][1]].device)
    if recorder.eager:
        return None
    batch = recorder.batch
    signature: list = [batch.n_slots]
    given: list = []  # in the order in which the pass meets them
    places: dict[int, int] = {}

    def note(v: Any) -> bool:
        """The place of a value in the signature."""
        if v.__class__ is not Value:
            given.append(v)
            return v.__class__ is float or v.__class__ is int
        if v.place[0] is batch:
            signature.append(v.place[1])
            return True
        number = places.get(id(v))
        if number is None:
            number = places[id(v)] = -1 - len(given)
            given.append(v)
        signature.append(number)
        return v.array is not None and v.aval.device is recorder.device

    reached: dict = {}
    stack = [node for node, _ in starts]
    while stack:
        node = stack.pop()
        if node not in reached:
            reached[node] = None
            stack += [e[0] for e in node.edges if e is not None]
    order = sorted(reached, key=_sequence, reverse=True)  # leaves come last
    for i, node in enumerate(order):
        reached[node] = i
    for (node, nr), g in zip(starts, gradients, strict=True):
        if g is None or g._aval() is not node.avals[nr] or not isinstance(node, OpNode) or not note(g._read()):
            return None
        signature += reached[node], nr
    nodes = 0
    for node in order:
        if node.tensor_hooks or node.pre_hooks or node.post_hooks or node.retained:
            return None
        if node.__class__ is AccumulateGrad:
            leaf = node.variable
            if leaf is None or leaf._accumulate_hooks:
                return None
            continue
        if not isinstance(node, OpNode) or node.saved is None or node.result_written or node.rule.spec.traced:
            return None
        nodes += 1
        signature.append(node.rule)
        for edge in node.edges:
            if edge is not None:
                signature += reached[edge[0]], edge[1]
        for v in node.saved:
            if not note(v) or v.__class__ is Value and (c := v.counted) is not None and c[0][0] != c[1]:
                return None
    return Walk(recorder, order[:nodes], order[nodes:], tuple(signature), given)


def forget() -> None:
    """Drop all passes."""
    _known.clear()


_dtype.on_default_change.append(forget)
precision.on_change.append(forget)
