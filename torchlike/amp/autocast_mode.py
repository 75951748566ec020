"""torch.autocast: inside it chosen operations run in bfloat16 or float16, others in float32.

An operation's inputs are cast when it is recorded (`core/variable.py` asks here while some block is open), so the casts
are operations of the program like any others: differentiable, and merged by XLA where one weight is cast twice.
"""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable
from typing import Any

from torchlike.amp.policies import BANNED, FLOAT32, LOWER, OF
from torchlike.core import dtype as _dtype
from torchlike.core import variable
from torchlike.core.op import SLOT, Op
from torchlike.core.variable import Variable, apply

__all__ = ["autocast", "custom_fwd", "custom_bwd", "is_autocast_available"]

_DEFAULT = {"cpu": _dtype.bfloat16, "cuda": _dtype.float16, "tpu": _dtype.bfloat16}
_OTHERS = ("xpu", "mps", "hpu", "mtia", "maia", "xla", "ipu", "privateuseone")


class _State(threading.local):
    """Of one thread: for each kind of device whether autocast is on, and its dtype."""

    def __init__(self) -> None:
        self.on: dict[str, bool] = {}
        self.dtype: dict[str, _dtype.dtype] = dict(_DEFAULT)
        self.cache = True
        self.paused = False


_state = _State()
_open_lock = threading.Lock()
_open_blocks = 0


def _count(change: int) -> None:
    """The engine asks about casts only while a block is open in some thread."""
    global _open_blocks
    with _open_lock:
        _open_blocks += change
        variable.casting = _cast if _open_blocks else None


def _cast(op: Any, inputs: list) -> list:
    """The inputs of an op in the dtypes that autocast wants."""
    state = _state
    if state.paused or not any(state.on.values()):
        return inputs
    homes = {x._aval().device.type for x in inputs if isinstance(x, Variable)}
    for home in homes:
        if not state.on.get(home):
            continue
        policy = OF[home].get(op.name)
        if policy is None:
            continue
        if policy == LOWER:
            return [_to(x, state.dtype[home], home) for x in inputs]
        if policy == FLOAT32:
            return [_to(x, _dtype.float32, home) for x in inputs]
        if policy == BANNED:
            raise RuntimeError(
                f"torch.nn.functional.{op.name} and torch.nn.BCELoss are unsafe to autocast. Many models use a sigmoid "
                "layer right before the binary cross entropy layer. In this case, combine the two layers using "
                "torch.nn.functional.binary_cross_entropy_with_logits or torch.nn.BCEWithLogitsLoss, which are safe to "
                "autocast."
            )
        kinds = {x.dtype for x in inputs if _eligible(x, home)}  # type: ignore[attr-defined]
        if len(kinds) > 1:
            widest = _dtype.float32 if kinds - {_dtype.float16, _dtype.bfloat16} else state.dtype[home]
            return [_to(x, widest, home) for x in inputs]
    return inputs


def _eligible(x: Any, home: str) -> bool:
    if not isinstance(x, Variable):
        return False
    a = x._aval()
    return a.device.type == home and _dtype.FROM_NP[a.dtype].is_floating_point and a.dtype.itemsize in (2, 4)


def _to(x: Any, kind: _dtype.dtype, home: str) -> Any:
    if not _eligible(x, home) or x._aval().dtype == kind.np:
        return x
    return apply(_conversion(), (SLOT, kind.np), [x])


@functools.cache
def _conversion() -> Op:
    """The op of a conversion, which is found when the operations are there."""
    from torchlike.ops.conversion import to_

    return to_.op


def composite(op: Any, body: Callable, args: tuple, kwargs: dict) -> Any:
    """A function made of other operations: if autocast lists it, its arguments are cast and its parts left alone."""
    state = _state
    name = op.name
    if state.paused or not any(state.on.values()) or not any(name in OF[h] for h, on in state.on.items() if on):
        return body(*args, **kwargs)
    stand = _Named(name)
    args = tuple(_cast_within(stand, a) for a in args)
    kwargs = {k: _cast_within(stand, v) for k, v in kwargs.items()}
    state.paused = True
    try:
        return body(*args, **kwargs)
    finally:
        state.paused = False


class _Named:
    def __init__(self, name: str) -> None:
        self.name = name


def _cast_within(op: _Named, x: Any) -> Any:
    if isinstance(x, Variable):
        return _cast(op, [x])[0]
    if isinstance(x, list | tuple) and x and all(isinstance(part, Variable) for part in x):
        return type(x)(_cast(op, list(x)))
    return x


def _kind(device_type: Any) -> str:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if device_type in OF:
        return device_type
    if device_type in _OTHERS:
        raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}': JAX has none here")
    raise RuntimeError(f"Expected one of cpu, cuda, tpu device type at start of device string: {device_type}")


class autocast:
    """Inside it products run in 16 bits and what needs the range or precision in float32, without a `to()` anywhere.

    A context manager and a decorator. Which operations are cast how is in `torchlike/amp/policies.py`, as in PyTorch's
    op reference; float64 is left alone, and so is what the list does not name. Backward passes run in the dtypes that
    the forward pass had.

    Args:
        device_type: "cpu", "cuda" or "tpu": tensors on other devices are left alone.
        dtype: bfloat16 or float16; by default float16 on "cuda", bfloat16 elsewhere.
        enabled: False switches it off, inside another block too.
        cache_enabled: kept; XLA merges equal casts of one program in any case.

    >>> import torchlike as torch
    >>> with torch.autocast("cpu", dtype=torch.bfloat16):
    ...     y = torch.ones(2, 2) @ torch.ones(2, 2)
    >>> y.dtype
    torch.bfloat16
    """

    def __init__(
        self, device_type: str, dtype: _dtype.dtype | None = None, enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:  # fmt: skip
        self.device = _kind(device_type)
        self.fast_dtype = _state.dtype[self.device] if dtype is None else dtype
        if enabled and self.device == "cuda" and not _cuda_there():
            warnings.warn(
                "User provided device_type of 'cuda', but CUDA is not available. Disabling", UserWarning, stacklevel=2
            )
            enabled = False
        if enabled and self.fast_dtype not in (_dtype.bfloat16, _dtype.float16):
            if self.fast_dtype is not _dtype.float32 or self.device == "cpu":
                warnings.warn(
                    f"In {self.device.upper()} autocast, but the target dtype is not supported. Disabling autocast.\n"
                    f"{self.device.upper()} Autocast only supports dtype of torch.bfloat16, torch.float16 currently.",
                    UserWarning,
                    stacklevel=2,
                )
            enabled = False
        self._enabled = enabled
        self._cache_enabled = _state.cache if cache_enabled is None else cache_enabled
        self._before: list[tuple] = []

    def __enter__(self) -> autocast:
        state = _state
        self._before.append((state.on.get(self.device, False), state.dtype[self.device], state.cache))
        state.on[self.device], state.dtype[self.device] = self._enabled, self.fast_dtype
        state.cache = self._cache_enabled
        _count(+1)
        return self

    def __exit__(self, *exc: Any) -> None:
        _count(-1)
        state = _state
        state.on[self.device], state.dtype[self.device], state.cache = self._before.pop()

    def __call__(self, func: Callable) -> Callable:
        @functools.wraps(func)
        def inside(*args, **kwargs):
            with self:
                return func(*args, **kwargs)

        return inside


def _cuda_there() -> bool:
    from torchlike.core.device import available

    return available("cuda") > 0


def is_autocast_available(device_type: str) -> bool:
    """Whether `autocast(device_type)` can be used."""
    _device_known(device_type)
    return device_type in OF


def _device_known(device_type: str) -> None:
    if device_type not in OF and device_type not in _OTHERS:
        raise RuntimeError(f"Expected one of cpu, cuda, tpu device type at start of device string: {device_type}")


# --- questions and switches under torch.* -----------------------------------------------------------------------------


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether inside an `autocast` block for this kind of device ("cuda" unless given)."""
    return _state.on.get("cuda" if device_type is None else device_type, False)


def is_autocast_cpu_enabled() -> bool:
    """Whether inside an `autocast` block for the CPU."""
    return is_autocast_enabled("cpu")


def get_autocast_dtype(device_type: str) -> _dtype.dtype:
    """The dtype that products have inside `autocast` for this kind of device."""
    return _state.dtype[_kind(device_type)]


def get_autocast_cpu_dtype() -> _dtype.dtype:
    """`get_autocast_dtype("cpu")`."""
    return get_autocast_dtype("cpu")


def get_autocast_gpu_dtype() -> _dtype.dtype:
    """`get_autocast_dtype("cuda")`."""
    return get_autocast_dtype("cuda")


def set_autocast_dtype(device_type: str, dtype: _dtype.dtype) -> None:
    """The dtype of `autocast` blocks for this kind of device that do not name one."""
    _state.dtype[_kind(device_type)] = dtype


def set_autocast_enabled(device_type: str | bool, enabled: bool | None = None) -> None:
    """Switch autocast for this kind of device ("cuda" unless given) until it is switched again."""
    home, on = ("cuda", device_type) if enabled is None else (_kind(device_type), enabled)
    if bool(on) != _state.on.get(home, False):  # type: ignore[arg-type]
        _count(+1 if on else -1)
    _state.on[home] = bool(on)  # type: ignore[index]


def is_autocast_cache_enabled() -> bool:
    """What the innermost `autocast` block says about its cache."""
    return _state.cache


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Kept for `is_autocast_cache_enabled`: XLA merges equal casts of one program in any case."""
    _state.cache = bool(enabled)


def clear_autocast_cache() -> None:
    """Nothing to do: there is no cache of casts."""


def structure() -> tuple:
    """What a captured function depends on."""
    return tuple(sorted((home, _state.dtype[home].name) for home, on in _state.on.items() if on))


# --- custom functions -------------------------------------------------------------------------------------------------


def custom_fwd(
    fwd: Callable | None = None, *, device_type: str = "cuda", cast_inputs: _dtype.dtype | None = None
) -> Callable:
    """For the `forward` of an autograd.Function: notes the state of autocast, or casts all inputs instead."""
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    home = _kind(device_type)
    inner = fwd

    @functools.wraps(inner)
    def forward(ctx, *args, **kwargs):
        ctx._dtype = get_autocast_dtype(home)
        on = is_autocast_enabled(home)
        if cast_inputs is None or not on:
            ctx._fwd_used_autocast = on
            return inner(ctx, *args, **kwargs)
        ctx._fwd_used_autocast = False
        args = tuple(_to(a, cast_inputs, home) for a in args)
        with autocast(home, enabled=False):
            return inner(ctx, *args, **{k: _to(v, cast_inputs, home) for k, v in kwargs.items()})

    return forward


def custom_bwd(bwd: Callable | None = None, *, device_type: str = "cuda") -> Callable:
    """For the `backward` of an autograd.Function: runs it in the state of autocast that `custom_fwd` noted."""
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)
    home, inner = _kind(device_type), bwd

    @functools.wraps(inner)
    def backward(ctx, *args, **kwargs):
        with autocast(home, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return inner(ctx, *args, **kwargs)

    return backward


