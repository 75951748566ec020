"""The backward pass: walks the graph from the newest node to the oldest, recording the gradients on the tape."""

from __future__ import annotations

import heapq
import itertools
import warnings
from typing import Any

import jax.numpy as jnp

from torchlike.core import capture, graph, rehearsal
from torchlike.core.gradients import cast, edge_of, fitted, fitted_all
from torchlike.core.graph import (  # noqa: F401  the grad modes are public here
    AccumulateGrad,
    Node,
    OpNode,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from torchlike.core.hooks import run_post_hooks, run_pre_hooks, run_tensor_hooks
from torchlike.core.op import SLOT, Array, Op
from torchlike.core.value import Value
from torchlike.core.variable import OWN, Variable, apply, wrap


def _accumulate(input: Array, other: Array):
    return input + other.astype(input.dtype)


def _any_nan(input: Array):
    return jnp.isnan(input).any()


ACCUMULATE = Op("add", _accumulate)
_ANY_NAN = Op("any", _any_nan)


def add(a: Any, b: Any) -> Any:
    """The sum of two gradients: of two values a value, otherwise a tensor."""
    if a.__class__ is b.__class__ is Value:
        return apply(ACCUMULATE, (SLOT, SLOT), [a, b], bare=True)[0]
    return apply(ACCUMULATE, (SLOT, SLOT), [a, b])


def _tensor(gradient: Any) -> Any:
    """A gradient as hooks, functions of the user and `grad` see it. Between operations, while no graph is built, it is
    a bare value, which costs half."""
    return wrap(gradient) if gradient.__class__ is Value else gradient


_passes = itertools.count()


class Pass:
    """One backward pass in progress, as hooks may ask about it."""

    def __init__(self, starts: list, useful: set | None):
        self.starts, self.useful = starts, useful
        self.number = next(_passes)
        self.reached: set | None = None

    def runs(self, node: Node) -> bool:
        """Whether this pass reaches a node."""
        if self.useful is not None:
            return node in self.useful
        if self.reached is None:
            self.reached = set(_below([s[0] for s in self.starts]))
        return node in self.reached


def run_backward(
    roots: list,
    gradients: list,
    *,
    keep_graph: bool,
    create_graph: bool,
    inputs: list | None = None,
    accumulate: bool = True,
) -> list:
    """Send `gradients` back from `roots`; both roots and inputs are tensors or GradientEdges.

    With `accumulate` they end in the `grad` of the leaves (of `inputs` only, if given); otherwise the gradients of
    `inputs` are returned and no `grad` of a leaf changes.
    """
    edges = [edge_of(t) for t in inputs] if inputs is not None else []
    starts: list[Any] = [edge_of(t) for t in roots]
    if None in starts:
        raise RuntimeError(
            f"element {starts.index(None)} of tensors does not require grad and does not have a grad_fn"
        )
    known = rehearsal.walk(starts, gradients) if inputs is None and not create_graph else None
    if known is not None and (reached_leaves := known.replayed(keep_graph)) is not None:
        for leaf, gradient in reached_leaves:
            _finish_leaf(leaf, [gradient], create_graph)
        return []
    useful = _leading_to({e[0] for e in edges if e}, [s[0] for s in starts]) if inputs is not None else None
    found: dict = {}
    waiting: dict[Node, list] = {}
    heap: list = []
    arrivals = itertools.count()  # leaves are reached in the same order in every run
    targets = set(edges)

    def capture_at(node, cotangents) -> None:
        for nr, c in enumerate(cotangents):
            if (node, nr) in targets:
                found[node, nr] = _tensor(c)

    mode = graph.mode
    was, mode.grad = mode.grad, create_graph
    outer, mode.running = mode.running, Pass(starts, useful)
    anomaly = mode.anomaly
    try:
        grads = [
            None if g is None
            else fitted(g, node.avals[nr], f"Function {node.name()} returned an invalid gradient at index {i}")
            for i, ((node, nr), g) in enumerate(zip(starts, gradients, strict=True))
        ]  # fmt: skip
        reached = starts
        while True:
            for edge, g in zip(reached, grads, strict=True):
                if edge is None or g is None or useful is not None and edge[0] not in useful:
                    continue
                node, nr = edge
                slots = waiting.get(node)
                if slots is None:
                    slots = waiting[node] = [None] * len(node.avals)
                    heapq.heappush(heap, (-node.sequence, next(arrivals), node))
                slots[nr] = g if slots[nr] is None else add(slots[nr], g)
            reached, grads = [], []
            if not heap:
                break
            node = heapq.heappop(heap)[2]
            if known is not None and node.__class__ is AccumulateGrad:  # from here on there are leaves only
                known.remember(waiting)
                known = None
            cotangents = waiting.pop(node)
            if (anomaly or node.tensor_hooks or node.pre_hooks or node.post_hooks or node.retained
                    or not isinstance(node, OpNode | AccumulateGrad)):  # fmt: skip
                cotangents = [_tensor(c) for c in cotangents]
            goes_on = useful is None or any(e is not None and e[0] in useful for e in node.edges)
            if goes_on and targets:  # as in PyTorch, hooks change what is returned only where the pass ends
                capture_at(node, cotangents)
            if node.tensor_hooks:
                run_tensor_hooks(node, cotangents)
            if node.retained:
                for nr, ref in node.retained.items():
                    t = ref()
                    if t is not None and cotangents[nr] is not None:
                        store(t, cotangents[nr], create_graph)
            if not goes_on:
                capture_at(node, cotangents)
            if node.__class__ is AccumulateGrad:
                if accumulate:
                    _finish_leaf(node, cotangents, create_graph)
                continue
            if not goes_on:
                continue
            if node.pre_hooks:
                cotangents = run_pre_hooks(node, cotangents)
            grads = _watched(node, cotangents, keep_graph) if anomaly else node.apply(cotangents, keep_graph)
            if node.post_hooks:
                grads = run_post_hooks(node, [_tensor(g) for g in grads], cotangents)
            if not isinstance(node, OpNode):
                grads = fitted_all(node, grads)
            reached = node.edges
    finally:
        mode.grad, mode.running = was, outer
    return [found.get(e) for e in edges]


def _watched(node: Node, cotangents: list, keep: bool) -> list:
    """`node.apply` in the anomaly mode: an error names the line that made the node, and NaN is one.

    Every gradient is read for that, so each is a barrier.
    """
    mode = graph.mode
    outer, mode.node = mode.node, node
    try:
        grads = [_tensor(g) for g in node.apply(cotangents, keep)]
        for i, g in enumerate(grads if mode.check_nan else ()):
            if isinstance(g, Variable) and g._aval().inexact and bool(apply(_ANY_NAN, (SLOT,), [g])):
                raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")
    except Exception:
        _tell_where(node)
        raise
    finally:
        mode.node = outer
    return grads


def _tell_where(node: Any) -> None:
    """Warnings with the lines that made a node, and the one whose gradient it belongs to."""
    if node.made_at is None:
        warnings.warn(
            f"Error detected in {node.name()}. No forward pass information available. Enable detect anomaly during "
            "forward pass for more information.", UserWarning, stacklevel=5,
        )  # fmt: skip
        return
    warnings.warn(
        f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n{node.made_at}",
        UserWarning, stacklevel=5,
    )  # fmt: skip
    while (node := node.made_in) is not None:
        if node.made_at is None:
            text = (
                f"Previous calculation was induced by {node.name()}. No forward pass information is available. Enable "
                "detect anomaly during forward pass for more information."
            )
            warnings.warn(f"\n\n{text}", UserWarning, stacklevel=5)
            return
        warnings.warn(
            f"\n\nPrevious calculation was induced by {node.name()}. Traceback of forward call that induced the "
            f"previous calculation:\n{node.made_at}",
            UserWarning, stacklevel=5,
        )  # fmt: skip


def _below(starts: list) -> list:
    """All nodes that can be reached from some, found without recursion."""
    order, seen, stack = [], set(), list(starts)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        order.append(node)
        stack.extend(e[0] for e in node.edges if e is not None)
    return order


def _leading_to(targets: set, starts: list) -> set:
    """The targets, and the nodes on a way from the starts to one."""
    useful = set(targets)
    for node in sorted(_below(starts), key=lambda n: n.sequence):
        if any(e is not None and e[0] in useful for e in node.edges):
            useful.add(node)
    return useful


def store(t: Variable, gradient: Variable, create_graph: bool) -> None:
    """Add a gradient to `t.grad`: in place, as every alias of that grad sees it, unless a graph is built."""
    if capture.active is not None:
        capture.active.touched_grad(t)
    old = t._grad
    if old is None:
        if create_graph:
            t._grad = gradient
        else:
            value = gradient if gradient.__class__ is Value else gradient._read()
            if value.counted is None:
                value.counted = _SHARED
            t._grad = wrap(value)
    elif create_graph:
        t._grad = add(old, gradient)
    else:
        old._assign(_tensor(add(old, gradient)))


_SHARED: tuple = ([0, None], 0)
"""The note on a value that two memories show: a write into one says nothing about the other."""


def _finish_leaf(node: AccumulateGrad, cotangents: list, create_graph: bool) -> None:
    if node.pre_hooks:
        cotangents = run_pre_hooks(node, cotangents)
    leaf = node.variable
    if leaf is not None:
        wanted = leaf._grad_dtype
        gradient = cotangents[0]
        if wanted is not OWN and wanted is not None:
            gradient = cast(_tensor(gradient), wanted.np)
        store(leaf, gradient, create_graph)
        if leaf._accumulate_hooks:
            for hook in list(leaf._accumulate_hooks.values()):
                if hook(leaf) is not None:
                    raise RuntimeError("Tensor post accumulate grad hooks should return None.")
    if node.post_hooks:
        run_post_hooks(node, [], cotangents)
