"""The dynamic graph: one node for every recorded operation that a gradient may flow through, and the grad mode."""

from __future__ import annotations

import functools
import itertools
import threading
import weakref
from collections.abc import Callable

from torchlike.core.op import Rule

_sequence = itertools.count(1)

FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors "
    "after calling backward."
)


class _Mode(threading.local):
    grad = True
    inference = False
    anomaly = False  # whether the backward pass looks for NaN: autograd/anomaly_mode.py


mode = _Mode()


class _GradMode:
    """A switch of the grad mode: a context manager, and a decorator for functions."""

    on: bool

    def __enter__(self):
        self._was = mode.grad
        mode.grad = self.on

    def __exit__(self, *exc):
        mode.grad = self._was

    def __call__(self, fn: Callable) -> Callable:
        @functools.wraps(fn)
        def switched(*args, **kwargs):
            with type(self)() if not isinstance(self, set_grad_enabled) else _at(self.on):
                return fn(*args, **kwargs)

        return switched


class no_grad(_GradMode):
    """Inside it nothing is noted for the backward pass. Context manager and decorator, with or without parentheses.

    >>> import torchlike as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    on = False

    def __new__(cls, fn: Callable | None = None):
        self = super().__new__(cls)
        return self if fn is None else self(fn)


class enable_grad(no_grad):
    """The opposite of `no_grad`, for a part inside it."""

    on = True


class inference_mode(_GradMode):
    """As `no_grad`; PyTorch's extra restrictions on the tensors made inside it are not needed here and not imposed."""

    def __new__(cls, mode: bool | Callable = True):
        self = super().__new__(cls)
        if callable(mode):
            self.on = False
            return self(mode)
        return self

    def __init__(self, mode: bool = True):
        self.inference = mode
        self.on = not mode

    def __enter__(self):
        self._was, self._was_inference = mode.grad, mode.inference
        if self.inference:
            mode.grad = False
        mode.inference = self.inference

    def __exit__(self, *exc):
        mode.grad, mode.inference = self._was, self._was_inference


class set_grad_enabled(_GradMode):
    """Sets the grad mode at once; as a context manager it restores the old one at the end."""

    def __init__(self, mode_: bool):
        self.on = bool(mode_)
        self._was = mode.grad
        mode.grad = self.on

    def __enter__(self):
        mode.grad = self.on


class _at(_GradMode):
    def __init__(self, on: bool):
        self.on = on


def is_grad_enabled() -> bool:
    """Whether operations are noted for the backward pass now."""
    return mode.grad


def is_inference_mode_enabled() -> bool:
    """Whether inside `inference_mode()`."""
    return mode.inference


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

    def __init__(self, edges: list, avals: tuple):
        self.sequence = next(_sequence)
        self.edges = edges
        self.avals = avals  # of the outputs

    def name(self) -> str:
        """The name that PyTorch prints for this node."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"<{self.name()} object at {id(self):#x}>"

    @property
    def next_functions(self) -> tuple:
        """(node, output number) for every tensor input; (None, 0) where no gradient goes."""
        return tuple((None, 0) if e is None else e for e in self.edges)

    @property
    def _sequence_nr(self) -> int:
        return self.sequence

    def apply(self, cotangents: list, keep: bool) -> list:
        """Gradients of the inputs (None where none goes) from those of the outputs (None where none came)."""
        raise NotImplementedError

    def register_hook(self, hook: Callable):
        """`hook(grad_inputs, grad_outputs)` runs after this node; it may return other grad_inputs."""
        from torchlike.core.hooks import RemovableHandle

        if self.post_hooks is None:
            self.post_hooks = {}
        return RemovableHandle(self.post_hooks, hook)

    def register_prehook(self, hook: Callable):
        """`hook(grad_outputs)` runs before this node; it may return other grad_outputs."""
        from torchlike.core.hooks import RemovableHandle

        if self.pre_hooks is None:
            self.pre_hooks = {}
        return RemovableHandle(self.pre_hooks, hook)


class OpNode(Node):
    """The node of a recorded op. It keeps the primals that the gradient really reads, and nothing else."""

    run: Callable  # core.variable.differentiate

    def __init__(self, rule: Rule, edges: list, values: list):
        self.sequence = next(_sequence)
        self.edges = edges
        self.avals = rule.spec.outs
        self.rule = rule
        self.saved: list | None = [values[i] for i in rule.needed]

    def name(self) -> str:
        return self.rule.spec.op.grad_of(self.rule.spec)

    @property
    def next_functions(self) -> tuple:
        pairs = zip(self.edges, self.rule.spec.avals, strict=True)
        return tuple((None, 0) if e is None else e for e, a in pairs if not a.weak)

    def apply(self, cotangents: list, keep: bool) -> list:
        saved = self.saved
        if saved is None:
            raise RuntimeError(FREED)
        if not keep and saved:
            self.saved = None
        return self.run(self, saved, cotangents)


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
        return "AccumulateGrad"

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at {id(self):#x}>"
