"""torch.utils.checkpoint: parts of a network that are computed again in the backward pass instead of being kept."""

from __future__ import annotations

import contextlib
import enum
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from jax import lax

from torchlike import absent as _absent
from torchlike.autograd import Function, backward
from torchlike.autograd import grad as _grad
from torchlike.core import graph
from torchlike.core.batching import snapshot
from torchlike.core.op import SLOT, Array, Op
from torchlike.core.variable import Variable, apply
from torchlike.nn.modules.container import Sequential
from torchlike.random import get_rng_state, set_rng_state

__all__ = [
    "checkpoint", "checkpoint_sequential", "noop_context_fn", "set_checkpoint_early_stop",
    "set_checkpoint_debug_enabled", "DefaultDeviceType", "CheckpointError", "CheckpointFunction", "CheckpointPolicy",
    "check_backward_validity", "detach_variable", "get_device_states", "set_device_states", "SAC_IGNORED_OPS",
]  # fmt: skip


class CheckpointError(RuntimeError):
    """What PyTorch raises about a recomputation that differs from the first computation."""


class DefaultDeviceType:
    """Which kind of device's random numbers are kept; one generator serves all here."""

    _kind = "cuda"

    @staticmethod
    def set_device_type(device: str = "cuda") -> None:
        """Kept for `get_device_type`."""
        DefaultDeviceType._kind = device

    @staticmethod
    def get_device_type() -> str:
        """What `set_device_type` was given, "cuda" at first."""
        return DefaultDeviceType._kind


_CHOOSE = (
    "{}: the use_reentrant parameter should be passed explicitly. use_reentrant=False is recommended, but if you need "
    "to preserve the current default behavior, you can pass use_reentrant=True. Refer to docs for more details on the "
    "differences between the two variants."
)
_METADATA: dict[str, Callable[[Any], Any]] = {
    "default": lambda x: {"shape": x.shape, "dtype": x.dtype, "device": x.device},
    "none": lambda x: None,
}


def noop_context_fn() -> tuple:
    """Two blocks that change nothing: the default of `context_fn`."""
    return contextlib.nullcontext(), contextlib.nullcontext()


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool):
    """Changes nothing: of a recomputation only what a gradient reads is computed at all."""
    yield


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None):
    """Kept: there is nothing to debug in a recomputation."""
    yield


class _Random:
    """The state of the generator and of autocast at one point, to begin there again."""

    def __init__(self, keep: bool):
        from torchlike.amp.autocast_mode import structure

        self.state = get_rng_state() if keep else None
        self.casts = structure()

    @contextlib.contextmanager
    def again(self):
        from torchlike import amp
        from torchlike.core import dtype

        now = get_rng_state() if self.state is not None else None
        if self.state is not None:
            set_rng_state(self.state)
        try:
            with contextlib.ExitStack() as stack:
                for home, name in self.casts:
                    stack.enter_context(amp.autocast(home, dtype=getattr(dtype, name)))
                yield
        finally:
            if now is not None:
                set_rng_state(now)


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warn where none of the tensors requires grad, so that none would get a gradient."""
    if not any(x.requires_grad for x in inputs if isinstance(x, Variable)):  # type: ignore[attr-defined]
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


def detach_variable(inputs: tuple) -> tuple:
    """The same tensors out of their graph, that require grad as before; other things as they are."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple([_fresh(x) for x in inputs])


def get_device_states(*args: Any) -> tuple[list[int], list[Any]]:
    """([], []): one generator serves all devices here, `torch.get_rng_state()` has its state."""
    return [], []


def set_device_states(devices: Any, states: Any, *, device_type: str | None = None) -> None:
    """The other way of `get_device_states`: nothing to do."""


class CheckpointFunction(Function):
    """The recomputation that finds gradients of the given tensors, and adds those of the parameters inside."""

    @staticmethod
    def forward(ctx, run_function, preserve_rng_state, *args):
        check_backward_validity(args)
        ctx.run, ctx.random, ctx.inputs = run_function, _Random(preserve_rng_state), args
        return run_function(*args)

    @staticmethod
    def backward(ctx, *grads):
        if graph.mode.running is not None and graph.mode.running.useful is not None:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or call "
                ".backward() without passing the `inputs` argument."
            )
        inputs = detach_variable(tuple(ctx.inputs))
        with ctx.random.again(), graph.enable_grad():
            outputs = ctx.run(*map(_apart_from_before, inputs))
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = [
            (o, g) for o, g in zip(outputs, grads, strict=True) if isinstance(o, Variable) and o.requires_grad  # type: ignore[attr-defined]
        ]  # fmt: skip
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([o for o, _ in pairs], [g for _, g in pairs])
        return (None, None, *[a.grad if isinstance(a, Variable) else None for a in inputs])  # type: ignore[attr-defined]


def _fresh(a: Any) -> Any:
    return a.detach().requires_grad_(a.requires_grad) if isinstance(a, Variable) else a  # type: ignore[attr-defined]


class _Recomputed(Function):
    """The recomputation with every tensor that it reads as an argument, parameters included."""

    @staticmethod
    def forward(ctx, run, random, finish, *tensors):
        ctx.run, ctx.random, ctx.tensors = run, random, tensors
        outputs, ctx.places = finish
        return tuple(outputs)

    @staticmethod
    def backward(ctx, *grads):
        with ctx.random.again(), graph.enable_grad():
            outputs = ctx.run()
        pairs = [(outputs[i], g) for i, g in zip(ctx.places, grads, strict=True) if outputs[i].requires_grad]
        found = _grad(
            [o for o, _ in pairs], ctx.tensors, [g for _, g in pairs], allow_unused=True,
            create_graph=graph.mode.grad,
        )  # fmt: skip
        return (None, None, None, *found)


def _barrier(input: Array):
    return lax.optimization_barrier(input)


_BARRIER = Op("optimization_barrier", _barrier)


def _apart_from_before(a: Any) -> Any:
    """The same tensor, but XLA may not see that: it would merge the recomputation with the first computation."""
    if isinstance(a, Variable) and a._aval().dtype.kind != "b":
        return apply(_BARRIER, (SLOT,), [a])
    return a


def checkpoint(
    function: Callable, *args: Any, use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple] = noop_context_fn, determinism_check: str = "default", debug: bool = False,
    early_stop: bool = True, preserve_rng_state: bool = True, **kwargs: Any,
) -> Any:  # fmt: skip
    """`function(*args, **kwargs)`, whose intermediate tensors are not kept but computed again for the backward pass.

    Args:
        function: a function or module; it must compute the same again (random numbers are put back).
        use_reentrant: True: only gradients of `args` and of parameters, by a backward pass of its own; False: any
            tensors that `function` reaches, double backward too. Not given it is True, with PyTorch's warning.
        preserve_rng_state: whether the recomputation draws the same random numbers.
        context_fn: returns two blocks, for the computation and for the recomputation.
        determinism_check: "default" raises CheckpointError if the results of the recomputation have other shapes or
            dtypes, "none" does not. PyTorch looks at the tensors that were to be saved.
        early_stop, debug: change nothing. Of a recomputation only what a gradient reads is computed at all, and there
            is no log of operations to show.

    >>> import torchlike as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> torch.utils.checkpoint.checkpoint(torch.exp, x, use_reentrant=False).sum().backward()
    >>> x.grad
    tensor([2.7183, 2.7183])
    """
    if use_reentrant is None:
        warnings.warn(_CHOOSE.format("torch.utils.checkpoint"), stacklevel=2)
        use_reentrant = True
    if determinism_check not in _METADATA:
        raise ValueError(f"determinism_check should be one of {list(_METADATA)}, but got {determinism_check}")
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve_rng_state, *args)
    first, second = context_fn()
    random = _Random(preserve_rng_state)
    if not graph.mode.grad:
        with first:
            return function(*args, **kwargs)
    with first:
        result = function(*args, **kwargs)
    outputs: list[Any] = []
    tree = _apart(result, outputs)
    places = [i for i, o in enumerate(outputs) if o.requires_grad]
    if not places:
        return result
    tensors = _leaves([outputs[i] for i in places], [a for a in (*args, *kwargs.values()) if isinstance(a, Variable)])
    metadata = _METADATA[determinism_check]
    expected = [metadata(o) for o in outputs]
    given = [_as_it_is(a) for a in args]
    named = {k: _as_it_is(a) for k, a in kwargs.items()}

    def run() -> list[Any]:
        again: list[Any] = []
        with second:
            _apart(function(*map(_apart_from_before, given), **named), again)
        _check_same(expected, [metadata(o) for o in again])
        return again

    made = _Recomputed.apply(run, random, ([outputs[i].detach() for i in places], places), *tensors)
    for i, o in zip(places, made, strict=True):
        outputs[i] = o
    return _together(tree, iter(outputs))


def _as_it_is(a: Any) -> Any:
    """An argument as it is now, whatever is written into it before the recomputation."""
    return snapshot(a) if isinstance(a, Variable) else a


def _check_same(before: list, now: list) -> None:
    if len(now) != len(before):
        raise CheckpointError(
            f"torch.utils.checkpoint: the recomputation returned {len(now)} tensors, the first computation "
            f"{len(before)}"
        )
    wrong = [
        f"tensor at position {i}:\nsaved metadata: {a}\nrecomputed metadata: {b}\n"
        for i, (a, b) in enumerate(zip(before, now, strict=True)) if a != b
    ]  # fmt: skip
    if wrong:
        raise CheckpointError(
            "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than during "
            f"the forward pass.\n{''.join(wrong)}."
        )


def _leaves(outputs: list, given: list) -> list:
    """The tensors with gradients that `outputs` were computed from: those given, and leaves reached otherwise."""
    found: list[Any] = []
    stops = {}
    for t in given:
        edge = t._edge()
        if edge is not None and edge not in stops:
            stops[edge] = t
            found.append(t)
    seen, todo = set(), [o._edge() for o in outputs]
    while todo:
        edge = todo.pop()
        if edge is None or edge in stops or edge[0] in seen:
            continue
        node = edge[0]
        seen.add(node)
        if isinstance(node, graph.AccumulateGrad):
            leaf = node.variable
            if leaf is not None:
                found.append(leaf)
            continue
        todo.extend(node.edges)
    return found


def _apart(x: Any, tensors: list) -> Any:
    from torchlike.compiler import _take_apart

    return _take_apart(x, tensors)


def _together(tree: Any, tensors: Any) -> Any:
    from torchlike.compiler import _put_together

    return _put_together(tree, tensors)


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None,
                          **kwargs: Any) -> Any:  # fmt: skip
    """A Sequential, or a list of functions, in `segments` parts, each but the last one under `checkpoint`.

    `preserve_rng_state` is the one further argument.
    """
    if use_reentrant is None:
        warnings.warn(_CHOOSE.format("torch.utils.checkpoint.checkpoint_sequential"), stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    parts = list(functions.children()) if isinstance(functions, Sequential) else list(functions)
    size = len(parts) // segments

    def run(start: int, end: int) -> Callable:
        def forward(x):
            for part in parts[start:end]:
                x = part(x)
            return x

        return forward

    end = 0
    for start in range(0, size * (segments - 1), size):
        end = start + size
        input = checkpoint(run(start, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return run(end, len(parts))(input)


class CheckpointPolicy(enum.Enum):
    """What a policy of selective checkpointing answers about an operation."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4


_absent.fill(
    globals(),
    "a policy for single operations is not supported: put the part that is to be computed again under checkpoint(), or "
    "use jax.checkpoint with a policy on a function of arrays",
    functions="create_selective_checkpoint_contexts", kinds="SelectiveCheckpointContext GraphExecGroup",
)  # fmt: skip
SAC_IGNORED_OPS: frozenset = frozenset()
