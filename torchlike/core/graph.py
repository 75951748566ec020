"""The dynamic graph: one node for every recorded operation that a gradient may flow through."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import Any

from torchlike.core.grad_mode import _at as _at
from torchlike.core.grad_mode import enable_grad as enable_grad
from torchlike.core.grad_mode import inference_mode as inference_mode
from torchlike.core.grad_mode import is_grad_enabled as is_grad_enabled
from torchlike.core.grad_mode import is_inference_mode_enabled as is_inference_mode_enabled
from torchlike.core.grad_mode import mode as mode
from torchlike.core.grad_mode import no_grad as no_grad
from torchlike.core.grad_mode import set_grad_enabled as set_grad_enabled
from torchlike.core.hooks import RemovableHandle
from torchlike.core.spec import Rule
from torchlike.core.value import SCALARS, Value

_sequence = itertools.count(1)

# core/saved.py puts these here: the values a node kept, where some were written since or given to a hook; the
# error about a result that was written; a node's `_saved_self` and the like
unpack: Callable[[Any], list] = None  # type: ignore[assignment]
result_changed: Callable[[Any], Exception] = None  # type: ignore[assignment]
tensor: Callable[[Value], Any] = None  # type: ignore[assignment]
"""A tensor with memory of its own (core/variable.py)."""
saved_attribute: Callable[[Any, str], Any] = None  # type: ignore[assignment]
keeps_result: Callable[[str, str], bool] = None  # type: ignore[assignment]
"""Whether PyTorch keeps the result, by the names of a node and of its operation (core/saved.py)."""
keeps_tensors: Callable[[str, str], bool] = None  # type: ignore[assignment]
"""Whether PyTorch keeps any tensor."""

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors "
    "after calling backward."
)


class Node:
    """An operation in the graph, as `tensor.grad_fn` shows it.

    `edges` has one entry per input of the operation: the (node, output number) it came from, or None where no
    gradient goes. `apply` turns the gradients of its outputs into those of its inputs.
    """

    # defaults stand on the class to keep creation cheap: there is a node for every operation
    tensor_hooks: dict | None = None  # {output number: {key: hook}}
    retained: dict | None = None  # {output number: weak reference to a tensor that keeps its grad}
    pre_hooks: dict | None = None
    post_hooks: dict | None = None
    keeps_result = False  # whether PyTorch's node keeps its result, which then may not be written
    writes = False  # whether its result was written over its first input
    result_written: tuple | None = None  # (counter, count) of a result that PyTorch would need and that was written to
    made_at: str | None = None  # in the anomaly mode: the lines of the user that made it
    made_in: Node | None = None  # in the anomaly mode: the node whose gradient made it
    _metadata: dict | None = None

    def __init__(self, edges: list, avals: tuple):
        self.sequence = next(_sequence)
        self.edges = edges
        self.avals = avals  # of the outputs

    def name(self) -> str:
        """The name that PyTorch gives this node."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"

    def shown(self) -> list:
        """The places of those edges that PyTorch's node has too; None for an edge of PyTorch's that is not here."""
        return list(range(len(self.edges)))

    @property
    def next_functions(self) -> tuple:
        """(node, output number) for every tensor input; (None, 0) where no gradient goes."""
        edges = [None if i is None else self.edges[i] for i in self.shown()]
        return tuple([(None, 0) if e is None else e for e in edges])

    @property
    def metadata(self) -> dict:
        """A dict for whatever the user wants to note about this node."""
        if self._metadata is None:
            self._metadata = {}
        return self._metadata

    def _sequence_nr(self) -> int:
        return self.sequence

    def apply(self, cotangents: list, keep: bool) -> list:
        """Gradients of the inputs (None where none goes) from those of the outputs (None where none came)."""
        raise NotImplementedError

    def __call__(self, *cotangents: Any) -> Any:
        """The gradients of the inputs, of which nothing is accumulated anywhere; the node stays usable."""
        grads = [tensor(g) if g.__class__ is Value else g for g in self.apply(list(cotangents), True)]
        made = tuple([None if i is None else grads[i] for i in self.shown()])
        return made[0] if len(made) == 1 else made

    def register_hook(self, hook: Callable) -> RemovableHandle:
        """`hook(grad_inputs, grad_outputs)` runs after this node; it may return other grad_inputs, as a tuple."""
        if self.post_hooks is None:
            self.post_hooks = {}
        return RemovableHandle(self.post_hooks, hook)

    def register_prehook(self, hook: Callable) -> RemovableHandle:
        """`hook(grad_outputs)` runs before this node; it may return other grad_outputs, as a tuple."""
        if self.pre_hooks is None:
            self.pre_hooks = {}
        return RemovableHandle(self.pre_hooks, hook)

    def add_tensor_hook(self, nr: int, hook: Callable) -> RemovableHandle:
        """`hook(gradient)` runs on the gradient of an output before all else; it may return another one."""
        if self.tensor_hooks is None:
            self.tensor_hooks = {}
        return RemovableHandle(self.tensor_hooks.setdefault(nr, {}), hook)

    def retain(self, t: Any) -> None:
        """Put the gradient of the output that `t` is into its `grad`."""
        if self.retained is None:
            self.retained = {}
        self.retained[t._nr] = weakref.ref(t)

    def move_retained(self, t: Any, to: Node) -> None:
        """The tensor has become an output of another node, by a write."""
        for nr, ref in list((self.retained or {}).items()):
            if ref() is t:
                del self.retained[nr]  # type: ignore[union-attr]
        to.retain(t)


class OpNode(Node):
    """The node of a recorded op. It keeps the primals that the gradient really reads, and nothing else."""

    run: Callable  # core.variable.differentiate
    reusable = False  # whether it keeps numbers only, and PyTorch's node no tensor: a pass then frees nothing

    def __init__(self, rule: Rule, edges: list, values: list):
        self.sequence = next(_sequence)
        self.edges = edges
        self.avals = rule.spec.outs
        self.rule = rule
        self.saved: list | None = [values[i] for i in rule.needed]

    def name(self) -> str:
        return self.rule.spec.op.grad_of(self.rule.spec)

    def shown(self) -> list:
        use = self.rule.spec
        found: list = [i for i, a in enumerate(use.avals) if not a.weak]
        if len(found) == 1 < len(use.avals) and self.name() in _WRAPPING:
            found.append(None)
        return found

    def apply(self, cotangents: list, keep: bool) -> list:
        saved = self.saved
        if saved is None:
            raise RuntimeError(FREED)
        if self.result_written is not None:
            raise result_changed(self)
        for v in saved:
            if v.__class__ is not Value:
                if v.__class__ in SCALARS:
                    continue
            elif (counted := v.counted) is None or counted[0][0] == counted[1]:
                continue
            saved = unpack(self)
            break
        if not keep:
            self.free()
        return self.run(self, saved, cotangents)

    def free(self) -> None:
        """Give up what was kept."""
        if self.saved and not self.reusable:
            self.saved = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_saved_"):
            return saved_attribute(self, name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


class AsStridedBackward0(OpNode):
    """The node of a view that has read itself again after a write with a history: PyTorch makes it another view."""

    def name(self) -> str:
        return "AsStridedBackward0"


_WRAPPING = {"AddBackward0", "SubBackward0", "MulBackward0", "DivBackward0"}
"""Nodes that show an edge for a Python number, for PyTorch makes a tensor of it first."""

_classes: dict[tuple[str, bool, bool], type[OpNode]] = {}


def node_class(rule: Rule) -> type[OpNode]:
    """The class of the nodes of a rule: its name is the node's, as PyTorch's users read it from `type(grad_fn)`."""
    use = rule.spec
    name = use.op.grad_of(use).rsplit("::", 1)[-1]
    keeps = keeps_result(name, use.op.name)
    reusable = all(use.avals[i].weak for i in rule.needed) and not keeps_tensors(name, use.op.name)
    key = name, keeps, reusable
    if key not in _classes:
        _classes[key] = type(name, (OpNode,), {"keeps_result": keeps, "reusable": reusable})
    rule.node = _classes[key]
    return rule.node


class AccumulateGrad(Node):
    """The end of the graph at a leaf: adds what arrives to the leaf's `grad`."""

    sequence = -1  # after every operation, when its gradient is complete
    edges: list = []  # noqa: RUF012  the end

    def __init__(self, variable):
        self._leaf = weakref.ref(variable)  # the leaf owns its node
        self.avals = (variable._aval(),)

    @property
    def variable(self):
        """The leaf; None once nobody else holds it, and then nobody can look at its gradient either."""
        return self._leaf()

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"
