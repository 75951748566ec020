"""torch.autograd: gradients on demand, and functions with a gradient of one's own."""

from __future__ import annotations

import warnings as _warnings
from collections.abc import Sequence as _Sequence
from typing import Any as _Any

from torchlike.autograd import anomaly_mode as anomaly_mode
from torchlike.autograd import forward_ad as forward_ad
from torchlike.autograd import function as function
from torchlike.autograd import functional as functional
from torchlike.autograd import grad_mode as grad_mode
from torchlike.autograd import graph as graph
from torchlike.autograd import kept as _kept  # noqa: F401  the facts behind the error about values written since
from torchlike.autograd import variable as variable
from torchlike.autograd.anomaly_mode import detect_anomaly as detect_anomaly
from torchlike.autograd.anomaly_mode import set_detect_anomaly as set_detect_anomaly
from torchlike.autograd.function import Function as Function
from torchlike.autograd.grad_mode import enable_grad as enable_grad
from torchlike.autograd.grad_mode import enforce_grad_layout_policy as enforce_grad_layout_policy
from torchlike.autograd.grad_mode import inference_mode as inference_mode
from torchlike.autograd.grad_mode import no_grad as no_grad
from torchlike.autograd.grad_mode import set_grad_enabled as set_grad_enabled
from torchlike.autograd.grad_mode import set_multithreading_enabled as set_multithreading_enabled
from torchlike.autograd.gradcheck import gradcheck as gradcheck
from torchlike.autograd.gradcheck import gradgradcheck as gradgradcheck
from torchlike.autograd.graph import GradientEdge as _Edge
from torchlike.autograd.variable import Variable as Variable
from torchlike.core import batching as _batching
from torchlike.core import graph as _graph
from torchlike.core.autograd import run_backward as _run_backward
from torchlike.core.gradients import root_gradient as _root_gradient
from torchlike.core.variable import Variable as _Variable


def _tuple(x: _Any) -> tuple:
    return () if x is None else (x,) if isinstance(x, _Variable | _Edge) else tuple(x)


def _starts(roots: list, gradients: tuple, create_graph: bool, batched: bool = False) -> list:
    """The gradients to start from, one for each root."""
    with _graph._at(create_graph):
        return [
            _root_gradient(r, g, i, batched) for i, (r, g) in enumerate(zip(roots, gradients, strict=True))
        ]


def _given(roots: list, gradients: _Any) -> tuple:
    given = (None,) * len(roots) if gradients is None else _tuple(gradients)
    if len(given) < len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(given)} gradients")
    return given[: len(roots)]


def backward(
    tensors: _Any, grad_tensors: _Any = None, retain_graph: bool | None = None, create_graph: bool = False,
    grad_variables: _Any = None, inputs: _Any = None,
) -> None:  # fmt: skip
    """Add the gradients of `tensors` to the `grad` of the leaves they depend on (of `inputs` only, if given).

    Args:
        tensors: tensors or GradientEdges to start from.
        grad_tensors: the gradient of each of them, None for scalars.
        retain_graph: keep what the pass used, so that it can be repeated; by default as `create_graph`.
        create_graph: make the gradients differentiable. Unlike in PyTorch that makes no reference cycle between a
            parameter and its gradient, and there is no warning about one.
        inputs: tensors or GradientEdges. One that is no leaf gets a `grad` too.

    >>> import torchlike as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> torch.autograd.backward([x.sum(), x * 3], [None, torch.ones(2)])
    >>> x.grad
    tensor([4., 4.])
    """
    if grad_variables is not None:
        _warnings.warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2)
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. Please only "
                "use `grad_tensors`."
            )
        grad_tensors = grad_variables
    roots = list(_tuple(tensors))
    if inputs is not None:
        inputs = list(_tuple(inputs))
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    starts = _starts(roots, _given(roots, grad_tensors), create_graph)
    for t in inputs or ():
        if isinstance(t, _Variable):
            t.retain_grad()  # type: ignore[attr-defined]
    _run_backward(
        roots, starts, keep_graph=create_graph if retain_graph is None else retain_graph, create_graph=create_graph,
        inputs=inputs,
    )  # fmt: skip


def grad(
    outputs: _Any, inputs: _Any, grad_outputs: _Any = None, retain_graph: bool | None = None,
    create_graph: bool = False, only_inputs: bool = True, allow_unused: bool | None = None,
    is_grads_batched: bool = False, materialize_grads: bool = False,
) -> tuple:  # fmt: skip
    """The gradients of `outputs` towards `inputs`, as a tuple; no `grad` attribute changes.

    Args:
        outputs, inputs: tensors or GradientEdges, one or several.
        grad_outputs: the gradient of each output, None for scalars.
        retain_graph, create_graph: as for `backward`.
        allow_unused: give None for an input that the outputs do not depend on, which is an error otherwise.
        is_grads_batched: the first dimension of `grad_outputs` is a batch, and of the gradients too; one pass for all.
        materialize_grads: give zeros instead of None.

    >>> import torchlike as torch
    >>> x = torch.tensor(3., requires_grad=True)
    >>> torch.autograd.grad(x ** 2, x)
    (tensor(6.),)
    """
    if not only_inputs:
        _warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for "
            "other parts of the graph, please use torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
                         "allow_unused=False.")  # fmt: skip
    roots, leaves = list(_tuple(outputs)), list(_tuple(inputs))
    if not leaves:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    given = _given(roots, grad_outputs)
    keep = create_graph if retain_graph is None else retain_graph
    starts = _starts(roots, given, create_graph, is_grads_batched)
    for t in leaves:
        if isinstance(t, _Variable) and not t.requires_grad:  # type: ignore[attr-defined]
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    run = _batch if is_grads_batched else _run_backward
    found: list = run(roots, starts, keep_graph=keep, create_graph=create_graph, inputs=leaves, accumulate=False)
    if materialize_grads:
        if any(g is None and not isinstance(t, _Variable) for g, t in zip(found, leaves, strict=True)):
            raise RuntimeError("materialize_grads cannot be used when the given input is a GradientEdge")
        import torchlike as torch

        found = [torch.zeros_like(t) if g is None else g for g, t in zip(found, leaves, strict=True)]
    elif not allow_unused and None in found:
        raise RuntimeError(
            f"The differentiated Tensor at index {found.index(None)} appears to not have been used in the graph. Set "
            "allow_unused=True if this is the desired behavior."
        )
    return tuple(found)


def _batch(roots: list, starts: _Sequence, **how: _Any) -> list:
    """`run_backward` for a batch of gradients at once: they go through the graph inside a `vmap`."""
    size = next(g.shape[0] for g in starts if g is not None)
    level = _batching.enter(size, "error")
    try:
        inside = [None if g is None else _batching.inside(g, level.depth, True) for g in starts]
        found = _run_backward(roots, inside, **how)
        pairs = [(None, False) if g is None else _batching.behind(g, level) for g in found]
    finally:
        _batching.leave(level)
    return [g if spread or g is None else g.expand(size, *g.shape) for g, spread in pairs]


def _profiler_enabled() -> bool:
    """False: profiles are made by `torch.profiler`, which XLA's own profiler serves."""
    return False


def _disable_profiler() -> None:
    """Nothing to do: see `_profiler_enabled`."""
