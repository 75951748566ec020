"""autograd.Function: an operation with a backward of one's own."""

from __future__ import annotations

import functools
import warnings
from typing import Any

from torchlike.core import batching, graph
from torchlike.core.graph import FREED, Node
from torchlike.core.op import inexact
from torchlike.core.variable import Variable


class FunctionNode(Node):
    """The node of a custom Function; also the `ctx` that its forward and backward see."""

    def __init__(self, cls: Any, edges: list):
        Node.__init__(self, edges, ())
        self.cls = cls
        self.saved: tuple = ()
        self.freed = False
        self.needs_input_grad = tuple(e is not None for e in edges)
        self.materialize = True
        self.dirty: tuple = ()
        self.no_gradient: tuple = ()

    def name(self) -> str:
        return self.cls.__name__ + "Backward"

    @property
    def next_functions(self) -> tuple:
        return tuple(e for e in self.edges if e is not None)

    def save_for_backward(self, *tensors) -> None:
        """Keep these tensors (or None) for `backward`, where `ctx.saved_tensors` has them."""
        self.saved = tensors

    @property
    def saved_tensors(self) -> tuple:
        """What `save_for_backward` kept."""
        if self.freed:
            raise RuntimeError(FREED)
        return self.saved

    def mark_dirty(self, *tensors) -> None:
        """Say which inputs `forward` changed in place."""
        self.dirty = tensors

    def mark_non_differentiable(self, *tensors) -> None:
        """Say which outputs have no gradient."""
        self.no_gradient = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` sees zeros (the default) or None for outputs that nothing came back to."""
        self.materialize = value

    def apply(self, cotangents: list, keep: bool) -> list:
        import torchlike as torch

        if self.materialize:
            cotangents = [
                torch.zeros(a.shape, dtype=torch.core.dtype.FROM_NP[a.dtype], device=a.device) if c is None else c
                for c, a in zip(cotangents, self.avals, strict=True)
            ]
        grads = self.cls.backward(self, *cotangents)
        if not keep and self.saved:
            self.freed, self.saved = True, ()
        grads = list(grads) if isinstance(grads, tuple | list) else [grads]
        n = len(self.edges)
        if len(grads) > n and all(g is None for g in grads[n:]):
            grads = grads[:n]
        if len(grads) != n:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {n}, got {len(grads)})"
            )
        for i, (edge, g) in enumerate(zip(self.edges, grads, strict=True)):
            if edge is not None and g is not None:
                expected = edge[0].avals[edge[1]].shape
                if not isinstance(g, Variable):
                    raise TypeError(f"expected Variable or None (got {type(g).__name__})")
                if g._aval().shape != expected:
                    raise RuntimeError(
                        f"Function {self.name()} returned an invalid gradient at index {i} - got "
                        f"{list(g._aval().shape)} but expected shape compatible with {list(expected)}"
                    )
        return grads


class Function:
    """Subclass it with static methods `forward(ctx, ...)` and `backward(ctx, *grads)` and call `apply`.

    In the other style, `forward(...)` without ctx goes with `setup_context(ctx, inputs, output)`.

    >>> import torchlike as torch
    >>> class Double(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         return x * 2
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         return g * 2
    >>> x = torch.ones(1, requires_grad=True)
    >>> Double.apply(x).backward()
    >>> x.grad
    tensor([2.])
    """

    def __init__(self, *args, **kwargs):
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a future "
            "version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    @staticmethod
    def forward(*args, **kwargs):
        """Compute the result; the first argument is `ctx` unless `setup_context` is defined."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Save what `backward` needs."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """From the gradients of the outputs those of the inputs, None for inputs without."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    @staticmethod
    def jvp(ctx, *grad_inputs):
        """Forward mode: not used by `backward`."""
        raise NotImplementedError("You must implement the jvp function for custom autograd.Function to use it with "
                                  "forward mode AD.")  # fmt: skip

    @classmethod
    def apply(cls, *args, **kwargs):
        """Run `forward` and note the node in the graph."""
        if cls.vjp is not Function.vjp and cls.backward is Function.backward:
            cls.backward = cls.vjp  # type: ignore[method-assign]
        if batching.current() is not None:
            if cls.setup_context is Function.setup_context:
                raise RuntimeError(
                    "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it "
                    "must override the setup_context staticmethod."
                )
            raise NotImplementedError(
                f"{cls.__name__} under vmap: the gradient of an autograd.Function is not batched here. Put its forward "
                "under vmap as a plain function, or loop over the batch"
            )
        edges = [a._edge() if isinstance(a, Variable) and a.requires_grad else None for a in args]
        tracked = graph.mode.grad and any(e is not None for e in edges)
        node = FunctionNode(cls, edges)
        with graph._at(False):
            if cls.setup_context is not Function.setup_context:
                result = cls.forward(*args, **kwargs)
                cls.setup_context(node, args, result)
            else:
                result = cls.forward(node, *args, **kwargs)
        outputs = list(result) if isinstance(result, tuple) else [result]
        if not tracked:
            return result
        finished = []
        for i, out in enumerate(outputs):
            if isinstance(out, Variable):
                changed = any(out is d for d in node.dirty)
                if not changed and any(out is a for a in args):
                    out = out._alias()  # an input handed through is another tensor outside, as in PyTorch
                if inexact(out._aval().dtype) and not any(out is t for t in node.no_gradient):
                    if changed and out._requires_grad and out._node is None:
                        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
                    out._node, out._nr, out._requires_grad = node, i, False
            finished.append(out)
        node.avals = tuple(o._aval() if isinstance(o, Variable) else None for o in finished)
        return tuple(finished) if isinstance(result, tuple) else finished[0]

    vjp = backward


def once_differentiable(fn):
    """For a backward whose own result has no gradient: it runs without the grad mode."""

    @functools.wraps(fn)
    def wrapper(ctx, *grads):
        with graph._at(False):
            return fn(ctx, *grads)

    return wrapper


FunctionCtx = FunctionNode

