"""autograd.Function: an operation with a backward, a jvp and a vmap of one's own."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any

from torchlike.autograd import batched_function
from torchlike.core import batching, forward, graph, saved
from torchlike.core.graph import FREED, Node
from torchlike.core.op import inexact
from torchlike.core.variable import Variable, wrap

__all__ = [
    "FunctionCtx", "BackwardCFunction", "FunctionMeta", "Function", "once_differentiable", "InplaceFunction",
]  # fmt: skip


class FunctionCtx:
    """The `ctx` that `forward`, `backward` and `jvp` see: what one of them keeps for the others, as its attributes."""

    # what forward may set stands under PyTorch's own names, so that no attribute of a user's meets it
    to_save: tuple = ()
    saved_for_forward: tuple | None = None
    dirty_tensors: tuple = ()
    non_differentiable: tuple = ()
    materialize_grads = True
    needs_input_grad: tuple = ()
    _kept: list | None = []  # noqa: RUF012  never written; None once freed
    _in_jvp = False
    _of: Any = None  # the name of the node

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep these tensors (or None) for `backward`, where `ctx.saved_tensors` has them."""
        self.to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keep these tensors (or None) for `jvp`, where `ctx.saved_tensors` has them."""
        for t in tensors:
            if not (isinstance(t, Variable) or t is None):
                raise AssertionError(
                    "save_for_forward expects all arguments to be tensors; you should save non-tensors as attributes "
                    "on ctx."
                )
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Any) -> None:
        """Say which inputs `forward` changed in place; it must return them."""
        self.dirty_tensors = args

    def mark_shared_storage(self, *pairs: Any) -> None:
        """Nothing to do: tensors with shared memory are known; FutureWarning as in PyTorch."""
        warnings.warn(
            "`mark_shared_storage` is deprecated. Tensors with shared storages are automatically tracked. Note that "
            "calls to `set_()` are not tracked",
            FutureWarning,
            stacklevel=2,
        )

    def mark_non_differentiable(self, *args: Any) -> None:
        """Say which outputs have no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` and `jvp` see zeros (the default) or None where nothing came."""
        self.materialize_grads = value

    @property
    def saved_tensors(self) -> tuple:
        """What `save_for_backward` kept, in `jvp` what `save_for_forward` kept.

        RuntimeError after it was freed, and for a tensor that was written into since.
        """
        if self._in_jvp and self.saved_for_forward is not None:
            return self.saved_for_forward
        if self._kept is None:
            raise RuntimeError(FREED)
        return tuple([None if k is None else k.take() for k in self._kept])

    def _keep(self, node: Node | None) -> None:
        """After forward: note what was to be saved, outputs without the node, which they would hold in a cycle."""
        for i, t in enumerate(self.to_save):
            if not (isinstance(t, Variable) or t is None):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type {type(t).__name__}"
                )
        self._kept = [None if t is None else saved.keep(t, node) for t in self.to_save]
        self.to_save = ()


class BackwardCFunction(FunctionCtx):
    """The class of a `ctx`; each Function has its own below it."""

    _forward_cls: Any


class FunctionNode(Node):
    """The node of a custom Function; a user finds the attributes of its `ctx` on it."""

    def __init__(self, cls: Any, ctx: FunctionCtx, edges: list):
        Node.__init__(self, edges, ())
        self.cls = cls
        self.ctx = ctx

    def name(self) -> str:
        return self.cls.__name__ + "Backward"

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{self.name()} object at {id(self):#x}>"

    def __getattr__(self, name: str) -> Any:
        if name == "ctx":  # before it is set
            raise AttributeError(name)
        return getattr(self.ctx, name)

    @property
    def next_functions(self) -> tuple:
        return tuple(e for e in self.edges if e is not None)

    def apply(self, cotangents: list, keep: bool) -> list:
        ctx = self.ctx
        if ctx.materialize_grads:
            cotangents = [
                _zeros(a) if c is None and a is not None else c for c, a in zip(cotangents, self.avals, strict=True)
            ]
        grads = _backward_of(self.cls)(ctx, *cotangents)
        if not keep:
            ctx._kept = None
        return self._checked(list(grads) if isinstance(grads, tuple | list) else [grads])

    def _checked(self, grads: list) -> list:
        """The gradients with PyTorch's errors; run_backward fits them to the inputs."""
        n = len(self.edges)
        if len(grads) > n and all(g is None for g in grads[n:]):
            grads = grads[:n]
        if len(grads) != n:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {n}, got {len(grads)})"
            )
        for i, g in enumerate(grads):
            if g is None:
                continue
            if not self.ctx._tensors[i]:  # type: ignore[attr-defined]
                raise RuntimeError(
                    f"function {self.name()} returned a gradient different than None at position {i + 1}, but the "
                    "corresponding forward input was not a Variable"
                )
            if not isinstance(g, Variable):
                raise RuntimeError(f"expected Variable or None (got {type(g).__name__})")
        return grads


def _dtype_of(aval: Any) -> Any:
    from torchlike.core.dtype import FROM_NP

    return FROM_NP[aval.dtype]


def _zeros(aval: Any) -> Any:
    import torchlike as torch

    return torch.zeros(aval.shape, dtype=_dtype_of(aval), device=aval.device)


class FunctionMeta(type):
    """The class of Function classes: gives each the class of its ctx."""

    _backward_cls: type[BackwardCFunction]
    _node_cls: type[FunctionNode]

    def __init__(cls, name: str, bases: tuple, attrs: dict, **kwargs: Any):
        super().__init__(name, bases, attrs, **kwargs)
        cls._backward_cls = type(f"{name}Backward", (BackwardCFunction,), {"_forward_cls": cls})
        cls._node_cls = type(f"{name}Backward", (FunctionNode,), {})


class Function(metaclass=FunctionMeta):
    """Subclass it with static methods and call `apply`.

    `forward(ctx, ...)` computes the result; in the other style, `forward(...)` without ctx goes with
    `setup_context(ctx, inputs, output)`, which torch.func needs. `backward(ctx, *grads)` (or `vjp`) gives the gradients
    of the inputs, `jvp(ctx, *tangents)` the tangents of the outputs for forward mode, `vmap(info, in_dims, *args)`
    (outputs, out_dims) for `torch.vmap`; with `generate_vmap_rule = True` the other methods are mapped instead.

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

    generate_vmap_rule = False

    def __init__(self, *args: Any, **kwargs: Any):
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a future "
            "version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd "
            "function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """Compute the result; the first argument is `ctx` unless `setup_context` is defined."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: Any) -> Any:
        """Save what `backward` needs."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """From the gradients of the outputs those of the inputs, None for inputs without."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """From the tangents of the inputs those of the outputs."""
        raise NotImplementedError("You must implement the jvp function for custom autograd.Function to use it with "
                                  "forward mode AD.")  # fmt: skip

    @staticmethod
    def vmap(info: Any, in_dims: tuple, *args: Any) -> Any:
        """(output, out_dims) for a whole batch: `info.batch_size`, `info.randomness`, where each argument has it."""
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or set "
            "generate_vmap_rule=True."
        )

    vjp = backward

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run `forward` and note the node in the graph, and the tangents in the levels of forward mode."""
        apart = cls.setup_context is not Function.setup_context
        if apart:
            bound = inspect.signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        elif batching.transforming():
            raise RuntimeError(
                "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it "
                "must override the setup_context staticmethod. For more details, please see "
                "https://pytorch.org/docs/main/notes/extending.func.html"
            )
        return _apply(cls, apart, args, kwargs)


def _backward_of(cls: Any) -> Callable:
    if cls.vjp is Function.vjp:
        return cls.backward
    if cls.backward is not Function.backward:
        raise RuntimeError(
            "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only implement "
            "one of them."
        )
    return cls.vjp


def _apply(cls: Any, apart: bool, args: tuple, kwargs: dict) -> Any:
    tensors = [isinstance(a, Variable) for a in args]
    edges = [a._edge() if t else None for a, t in zip(args, tensors, strict=True)]
    ctx = cls._backward_cls()
    ctx.needs_input_grad = tuple([e is not None for e in edges])
    ctx._tensors = tensors
    tracked = graph.mode.grad and any(ctx.needs_input_grad)
    before = [a._read() if t else None for a, t in zip(args, tensors, strict=True)]
    batch = batching.innermost([a for a, t in zip(args, tensors, strict=True) if t])
    if batch is not None:
        result = batched_function.call(cls, Function, args, batch)
    else:
        # in a transform forward sees tensors without a history, and what it hands through is the tensor outside
        hidden = batching.transforming()
        seen = [a._alias() if hidden and e is not None else a for a, e in zip(args, edges, strict=True)]
        with graph._at(False), forward.only([]):
            result = cls.forward(*seen, **kwargs) if apart else cls.forward(ctx, *seen, **kwargs)
        if hidden:
            result = _outside(result, {id(s): a for s, a in zip(seen, args, strict=True)})
    if apart:
        with graph._at(False), forward.only([]):
            cls.setup_context(ctx, args, result)
    outputs = list(result) if isinstance(result, tuple) else [result]
    _check_dirty(ctx, outputs)
    node = cls._node_cls(cls, ctx, edges) if tracked else None
    if node is not None and graph.mode.anomaly:
        saved.trace(node)
    finished = [_finished(o, i, args, ctx, node) for i, o in enumerate(outputs)]
    if node is not None:
        node.avals = tuple([o._aval() if isinstance(o, Variable) else None for o in finished])
    # what forward saved may be an output that has become another tensor by now
    now = {id(o): f for o, f in zip(outputs, finished, strict=True)}
    ctx.to_save = tuple([now.get(id(t), t) for t in ctx.to_save])
    ctx._keep(node)
    for level in forward.open_levels():
        _push(cls, ctx, level, before, args, finished)
    return tuple(finished) if isinstance(result, tuple) else finished[0]


def _outside(result: Any, same: dict) -> Any:
    return tuple([same.get(id(x), x) for x in result]) if isinstance(result, tuple) else same.get(id(result), result)


def _check_dirty(ctx: FunctionCtx, outputs: list) -> None:
    if any(all(d is not o for o in outputs) for d in ctx.dirty_tensors):
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. The inputs that are "
            "modified inplace must all be outputs of the Function."
        )


def _finished(out: Any, nr: int, args: tuple, ctx: FunctionCtx, node: Node | None) -> Any:
    """An output as it is seen outside, with its place in the graph."""
    if not isinstance(out, Variable):
        return out
    given = any(out is a for a in args)
    if any(out is d for d in ctx.dirty_tensors):
        if node is not None:
            if out._requires_grad and out._node is None:
                raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
            made = wrap(out._read())
            made._node, made._nr = node, nr
            out._assign(made)  # which gives a base its history too
        return out
    if given:
        out = out._alias()  # an input handed through is another tensor outside, as in PyTorch
    if node is None or not inexact(out._aval().dtype) or any(out is t for t in ctx.non_differentiable):
        if out._edge() is not None:
            out = out._alias()
        return out
    out._node, out._nr, out._requires_grad = node, nr, False
    if given:
        out._handed = nr, node.name().removesuffix("Backward")
    return out


def _push(cls: Any, ctx: FunctionCtx, level: forward.Level, before: list, args: tuple, outputs: list) -> None:
    """Give the outputs their tangents in one level, by `jvp`."""
    outs = [o._read() for o in outputs if isinstance(o, Variable)]
    moving = [v is not None and v in level.tangents for v in before]
    if not any(moving) or max(map(forward.depth_of, outs), default=0) > level.depth:
        return
    levels = forward.open_levels()
    lower = levels[: levels.index(level)]
    mode = graph.mode.grad

    def run(tangents: list) -> list:
        rest = iter(tangents)
        given = [next(rest) if m else None for m in moving]
        if ctx.materialize_grads:
            given = [
                _zeros(v.aval) if t is None and v is not None and v.aval.inexact else t
                for t, v in zip(given, before, strict=True)
            ]
        ctx._in_jvp = True
        try:
            with graph._at(mode), forward.only(lower):
                made = cls.jvp(ctx, *given)
        finally:
            ctx._in_jvp = False
        return _checked_tangents(list(made) if isinstance(made, tuple) else [made], outputs, ctx)

    level.step(run, [v for v, m in zip(before, moving, strict=True) if m], outs)


def _checked_tangents(made: list, outputs: list, ctx: FunctionCtx) -> list:
    if len(made) != len(outputs):
        raise RuntimeError(
            f"Function's jvp returned an invalid number of forward gradients (expected {len(outputs)} but got "
            f"{len(made)})"
        )
    found = []
    for i, (t, o) in enumerate(zip(made, outputs, strict=True)):
        if not (isinstance(t, Variable) or t is None):
            raise RuntimeError(f"expected Variable or None (got {type(t).__name__}) for grad output {i}.")
        if not isinstance(o, Variable):
            continue
        if t is not None:
            a, b = list(o._aval().shape), list(t._aval().shape)
            if a != b:
                raise RuntimeError(
                    "Trying to set a forward gradient that has a different size than that of the original Tensor, "
                    f"this is not supported. Tensor is of size {a} while the given forward gradient is of size {b}."
                )
        found.append(t if o._aval().inexact else None)
    return found


class _Refusing(Node):
    """Stands behind the results of a backward that may not be differentiated."""

    def name(self) -> str:
        return "Error"

    def apply(self, cotangents: list, keep: bool) -> list:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")


def once_differentiable(fn: Callable) -> Callable:
    """For a backward whose own result has no gradient: it runs without the grad mode, and asking for it raises."""

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        with graph._at(False):
            outputs = fn(ctx, *args)
        edges = [a._edge() for a in args if isinstance(a, Variable)]
        if not graph.mode.grad or not any(edges):
            return outputs
        outs = list(outputs) if isinstance(outputs, tuple) else [outputs]
        node = _Refusing(edges, ())
        for i, o in enumerate(outs):
            if isinstance(o, Variable):
                outs[i] = o = o._alias()
                o._node, o._nr = node, i
        node.avals = tuple([o._aval() if isinstance(o, Variable) else None for o in outs])
        return tuple(outs) if isinstance(outputs, tuple) else outs[0]

    return wrapper


class InplaceFunction(Function):
    """PyTorch's class of the same name: a Function with a flag `inplace`."""

    def __init__(self, inplace: bool = False):
        super().__init__()
        self.inplace = inplace
