"""PyTorch's checks and error sentences that several families of operations share."""

from __future__ import annotations

import numpy as np

from torchlike.core.dtype import FROM_NP, c_name, category


def check(condition: bool, message: str, error: type[Exception] = RuntimeError) -> None:
    """Raise PyTorch's error unless the condition holds."""
    if not condition:
        raise error(message)


def word(x) -> str:
    """The dtype of an array in the words of PyTorch's errors: Float, Long, ..."""
    return FROM_NP[np.dtype(x.dtype)]._scalar_name


def c_word(x) -> str:
    """The dtype of an array as C++ calls it, in the words of some of PyTorch's errors: float, long int, ..."""
    return c_name(np.dtype(x.dtype))


def type_name(x) -> str:
    """The class of a value as PyTorch's errors name it: with its module where NumPy made it."""
    kind = type(x)
    return f"numpy.{kind.__name__}" if kind.__module__ == "numpy" else kind.__name__


def listed(x) -> str:
    """The shape of an array as PyTorch's errors print it: [2, 3]."""
    return str(list(x.shape))


def need_floating(x, kernel: str) -> None:
    """PyTorch's error for integer tensors where its CPU kernel exists for floating types only."""
    check(category(np.dtype(x.dtype)) >= 2, f"\"{kernel}\" not implemented for '{word(x)}'", NotImplementedError)


def ntuple(value, n: int, message: str = "") -> tuple:
    """One value for each of `n` dimensions, given once or one by one."""
    if isinstance(value, tuple | list):
        value = tuple(value)
        check(len(value) in (1, n), message)
        return value * n if len(value) == 1 else value
    return (value,) * n


def need(x, kernel: str, lowest: int = 0, highest: int = 3) -> None:
    """PyTorch's error where its CPU kernel is only for some categories: 0 bool, 1 integer, 2 floating, 3 complex."""
    check(
        lowest <= category(np.dtype(x.dtype)) <= highest,
        f"\"{kernel}\" not implemented for '{word(x)}'",
        NotImplementedError,
    )


def not_two_numbers(name: str, a, b) -> None:
    """PyTorch's error where neither of two operands is a tensor (0-dim arrays of weak type stand for numbers)."""
    numbers = [getattr(x, "weak_type", not hasattr(x, "dtype")) for x in (a, b)]
    words = {"b": "bool", "i": "int", "f": "float", "c": "complex"}
    shown = ", ".join(words.get(np.asarray(x).dtype.kind, "number") if not hasattr(x, "dtype")
                      else words.get(x.dtype.kind, "number") for x in (a, b))  # fmt: skip
    check(not all(numbers), f"{name}() received an invalid combination of arguments - got ({shown})", TypeError)
