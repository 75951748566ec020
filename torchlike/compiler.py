"""torch.compile: the second gear at once, or a whole function as one replayed program."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable

from torchlike.backends.cuda import fused_sdp_enabled
from torchlike.core import capture, explain, graph, variable
from torchlike.core import dtype as _dtype
from torchlike.core.capture import Capture, Refused
from torchlike.core.guards import Guards
from torchlike.core.tape import compile_now, tape
from torchlike.core.variable import Variable, apply, wrap
from torchlike.placement import get_default_device

LIMIT = 64
"""So many different captures of one function are kept; PyTorch stops at 8 recompilations, here it is an error too."""


def compile(
    model: Callable | None = None, *, fullgraph: bool = False, dynamic: bool | None = None, backend: str = "xla",
    mode: str | None = None, options: dict | None = None, disable: bool = False,
) -> Callable:  # fmt: skip
    """Compile a function or a Module with XLA.

    Without `fullgraph` the Python code runs every time and records as usual; what it records is compiled whole the
    first time it is seen instead of the second. Any Python is correct.

    With `fullgraph=True` one call is captured - tensors read and written, gradients, optimizer updates, random draws -
    and replayed without running Python again, as long as the arguments' structure and every plain Python value that the
    function can reach are unchanged; otherwise it is captured anew. What a replay could not repeat raises
    RuntimeError: reading a value midway, keeping an intermediate tensor outside, changing Python state.

    `dynamic`, `backend` and `mode` choose between PyTorch's own compilers; XLA is the only one here, and they change
    nothing. `options` raises, since its keys are another compiler's.

    >>> import torchlike as torch
    >>> @torch.compile(fullgraph=True)
    ... def f(x):
    ...     return (x * x).sum()
    >>> f(torch.tensor([1., 2.]))
    tensor(5.)
    """
    if options:
        raise NotImplementedError("torch.compile(options=...): these belong to another compiler; set XLA_FLAGS instead")
    if model is None:
        return functools.partial(compile, fullgraph=fullgraph, dynamic=dynamic, backend=backend, disable=disable)
    if disable:
        return model
    if isinstance(model, type):
        raise TypeError("torch.compile takes a function or a Module instance, not a class")
    from torchlike.nn import Module

    if isinstance(model, Module):
        from torchlike.nn.optimized import OptimizedModule

        return OptimizedModule(model, _compiled(model.__call__, fullgraph, model))
    return _compiled(model, fullgraph, model)


def _compiled(fn: Callable, fullgraph: bool, watched) -> Callable:
    if fullgraph:
        captured = Captured(fn, watched)
        return functools.wraps(fn)(lambda *args, **kwargs: captured(args, kwargs))

    @functools.wraps(fn)
    def whole(*args, **kwargs):
        compile_now(+1)
        try:
            return fn(*args, **kwargs)
        finally:
            compile_now(-1)

    return whole


class Captured:
    """A function with its captures, one list for each structure of its arguments."""

    eager = False  # torch.compiler.set_stance("force_eager"): run the functions as they are

    def __init__(self, fn: Callable, watched):
        self.fn = fn
        self.watched = watched
        self.name = getattr(fn, "__name__", type(fn).__name__)
        self.signature = inspect.signature(fn)
        self.plain = all(p.kind is p.POSITIONAL_OR_KEYWORD for p in self.signature.parameters.values())
        self.known: dict[tuple, list] = {}

    def __call__(self, args: tuple, kwargs: dict):
        if capture.active is not None or self.eager or any(map(_traced, args)):
            return self.fn(*args, **kwargs)  # inside another capture or a JAX transformation it is just a function
        if kwargs or not self.plain or len(args) != len(self.signature.parameters):
            bound = self.signature.bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        tensors: list[Variable] = []
        key = (_describe((args, tuple(sorted(kwargs.items()))), tensors), graph.mode.grad, _dtype.get_default_dtype(),
               _casts(), fused_sdp_enabled())  # fmt: skip
        entries = self.known.setdefault(key, [])
        for entry in entries:
            if entry.capture.fits(tensors) and entry.guards.hold():
                if not entry.confirmed:
                    return self._confirm(entry, args, kwargs, tensors)
                return entry.replay(tensors)
        if len(entries) >= LIMIT:
            raise RuntimeError(
                f"torch.compile(fullgraph=True): {self.name} was captured {LIMIT} times for the same arguments; the "
                f"last change was in {entries[-1].guards.changed()}. Pass what changes as a tensor."
            )
        entry = _Entry(self, args, kwargs, tensors)
        entries.append(entry)
        explain.counts.captures += 1
        return entry.replay(tensors)

    def _confirm(self, entry: _Entry, args, kwargs, tensors):
        """A second recording must be the first again; otherwise something in Python changes that no guard sees."""
        again = _Entry(self, args, kwargs, tensors)
        if again.capture.signature != entry.capture.signature:
            raise Refused(
                f"torch.compile(fullgraph=True): two calls of {self.name} with the same arguments recorded different "
                "operations or constants: it depends on Python state that changes by itself (random, time, a counter). "
                "Pass that as a tensor, or leave fullgraph out."
            )
        entry.confirmed = True
        entry.capture.first_draws = again.capture.first_draws
        return entry.replay(tensors)


class _Entry:
    """One capture with its guards and the shape of its result."""

    def __init__(self, owner: Captured, args: tuple, kwargs: dict, tensors: list):
        self.confirmed = False
        recorder = tape(tensors[0]._aval().device if tensors else get_default_device())
        self.capture = Capture(recorder, tensors)
        given = (*args, *kwargs.values())
        self.guards = Guards(owner.watched, *(a for a in given if not isinstance(a, tuple | list | dict)))
        capture.active = self.capture
        try:
            result = owner.fn(*args, **kwargs)
            results: list[Variable] = []
            self.tree = _take_apart(result, results)
            del result
            self.capture.finish(owner.name, results)
        finally:
            capture.active = None
        if not self.guards.hold():
            raise Refused(
                f"torch.compile(fullgraph=True): {owner.name} changes Python state, which a replay would not repeat: "
                f"{self.guards.changed()}. Keep it in a tensor, or leave fullgraph out."
            )

    def replay(self, tensors: list):
        return _put_together(self.tree, iter(self.capture.replay(tensors, apply, wrap)))


def _casts() -> tuple:
    """What autocast does now."""
    if variable.casting is None:
        return ()
    from torchlike.amp.autocast_mode import structure

    return structure()


def _traced(x) -> bool:
    return isinstance(x, Variable) and x._aval().traced


def _describe(x, tensors: list) -> tuple:
    """The structure of arguments: plain values, and of tensors what decides about a program, aliasing included."""
    if isinstance(x, Variable):
        for i, other in enumerate(tensors):
            if other is x:
                return ("same", i)
        value = x._read()
        shared = next((i for i, t in enumerate(tensors) if t._cell is x._cell), None)
        tensors.append(x)
        layout = x._geometry() if x._parent is not None else None
        return (value.aval, x._requires_grad, x._node is not None, x._grad is None, layout, shared)
    if isinstance(x, tuple | list):
        return (type(x), *[_describe(part, tensors) for part in x])
    if isinstance(x, dict):
        return (dict, *[(key, _describe(part, tensors)) for key, part in x.items()])
    try:
        hash(x)
    except TypeError:
        raise Refused(
            f"torch.compile(fullgraph=True): an argument of type {type(x).__name__} cannot be told apart from another; "
            "pass tensors, numbers and containers of them."
        ) from None
    return (type(x), x)


def _take_apart(x, tensors: list):
    """A result as (shape of nesting, its tensors in order)."""
    if isinstance(x, Variable):
        tensors.append(x)
        return ("tensor",)
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        return ("named", type(x), [_take_apart(part, tensors) for part in x])
    if isinstance(x, tuple | list):
        return ("sequence", type(x), [_take_apart(part, tensors) for part in x])
    if isinstance(x, dict):
        return ("dict", type(x), {key: _take_apart(part, tensors) for key, part in x.items()})
    return ("value", x)


def _put_together(tree, tensors):
    kind, *rest = tree
    if kind == "tensor":
        return next(tensors)
    if kind == "named":
        return rest[0](*[_put_together(part, tensors) for part in rest[1]])
    if kind == "sequence":
        return rest[0]([_put_together(part, tensors) for part in rest[1]])
    if kind == "dict":
        return rest[0]({key: _put_together(part, tensors) for key, part in rest[1].items()})
    return rest[0]


# --- what a script asks of the compiler -------------------------------------------------------------------------------


def is_compiling() -> bool:
    """Whether a call is being captured by `torch.compile(fullgraph=True)` now."""
    return capture.active is not None


is_dynamo_compiling = is_compiling


def is_exporting() -> bool:
    """False: there is no torch.export here."""
    return False


def disable(fn: Callable | None = None, recursive: bool = True, *, reason: str | None = None) -> Callable:
    """For a function that must not become part of a captured program: it raises if `torch.compile(fullgraph=True)`
    meets it, as in PyTorch; elsewhere it runs as it is. A decorator, with or without parentheses."""
    if fn is None:
        return functools.partial(disable, recursive=recursive, reason=reason)
    if isinstance(fn, type) or not callable(fn):
        return fn
    from torchlike.nn import Module

    if isinstance(fn, Module):
        return fn

    @functools.wraps(fn)
    def outside(*args, **kwargs):
        if capture.active is not None:
            raise Refused(
                f"torch.compile(fullgraph=True): it calls {getattr(fn, '__name__', fn)}, which torch.compiler.disable "
                f"keeps out{f' ({reason})' if reason else ''}. Leave fullgraph out."
            )
        return fn(*args, **kwargs)

    return outside


def allow_in_graph(fn):
    """The function as it is: every function may be part of a captured program."""
    return fn


def assume_constant_result(fn):
    """The function as it is: what it returns is watched like any other Python value."""
    return fn


def nested_compile_region(fn):
    """The function as it is: XLA shares equal parts of a program itself."""
    return fn


def cudagraph_mark_step_begin() -> None:
    """Nothing to do: XLA's results are never overwritten by the next step."""


def reset() -> None:
    """Forget every compiled program."""
    from torchlike.core import program

    program.forget()


def list_backends(exclude_tags: tuple = ()) -> list[str]:
    """The compilers that `torch.compile(backend=...)` can have: XLA."""
    return ["xla"]


class set_stance:
    """"default" and "force_eager" ("run without capturing" is what plain `torch.compile` does); others raise."""

    def __init__(self, stance: str = "default", *, skip_guard_eval_unsafe: bool = False, force_backend=None):
        if stance not in ("default", "force_eager") or skip_guard_eval_unsafe or force_backend is not None:
            raise NotImplementedError(f"torch.compiler.set_stance({stance!r}): only 'default' and 'force_eager'")
        self.was = Captured.eager
        Captured.eager = stance == "force_eager"

    def __enter__(self) -> set_stance:
        return self

    def __exit__(self, *exc) -> None:
        Captured.eager = self.was
