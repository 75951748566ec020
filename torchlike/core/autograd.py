"""The backward pass: walks the graph from the newest node to the oldest, recording the gradients on the tape."""

from __future__ import annotations

import heapq
import itertools
import math
import warnings
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from torchlike.core import capture, graph
from torchlike.core.dtype import FROM_NP
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
from torchlike.core.op import SLOT, Array, Op, Sizes
from torchlike.core.value import Aval
from torchlike.core.variable import Variable, apply, wrap


def _accumulate(input: Array, other: Array):
    return input + other.astype(input.dtype)


def _ones(size: Sizes, dtype):
    return jnp.ones(size, dtype)


def _any_nan(input: Array):
    return jnp.isnan(input).any()


def _cast(input: Array, dtype):
    return input.astype(dtype)


def _sum_to(input: Array, size: Sizes):
    extra = input.ndim - len(size)
    ones = tuple([i + extra for i, n in enumerate(size) if n == 1 and input.shape[i + extra] != 1])
    return input.sum((*range(extra), *ones), keepdims=True).reshape(size)


ACCUMULATE = Op("add", _accumulate)
CAST = Op("to_copy", _cast)
SUM_TO = Op("sum", _sum_to)
_ANY_NAN = Op("any", _any_nan)
ONES = Op("ones", _ones)


def add(a: Variable, b: Variable) -> Variable:
    """The sum of two gradients."""
    return apply(ACCUMULATE, (SLOT, SLOT), [a, b])


def edge_of(x: Any) -> tuple | None:
    """Where a gradient of a tensor, or of a GradientEdge, goes: (node, output number), or None."""
    return x._edge() if isinstance(x, Variable) else (x[0], x[1])


def aval_of(x: Any) -> Aval:
    """What a tensor, or the output that a GradientEdge leads from, is like."""
    return x._aval() if isinstance(x, Variable) else x[0].avals[x[1]]


def _dtype_name(a: Aval) -> str:
    return str(FROM_NP[a.dtype])


def root_gradient(root: Any, gradient: Any, place: int = 0, batched: bool = False) -> Any:
    """The gradient to start from, checked as PyTorch checks it. Of a `batched` one the first dimension is the batch."""
    aval = aval_of(root)
    if gradient is None:
        if edge_of(root) is None:  # refused, like all of these, by the pass itself
            return None
        if math.prod(aval.shape) != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
        if aval.dtype.kind == "c":
            raise RuntimeError(
                f"grad can be implicitly created only for real scalar outputs but got {_dtype_name(aval)}"
            )
        return apply(ONES, (aval.shape, aval.dtype), [], device=aval.device)
    if not isinstance(gradient, Variable):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
    given = gradient._aval()
    shape = given.shape[1:] if batched else given.shape
    if shape != aval.shape:
        if batched:
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch "
                "dimension. The sizes of the remaining dimensions are expected to match the shape of corresponding "
                f"output, but a mismatch was detected: grad_output[{place}] has a shape of {_size(shape)} and "
                f"output[{place}] has a shape of {_size(aval.shape)}. If you only want some tensors in `grad_output` "
                "to be considered batched, consider using vmap."
            )
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{place}] has a shape of {_size(shape)} and output[{place}] has a shape of "
            f"{_size(aval.shape)}."
        )
    if (given.dtype.kind == "c") != (aval.dtype.kind == "c"):
        raise RuntimeError(
            "For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
            f"grad_output[{place}] has a dtype of {_dtype_name(given)} and output[{place}] has a dtype of "
            f"{_dtype_name(aval)}."
        )
    return gradient


def _size(shape: tuple) -> str:
    return f"torch.Size({list(shape)})"


def fitted(gradient: Any, aval: Aval, source: str) -> Any:
    """A gradient that Python made, in the shape and dtype of what it is the gradient of; PyTorch's error, beginning
    with `source`, where it cannot be brought to that."""
    given = gradient._aval()
    if given is aval:
        return gradient
    if given.shape != aval.shape:
        rest = given.shape[len(given.shape) - len(aval.shape) :]
        if len(rest) != len(aval.shape) or any(n not in (1, m) for n, m in zip(aval.shape, rest, strict=True)):
            raise RuntimeError(
                f"{source} - got {list(given.shape)} but expected shape compatible with {list(aval.shape)}"
            )
        gradient = apply(SUM_TO, (SLOT, aval.shape), [gradient])
    if given.dtype != aval.dtype:
        if given.dtype.kind == "c" and aval.dtype.kind != "c":
            raise RuntimeError(
                "Expected isFloatingType(grad.scalar_type()) || (input_is_complex == grad_is_complex) to be true, but "
                "got false.  (Could this error message be improved?  If so, please report an enhancement request to "
                "PyTorch.)"
            )
        gradient = apply(CAST, (SLOT, aval.dtype), [gradient])
    return gradient


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

    targets = set(edges)

    def capture_at(node, cotangents) -> None:
        for nr, c in enumerate(cotangents):
            if (node, nr) in targets:
                found[node, nr] = c

    mode = graph.mode
    was, mode.grad = mode.grad, create_graph
    outer, mode.running = mode.running, Pass(starts, useful)
    anomaly = mode.anomaly
    try:
        for i, (start, gradient) in enumerate(zip(starts, gradients, strict=True)):
            if gradient is not None:
                node, nr = start
                where = f"Function {node.name()} returned an invalid gradient at index {i}"
                arrive(start, fitted(gradient, node.avals[nr], where))
        while heap:
            node = heapq.heappop(heap)[2]
            cotangents = waiting.pop(node)
            goes_on = useful is None or any(e is not None and e[0] in useful for e in node.edges)
            if goes_on and targets:  # as in PyTorch, hooks change what is returned only where the pass ends
                capture_at(node, cotangents)
            if node.tensor_hooks:
                _run_tensor_hooks(node, cotangents)
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
                cotangents = _run_pre_hooks(node, cotangents)
            grads = _watched(node, cotangents, keep_graph) if anomaly else node.apply(cotangents, keep_graph)
            if node.post_hooks:
                grads = _run_post_hooks(node, grads, cotangents)
            if not isinstance(node, OpNode):
                grads = _fitted_all(node, grads)
            for edge, g in zip(node.edges, grads, strict=True):
                if edge is not None and g is not None:
                    arrive(edge, g)
    finally:
        mode.grad, mode.running = was, outer
    return [found.get(e) for e in edges]


def _fitted_all(node: Node, grads: list) -> list:
    """What a node with a gradient in Python returned, made to fit the inputs."""
    return [
        g if g is None or e is None
        else fitted(g, e[0].avals[e[1]], f"Function {node.name()} returned an invalid gradient at index {i}")
        for i, (e, g) in enumerate(zip(node.edges, grads, strict=True))
    ]  # fmt: skip


def _watched(node: Node, cotangents: list, keep: bool) -> list:
    """`node.apply` in the anomaly mode: an error names the line that made the node, and NaN is one.

    Every gradient is read for that, so each is a barrier.
    """
    mode = graph.mode
    outer, mode.node = mode.node, node
    try:
        grads = node.apply(cotangents, keep)
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
            value = gradient._read()
            if not hasattr(value, "counted"):
                value.counted = _SHARED
            t._grad = wrap(value)
    elif create_graph:
        t._grad = add(old, gradient)
    else:
        old._assign(add(old, gradient))


_SHARED: tuple = ([0, None], 0)
"""The note on a value that two memories show: a write into one says nothing about the other."""


def _finish_leaf(node: AccumulateGrad, cotangents: list, create_graph: bool) -> None:
    if node.pre_hooks:
        cotangents = _run_pre_hooks(node, cotangents)
    leaf = node.variable
    if leaf is not None:
        store(leaf, cotangents[0], create_graph)
        if leaf._accumulate_hooks:
            for hook in list(leaf._accumulate_hooks.values()):
                if hook(leaf) is not None:
                    raise RuntimeError("Tensor post accumulate grad hooks should return None.")
    if node.post_hooks:
        _run_post_hooks(node, [], cotangents)


def _checked(hook: Callable, before: Any, now: Any) -> Any:
    """What a hook returned in the place of a gradient, with PyTorch's errors."""
    if before is None or now is None:
        return now
    if not isinstance(now, Variable):
        raise TypeError(f"expected Variable, but hook returned '{type(now).__name__}'")
    a, b = before._aval(), now._aval()
    if a.dtype != b.dtype or a.device is not b.device:
        raise RuntimeError(
            f"hook '{_name(hook)}' has changed the type of value (was {before.type()} got {now.type()})"  # type: ignore[attr-defined]
        )
    if a.shape != b.shape:
        raise RuntimeError(f"hook '{_name(hook)}' has changed the size of value")
    return now


def _name(hook: Callable) -> str:
    return getattr(hook, "__name__", type(hook).__name__)


def _run_tensor_hooks(node: Node, cotangents: list) -> None:
    for nr, hooks in (node.tensor_hooks or {}).items():
        for hook in list(hooks.values()):
            if cotangents[nr] is not None and (other := hook(cotangents[nr])) is not None:
                cotangents[nr] = _checked(hook, cotangents[nr], other)


def _all_checked(hook: Callable, before: tuple, now: Any) -> tuple:
    if not isinstance(now, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(now).__name__}'")
    if len(now) != len(before):
        raise RuntimeError(
            f"hook '{_name(hook)}' has returned an incorrect number of values (got {len(now)}, but expected "
            f"{len(before)})"
        )
    return tuple([_checked(hook, b, n) for b, n in zip(before, now, strict=True)])


def _run_pre_hooks(node: Node, cotangents: list) -> list:
    given = tuple(cotangents)
    for hook in list((node.pre_hooks or {}).values()):
        other = hook(given)
        if other is not None:
            given = _all_checked(hook, given, other)
    return list(given)


def _run_post_hooks(node: Node, grads: list, cotangents: list) -> list:
    places = node.shown()
    given = tuple([None if i is None else grads[i] for i in places])
    for hook in list((node.post_hooks or {}).values()):
        other = hook(given, tuple(cotangents))
        if other is not None:
            given = _all_checked(hook, given, other)
    grads = list(grads)
    for i, g in zip(places, given, strict=True):
        if i is not None:
            grads[i] = g
    return grads
