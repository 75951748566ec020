"""The backward pass: walks the graph from the newest node to the oldest, recording the gradients on the tape."""

from __future__ import annotations

import heapq
from typing import Any

import jax.numpy as jnp

from torchlike.core import capture, graph
from torchlike.core.graph import (  # noqa: F401  the grad modes are public here
    AccumulateGrad,
    Node,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from torchlike.core.op import SLOT, Array, Op, Sizes, inexact
from torchlike.core.variable import Variable, apply, wrap


def _accumulate(input: Array, other: Array):
    return input + other.astype(input.dtype)


def _ones(size: Sizes, dtype):
    return jnp.ones(size, dtype)


def _any_nan(input: Array):
    return jnp.isnan(input).any()


ACCUMULATE = Op("add", _accumulate)
_ANY_NAN = Op("any", _any_nan)
ONES = Op("ones", _ones)


def add(a: Variable, b: Variable) -> Variable:
    """The sum of two gradients."""
    return apply(ACCUMULATE, (SLOT, SLOT), [a, b])


def root_gradient(root: Variable, gradient: Variable | None) -> Variable:
    """The gradient to start from, checked as PyTorch checks it."""
    aval = root._aval()
    if root._edge() is None:
        raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")
    if gradient is None:
        size = 1
        for n in aval.shape:
            size *= n
        if size != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if not inexact(aval.dtype) or aval.dtype.kind == "c":
            raise RuntimeError(
                f"grad can be implicitly created only for real scalar outputs but got {root.dtype}"  # type: ignore[attr-defined]
            )
        return apply(ONES, (aval.shape, aval.dtype), [], device=aval.device)
    if not isinstance(gradient, Variable):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
    if gradient._aval().shape != aval.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[0] has a shape of {_size(gradient)} and output[0] has a shape of "
            f"{_size(root)}."
        )
    return gradient


def _size(t: Variable) -> str:
    return f"torch.Size({list(t._aval().shape)})"


def run_backward(
    roots: list[Variable],
    gradients: list[Variable],
    *,
    keep_graph: bool,
    create_graph: bool,
    inputs: list[Variable] | None = None,
    accumulate: bool = True,
) -> list[Variable | None]:
    """Send `gradients` back from `roots`.

    With `accumulate` they end in the `grad` of the leaves (of `inputs` only, if given); otherwise the gradients of
    `inputs` are returned and no `grad` changes.
    """
    edges = [t._edge() for t in inputs] if inputs is not None else []
    starts: list[Any] = [t._edge() for t in roots]
    useful = _leading_to({e[0] for e in edges if e}, [s[0] for s in starts]) if inputs is not None else None
    found: dict = {}
    waiting: dict[Node, list] = {}
    heap: list = []

    def arrive(edge, cotangent) -> None:
        node, nr = edge
        if useful is not None and node not in useful:
            return
        slots = waiting.get(node)
        if slots is None:
            slots = waiting[node] = [None] if node.__class__ is AccumulateGrad else [None] * len(node.avals)
            heapq.heappush(heap, (-node.sequence, id(node), node))
        before = slots[nr]
        slots[nr] = cotangent if before is None else add(before, cotangent)

    was = graph.mode.grad
    graph.mode.grad = create_graph
    try:
        for start, gradient in zip(starts, gradients, strict=True):
            arrive(start, gradient)
        targets = set(edges)
        while heap:
            node = heapq.heappop(heap)[2]
            cotangents = waiting.pop(node)
            if node.tensor_hooks:
                _run_tensor_hooks(node, cotangents)
            if node.pre_hooks:
                cotangents = _run_pre_hooks(node, cotangents)
            for nr, c in enumerate(cotangents):
                if (node, nr) in targets:
                    found[node, nr] = c
            if node.retained:
                for nr, ref in node.retained.items():
                    t = ref()
                    if t is not None and cotangents[nr] is not None:
                        store(t, cotangents[nr], create_graph)
            if isinstance(node, AccumulateGrad):
                if accumulate:
                    _finish_leaf(node, cotangents[0], create_graph)
                continue
            if useful is not None and not any(e is not None and e[0] in useful for e in node.edges):
                continue
            grads = node.apply(cotangents, keep_graph)
            if graph.mode.anomaly:
                _refuse_nan(node, grads)
            if node.post_hooks:
                grads = _run_post_hooks(node, grads, cotangents)
            for edge, g in zip(node.edges, grads, strict=True):
                if edge is not None and g is not None:
                    arrive(edge, g)
        if accumulate and inputs is not None:
            for t, e in zip(inputs, edges, strict=True):
                if e and not isinstance(e[0], AccumulateGrad) and found.get(e) is not None:
                    store(t, found[e], create_graph)
    finally:
        graph.mode.grad = was
    return [found.get(e) for e in edges]


def _refuse_nan(node: Node, grads: list) -> None:
    """The check of the anomaly mode: it reads every gradient, so each is a barrier."""
    for i, g in enumerate(grads):
        if isinstance(g, Variable) and g._aval().inexact and bool(apply(_ANY_NAN, (SLOT,), [g])):
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")


def _leading_to(targets: set, starts: list) -> set:
    """Nodes on a way from the starts to a target, found without recursion."""
    order, seen, stack = [], set(), list(starts)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        order.append(node)
        stack.extend(e[0] for e in node.edges if e is not None)
    useful = set(targets)
    for node in sorted(order, key=lambda n: n.sequence):
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
            t._grad = wrap(gradient._read())
    elif create_graph:
        t._grad = add(old, gradient)
    else:
        old._assign(add(old, gradient))


def _finish_leaf(node: AccumulateGrad, gradient: Variable, create_graph: bool) -> None:
    leaf = node.variable
    if leaf is None:
        return
    if leaf._leaf_hooks:
        gradient = _run_hooks(leaf._leaf_hooks, gradient)
    store(leaf, gradient, create_graph)
    if leaf._accumulate_hooks:
        for hook in list(leaf._accumulate_hooks.values()):
            if hook(leaf) is not None:
                raise RuntimeError("Tensor post accumulate grad hooks should return None.")


def _run_hooks(hooks: dict, gradient: Variable) -> Variable:
    for hook in list(hooks.values()):
        other = hook(gradient)
        if other is not None:
            if not isinstance(other, Variable):
                raise TypeError(f"hook returned {type(other).__name__}: expected a Tensor or None")
            if other._aval().shape != gradient._aval().shape:
                raise RuntimeError(
                    "hook has changed the size of value"
                )
            gradient = other
    return gradient


def _run_tensor_hooks(node: Node, cotangents: list) -> None:
    for nr, hooks in (node.tensor_hooks or {}).items():
        if cotangents[nr] is not None:
            cotangents[nr] = _run_hooks(hooks, cotangents[nr])


def _run_pre_hooks(node: Node, cotangents: list) -> list:
    for hook in list((node.pre_hooks or {}).values()):
        other = hook(tuple(cotangents))
        if other is not None:
            cotangents = list(other)
    return cotangents


def _run_post_hooks(node: Node, grads: list, cotangents: list) -> list:
    for hook in list((node.post_hooks or {}).values()):
        other = hook(tuple(grads), tuple(cotangents))
        if other is not None:
            grads = list(other) if isinstance(other, tuple | list) else [other]
    return grads
