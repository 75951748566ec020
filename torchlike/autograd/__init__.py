"""torch.autograd: gradients on demand, and functions with a gradient of one's own."""

from __future__ import annotations

from torchlike.autograd import forward_ad as forward_ad
from torchlike.autograd import function as function
from torchlike.autograd import functional as functional
from torchlike.autograd.anomaly_mode import detect_anomaly as detect_anomaly
from torchlike.autograd.anomaly_mode import set_detect_anomaly as set_detect_anomaly
from torchlike.autograd.function import Function as Function
from torchlike.autograd.gradcheck import gradcheck as gradcheck
from torchlike.autograd.gradcheck import gradgradcheck as gradgradcheck
from torchlike.core import graph
from torchlike.core.autograd import (  # noqa: F401
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    root_gradient,
    run_backward,
    set_grad_enabled,
)
from torchlike.core.variable import Variable


def _tuple(x) -> tuple:
    return () if x is None else (x,) if isinstance(x, Variable) else tuple(x)


def backward(
    tensors, grad_tensors=None, retain_graph=None, create_graph=False, grad_variables=None, inputs=None
) -> None:
    """Add the gradients of `tensors` to the `grad` of the leaves they depend on (of `inputs` only, if given).

    `grad_tensors` holds the gradient of each tensor, None for scalars. See `Tensor.backward`.
    """
    roots = list(_tuple(tensors))
    if inputs is not None:
        inputs = list(_tuple(inputs))
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
        for t in inputs:
            if not t.requires_grad:
                raise RuntimeError("One of the differentiated Tensors does not require grad")
    given = [None] * len(roots) if grad_tensors is None else list(_tuple(grad_tensors))
    if len(given) != len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(given)} gradients")
    with graph._at(create_graph):
        starts = [root_gradient(r, g) for r, g in zip(roots, given, strict=True)]
    run_backward(
        roots, starts, keep_graph=create_graph if retain_graph is None else retain_graph, create_graph=create_graph,
        inputs=inputs,
    )  # fmt: skip


def grad(
    outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True, allow_unused=None,
    is_grads_batched=False, materialize_grads=False,
) -> tuple:  # fmt: skip
    """The gradients of `outputs` towards `inputs`, as a tuple; no `grad` attribute changes.

    >>> import torchlike as torch
    >>> x = torch.tensor(3., requires_grad=True)
    >>> torch.autograd.grad(x ** 2, x)
    (tensor(6.),)
    """
    if is_grads_batched:
        raise NotImplementedError("autograd.grad(is_grads_batched=True): call grad once per row of grad_outputs")
    if not only_inputs:
        raise NotImplementedError("autograd.grad(only_inputs=False): call backward() to fill the other leaves")
    if materialize_grads and allow_unused is False:
        raise ValueError("Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
                         "allow_unused=False.")  # fmt: skip
    roots, leaves = list(_tuple(outputs)), list(_tuple(inputs))
    if not leaves:
        raise ValueError("grad requires non-empty inputs.")
    for t in leaves:
        if not t.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    given = [None] * len(roots) if grad_outputs is None else list(_tuple(grad_outputs))
    with graph._at(create_graph):
        starts = [root_gradient(r, g) for r, g in zip(roots, given, strict=True)]
    found = run_backward(
        roots, starts, keep_graph=create_graph if retain_graph is None else retain_graph, create_graph=create_graph,
        inputs=leaves, accumulate=False,
    )  # fmt: skip
    if materialize_grads:
        import torchlike as torch

        found = [torch.zeros_like(t) if g is None else g for g, t in zip(found, leaves, strict=True)]
    elif not allow_unused and None in found:
        raise RuntimeError(
            f"The differentiated Tensor at index {found.index(None)} appears to not have been used in the graph. Set "
            "allow_unused=True if this is the desired behavior."
        )
    return tuple(found)


def _profiler_enabled() -> bool:
    """False: profiles are made by `torch.profiler`, which XLA's own profiler serves."""
    return False


def _disable_profiler() -> None:
    """Nothing to do: see `_profiler_enabled`."""
