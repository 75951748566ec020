"""What a node keeps for the backward pass: whether it was written since, and the hooks that may keep it elsewhere.

Values are immutable, so what is kept stays right whatever is written later. PyTorch raises an error there, and so that
a script fails here where it fails there, a value notes the count of writes of the memory it was read from: as a pair
(counter, writes at the time), when a view reads it and when a write replaces it. A node looks at the notes of its
values in the backward pass; nothing is added to the recording of an operation.
"""

from __future__ import annotations

import re
import traceback
import weakref
from collections.abc import Callable
from typing import Any

from torchlike.core import explain, graph, variable
from torchlike.core.cell import INFERENCE, Cell
from torchlike.core.grad_mode import _at, mode, watching
from torchlike.core.graph import AccumulateGrad, Node, OpNode
from torchlike.core.op import SLOT
from torchlike.core.value import Aval, Value
from torchlike.core.variable import Variable, wrap

kept_by_pytorch: Callable[[str, str], tuple[str, ...]] = None  # type: ignore[assignment]
"""The names of the tensors that PyTorch keeps, by the names of a node and of its operation: see autograd/kept.py."""

NO_INFERENCE = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
    "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use it in "
    "autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
)
_PACK_WRITES = (
    "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot be "
    "modified by in-place operations as this can lead to unexpected side-effects. Please open an issue if you need to "
    "perform in-place operations on the input to a pack hook."
)


def places(node: OpNode) -> dict[str, list[int]]:
    """The inputs that PyTorch's node keeps too, under its names; a name of its own stands for all that have none."""
    use = node.rule.spec
    flat: list[int] = []  # the parameter of each input
    for i, part in enumerate(use.template):
        if part is SLOT:
            flat.append(i)
        elif type(part) is tuple and part and part[0] is SLOT:
            flat += [i] * len(part)
    if len(flat) != len(use.avals):
        return {}
    names = getattr(use.op, "names", [])
    wanted = [n for n in kept_by_pytorch(node.name(), use.op.name) if not _made(n)]
    known = {n: 0 if n == "self" else names.index(n) if n in names else None for n in wanted}
    rest = [i for i, p in enumerate(flat) if p not in known.values()]
    return {n: rest if p is None else [i for i, q in enumerate(flat) if q == p] for n, p in known.items()}


def _made(name: str) -> bool:
    return name.startswith("result")


def history(value: Value, edge: tuple | None) -> Any:
    """A tensor of this value with the place in the graph that an edge leads to."""
    if edge is not None and edge[0].__class__ is AccumulateGrad:
        leaf = edge[0].variable
        if leaf is not None and leaf._read() is value:
            return leaf
    made = wrap(value)
    if edge is not None:
        if edge[0].__class__ is AccumulateGrad:
            made._requires_grad, made._accumulator = True, edge[0]
        else:
            made._node, made._nr = edge
    return made


class Packed:
    """A value that a hook keeps."""

    __slots__ = ("held", "unpack")

    def __init__(self, tensor: Any, hooks: tuple):
        pack, self.unpack = hooks
        cell = tensor._cell
        before = cell.version
        with _at(False):
            self.held = pack(tensor)
        if cell.version != before and cell.__class__ is Cell:
            raise RuntimeError(_PACK_WRITES)

    def take(self) -> Any:
        """The tensor that the other hook gives back."""
        made = self.unpack(self.held)
        if not isinstance(made, Variable):
            raise TypeError(
                f"Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(made).__name__}"
            )
        return made


def note(node: Any, inputs: list) -> None:
    """What blocks that are open in some thread ask of a new node: see `grad_mode.watching`."""
    if watching[0] == "inference":
        barred = [i for i in node.rule.needed if isinstance(x := inputs[i], Variable) and x._cell.counter is INFERENCE]
        if barred and any(i in found for i in barred for found in places(node).values()):
            raise RuntimeError(NO_INFERENCE)
    if mode.hooks and node.saved:
        node.saved = [
            Packed(inputs[i] if isinstance(inputs[i], Variable) else history(v, node.edges[i]), mode.hooks)
            if v.__class__ is Value else v
            for i, v in zip(node.rule.needed, node.saved, strict=True)
        ]  # fmt: skip
    if mode.anomaly:
        trace(node)


def trace(node: Node) -> None:
    """Note where a node was made, for an error in the backward pass."""
    lines = [line for line in traceback.extract_stack() if not line.filename.startswith(explain.HOUSE)]
    node.made_at = "".join(traceback.format_list(lines))
    node.made_in = mode.node


def unpack(node: OpNode) -> list:
    """The values a node kept, at least one of which is packed or was written since; PyTorch's error if that matters."""
    kept: set | None = None
    found = []
    for i, v in zip(node.rule.needed, node.saved or (), strict=True):
        if v.__class__ is Packed:
            v = v.take()._read()
        elif written(v) and not (node.writes and i == 0):
            if kept is None:
                kept = {j for some in places(node).values() for j in some}
            if i in kept:
                raise changed(v.aval, v.counted, _source(v.counted[0], node.edges[i]))
        found.append(v)
    return found


def written(value: Any) -> bool:
    """Whether the memory that a value was read from has been written since."""
    counted = getattr(value, "counted", None)
    return counted is not None and counted[0][0] != counted[1]


def keeps_result(name: str, op: str) -> bool:
    """Whether PyTorch keeps the result."""
    return any(map(_made, kept_by_pytorch(name, op)))


def keeps_tensors(name: str, op: str) -> bool:
    """Whether PyTorch keeps any tensor."""
    return bool(kept_by_pytorch(name, op))


def _output(name: str, nr: int) -> str:
    return f", which is output {nr} of {re.sub('Backward[0-9]*$', '', name)},"


def _source(counter: list, edge: tuple | None) -> str:
    """Where a kept tensor comes from by now, in the words of PyTorch's error."""
    author = counter[1] and counter[1].__name__
    if author in ("CopySlices", "CopyBackwards"):
        author = f"torch::autograd::{author}"
    if edge is None or edge[0].__class__ is AccumulateGrad:
        return _output(author, 0) if author else ""
    if author and isinstance(edge[0], OpNode) and edge[0].rule.spec.op.shows:
        author = "AsStrided"  # a view that reads itself again
    return _output(author or edge[0].name(), edge[1])


def _type(a: Aval) -> str:
    kind: Any = wrap(Value(a)).type()
    if a.dtype.kind in "bc" or a.dtype.name == "bfloat16":
        return kind.replace("torch.cuda.", "CUDA").replace("torch.", "CPU").replace("Tensor", "Type")
    return kind


def changed(a: Aval, counted: tuple, source: str) -> RuntimeError:
    """PyTorch's error about a kept tensor that was written."""
    counter, expected = counted
    hint = (
        "the backtrace further above shows the operation that failed to compute its gradient. The variable in question "
        "was changed in there or anywhere later. Good luck!"
        if mode.anomaly
        else "enable anomaly detection to find the operation that failed to compute its gradient, with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False)."
    )
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[{_type(a)} {list(a.shape)}]{source} is at version {counter[0]}; expected version {expected} "
        f"instead. Hint: {hint}"
    )


class Kept:
    """One tensor that a Function saved: an input as it is, an output without its node, which would hold itself."""

    __slots__ = ("tensor", "nr", "counted", "node")

    def __init__(self, tensor: Any, node: Any):
        counter = tensor._counter()
        self.counted = counter, counter[0]
        own = node is not None and tensor._node is node
        self.nr = tensor._nr
        self.node = weakref.ref(node) if own else None
        self.tensor = wrap(tensor._read()) if own else tensor

    def take(self) -> Any:
        """The tensor as `backward` sees it, with PyTorch's error if it was written since."""
        node = self.node and self.node()
        if self.counted[0][0] != self.counted[1]:
            source = _output(node.name(), self.nr) if node else _source(self.counted[0], self.tensor._edge())
            raise changed(self.tensor._aval(), self.counted, source)
        if self.node is None:
            return self.tensor
        made = wrap(self.tensor._read())
        made._node, made._nr = node, self.nr
        return made


def keep(tensor: Any, node: Any) -> Kept | Packed:
    """What the node of a Function holds of a tensor it saved; `take()` gives it back. `node` is None without grad."""
    if node is not None and tensor._cell.counter is INFERENCE:
        raise RuntimeError(NO_INFERENCE)
    return Packed(tensor, mode.hooks) if mode.hooks else Kept(tensor, node)


def result_changed(node: OpNode) -> RuntimeError:
    """The error of a node whose result was written."""
    return changed(node.avals[0], node.result_written or ([0], 0), _output(node.name(), 0))


def saved_attribute(node: OpNode, name: str) -> Any:
    """`_saved_self` and the like of a node: what it kept of an input that PyTorch keeps too, None if it did not."""
    found = places(node).get(name.removeprefix("_saved_"))
    if not found:
        raise AttributeError(f"'{type(node).__name__}' object has no attribute '{name}'")
    if node.saved is None:
        raise RuntimeError(graph.FREED)
    kept = dict(zip(node.rule.needed, unpack(node), strict=True))
    value = kept.get(found[0])
    return history(value, node.edges[found[0]]) if isinstance(value, Value) else value


variable.note = note
graph.keeps_result = keeps_result
graph.keeps_tensors = keeps_tensors
graph.unpack = unpack
graph.result_changed = result_changed
graph.saved_attribute = saved_attribute
