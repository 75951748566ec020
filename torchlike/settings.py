"""Settings of the whole process: threads, determinism, the precision of float32 products, messages.

What XLA can only be told before it starts is told then; after that the setting is kept and a warning says that it comes
too late.
"""

from __future__ import annotations

import os
import warnings

from torchlike.core import precision as _precision

__all__ = [
    "set_num_threads", "get_num_threads", "set_num_interop_threads", "get_num_interop_threads",
    "use_deterministic_algorithms", "are_deterministic_algorithms_enabled",
    "is_deterministic_algorithms_warn_only_enabled", "set_deterministic_debug_mode", "get_deterministic_debug_mode",
    "set_float32_matmul_precision", "get_float32_matmul_precision", "set_warn_always", "is_warn_always_enabled",
    "set_flush_denormal",
]  # fmt: skip

_threads: dict[str, int] = {}
_deterministic = {"on": False, "warn_only": False}
_warn_always = [False]


def _started() -> bool:
    """Whether XLA runs already."""
    from jax._src import xla_bridge

    return xla_bridge.backends_are_initialized()


def _available() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_num_threads(num: int) -> None:
    """How many threads XLA computes with on the CPU.

    XLA makes its threads when the first tensor is made. Later calls warn and change only what `get_num_threads` says.
    """
    if not isinstance(num, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(num).__name__}")
    if num <= 0:
        raise RuntimeError("set_num_threads expects a positive integer")
    if num != get_num_threads():
        if _started():
            warnings.warn(
                f"torch.set_num_threads({num}): XLA has made its threads already; call it before the first tensor is "
                "made, or set PJRT_NPROC in the environment.",
                UserWarning,
                stacklevel=2,
            )
        else:
            os.environ["PJRT_NPROC"] = str(num)
    _threads["intra"] = num


def get_num_threads() -> int:
    """How many threads XLA computes with on the CPU."""
    return _threads.get("intra") or int(os.environ.get("PJRT_NPROC") or _available())


def set_num_interop_threads(num: int) -> None:
    """Kept for `get_num_interop_threads`: XLA has one pool of threads, see `set_num_threads`."""
    if num <= 0:
        raise RuntimeError("set_num_interop_threads expects a positive integer")
    if "inter" in _threads:
        raise RuntimeError(
            "Error: cannot set number of interop threads after parallel work has started or set_num_interop_threads "
            "called"
        )
    _threads["inter"] = num


def get_num_interop_threads() -> int:
    """What `set_num_interop_threads` was given, at first the number of processors."""
    return _threads.get("inter") or _available()


_FLAG = "--xla_gpu_deterministic_ops=true"


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for the same numbers in every run.

    XLA on CPU and TPU gives them anyway. On a GPU it can be told to before it starts (`--xla_gpu_deterministic_ops`),
    which this does; after that there is a RuntimeError, with `warn_only` a warning.
    """
    _deterministic.update(on=bool(mode), warn_only=bool(mode) and bool(warn_only))
    if not mode or "xla_gpu_deterministic_ops" in os.environ.get("XLA_FLAGS", ""):
        return
    if not _started():
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_FLAG}".strip()
        return
    from torchlike.core.device import available

    if available("cuda"):
        message = (
            "torch.use_deterministic_algorithms(True): XLA runs already and adds in any order in scatter operations on "
            f"the GPU. Call it before the first tensor is made, or set XLA_FLAGS={_FLAG}."
        )
        if not warn_only:
            raise RuntimeError(message)
        warnings.warn(message, UserWarning, stacklevel=2)


def are_deterministic_algorithms_enabled() -> bool:
    """What `use_deterministic_algorithms` was given."""
    return _deterministic["on"]


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Whether `use_deterministic_algorithms` was told to warn only."""
    return _deterministic["warn_only"]


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """0 or "default": off; 1 or "warn", 2 or "error": `use_deterministic_algorithms`, warning or raising."""
    if not isinstance(debug_mode, int | str):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    names = {"default": 0, "warn": 1, "error": 2}
    level = names.get(debug_mode, -1) if isinstance(debug_mode, str) else debug_mode
    if level not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got {debug_mode}"
            if isinstance(debug_mode, str)
            else f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}"
        )
    use_deterministic_algorithms(level > 0, warn_only=level == 1)


def get_deterministic_debug_mode() -> int:
    """0 off, 1 warning, 2 raising."""
    return 0 if not _deterministic["on"] else 1 if _deterministic["warn_only"] else 2


def set_float32_matmul_precision(precision: str) -> None:
    """How exactly float32 matrices are multiplied on an accelerator: "highest" (all of float32), "high", "medium".

    On the CPU float32 is always computed as such. Products are compiled anew after a change.
    """
    if precision not in _precision.LEVELS:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current setting is kept.",
            UserWarning,
            stacklevel=2,
        )
        return
    _precision.set_matmul(precision)


def get_float32_matmul_precision() -> str:
    """"highest", "high" or "medium"."""
    return _precision.matmul()


def set_warn_always(b: bool) -> None:
    """Whether warnings that PyTorch gives once come always; here Python's own filters decide how often."""
    _warn_always[0] = bool(b)
    if b:
        warnings.filterwarnings("always", category=UserWarning, module=r"torchlike(\..*)?")


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` was given."""
    return _warn_always[0]


def set_flush_denormal(mode: bool) -> bool:
    """False: XLA decides about denormal numbers, and it cannot be told otherwise (PyTorch says False then, too)."""
    return False
