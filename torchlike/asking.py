"""Small questions and checks under torch.*: assertions, names of types, symbolic numbers that are plain ones here."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any

from torchlike.tensor import Tensor

__all__ = [
    "is_inference",
    "typename", "sym_int", "sym_float", "sym_max", "sym_min", "sym_not", "sym_ite", "sym_sum", "SymInt", "SymFloat",
    "SymBool", "compiled_with_cxx11_abi", "get_device_module", "is_vulkan_available", "inf", "nan", "pi", "e",
    "newaxis", "_assert", "_assert_async", "_check", "_check_index", "_check_value", "_check_type",
    "_check_not_implemented", "_check_is_size", "_check_with", "_check_tensor_all", "_check_tensor_all_with",
]  # fmt: skip

inf, nan, pi, e = math.inf, math.nan, math.pi, math.e
newaxis = None


def typename(obj: Any, /) -> str:
    """The name of a value's type as PyTorch's messages give it: "torch.FloatTensor" for a tensor."""
    if isinstance(obj, Tensor):
        return obj.type()
    kind = obj if isinstance(obj, type) else type(obj)
    name = getattr(obj, "__qualname__", None) or kind.__qualname__
    space = getattr(obj, "__module__", None) or kind.__module__ or ""
    return name if space in ("", "builtins") else f"{space}.{name}"


def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made inside `torch.inference_mode()`."""
    return input.is_inference()


def _assert(condition: Any, message: str) -> None:
    """`assert condition, message`."""
    assert condition, message


def _assert_async(condition: Tensor, message: str = "Expected Tensor with single nonzero value, but got zero") -> None:
    """RuntimeError if a tensor of one element is zero (a barrier)."""
    if not bool(condition):
        raise RuntimeError(message)


def _check_with(error: type[Exception], condition: Any, message: Callable[[], Any] | None) -> None:
    """Raise `error` with what `message()` returns, unless the condition holds."""
    if not isinstance(condition, bool | Tensor):
        raise TypeError(f"cond must be a bool, but got {type(condition)}")
    if not condition:
        raise error("Expected cond to be True, but got False. (Could this error message be improved? If so, please "
                    "report an enhancement request to PyTorch.)" if message is None else str(message()))  # fmt: skip


def _check(condition: Any, message: Callable[[], Any] | None = None) -> None:
    """RuntimeError with what `message()` returns, unless the condition holds."""
    _check_with(RuntimeError, condition, message)


def _check_index(condition: Any, message: Callable[[], Any] | None = None) -> None:
    """IndexError unless the condition holds."""
    _check_with(IndexError, condition, message)


def _check_value(condition: Any, message: Callable[[], Any] | None = None) -> None:
    """ValueError unless the condition holds."""
    _check_with(ValueError, condition, message)


def _check_type(condition: Any, message: Callable[[], Any] | None = None) -> None:
    """TypeError unless the condition holds."""
    _check_with(TypeError, condition, message)


def _check_not_implemented(condition: Any, message: Callable[[], Any] | None = None) -> None:
    """NotImplementedError unless the condition holds."""
    _check_with(NotImplementedError, condition, message)


def _check_is_size(i: Any, message: Callable[[], Any] | None = None, *, max: int | None = None) -> None:
    """RuntimeError unless a number can be a size."""
    _check(i >= 0, message)
    if max is not None:
        _check(i <= max, message)


def _check_tensor_all_with(error: type[Exception], condition: Tensor, message: Callable | None = None) -> None:
    """Raise `error` unless every element of a tensor of bools is True (a barrier)."""
    if not isinstance(condition, Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(condition)}")
    if str(condition.dtype) != "torch.bool":
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {condition.dtype}")
    _check_with(error, bool(condition.all()), message)


def _check_tensor_all(condition: Tensor, message: Callable | None = None) -> None:
    """RuntimeError unless every element of a tensor of bools is True (a barrier)."""
    _check_tensor_all_with(RuntimeError, condition, message)


# --- symbolic numbers: sizes are plain ints here ----------------------------------------------------------------------

SymInt = type("SymInt", (), {"__doc__": "A symbolic int of PyTorch's compiler. There are none here: sizes are ints."})
SymFloat = type("SymFloat", (), {"__doc__": "A symbolic float of PyTorch's compiler. There are none here."})
SymBool = type("SymBool", (), {"__doc__": "A symbolic bool of PyTorch's compiler. There are none here."})


def sym_int(a: Any) -> int:
    """`int(a)`."""
    return builtins.int(a)


def sym_float(a: Any) -> float:
    """`float(a)`."""
    return builtins.float(a)


def sym_max(a: Any, b: Any) -> Any:
    """The larger number; a float if one of them is."""
    larger = builtins.max(a, b)
    return builtins.float(larger) if isinstance(a, float) or isinstance(b, float) else larger


def sym_min(a: Any, b: Any) -> Any:
    """The smaller number; a float if one of them is."""
    smaller = builtins.min(a, b)
    return builtins.float(smaller) if isinstance(a, float) or isinstance(b, float) else smaller


def sym_not(a: Any) -> bool:
    """`not a`."""
    return not a


def sym_ite(b: Any, t: Any, f: Any) -> Any:
    """`t if b else f`."""
    return t if b else f


def sym_sum(args: Any) -> Any:
    """`sum(args)`."""
    return builtins.sum(args)


# --- what was built ---------------------------------------------------------------------------------------------------


def compiled_with_cxx11_abi() -> bool:
    """True, for what asks; nothing is compiled in C++ here."""
    return True


def is_vulkan_available() -> bool:
    """False."""
    return False


def get_device_module(device: Any = None) -> Any:
    """The module of a kind of device: `torch.cuda` for "cuda", by default that of the accelerator, else `torch.cpu`."""
    import importlib

    from torchlike.accelerator import current_accelerator
    from torchlike.core.device import device as device_class

    if device is None:
        found = current_accelerator()
        kind = "cpu" if found is None else found.type
    elif isinstance(device, str | device_class):
        kind = str(device).partition(":")[0]
    else:
        raise RuntimeError(f"Invalid value of device '{device}', expect torch.device, str, or None")
    if kind not in ("cpu", "cuda", "xpu", "mps", "mtia"):
        raise RuntimeError(f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'.")
    return importlib.import_module(f"torchlike.{kind}")
