"""Schemas of operations: `f(Tensor x, float k=2.0) -> Tensor`, from the annotations of a Python function."""

from __future__ import annotations

import collections.abc
import inspect
import typing
from collections.abc import Callable, Iterable
from typing import Any

from torchlike.core.device import device
from torchlike.core.dtype import dtype
from torchlike.tensor import Tensor

_Number = int | float | bool
_PARAMETERS: dict[Any, str] = {
    Tensor: "Tensor", int: "SymInt", float: "float", bool: "bool", str: "str", _Number: "Scalar", dtype: "ScalarType",
    device: "Device",
}  # fmt: skip
_LISTS = (Tensor, int, float, bool, _Number)
_LISTS_OR_NONE = (int, float, bool)
_RETURNS: dict[Any, str] = {Tensor: "Tensor", int: "SymInt", float: "float", bool: "bool", _Number: "Scalar"}


def _without_none(annotation: Any) -> tuple[Any, bool]:
    parts = typing.get_args(annotation)
    if type(None) not in parts or typing.get_origin(annotation) in (tuple, list):
        return annotation, False
    rest = [p for p in parts if p is not type(None)]
    union: Any = rest[0]
    for p in rest[1:]:
        union = union | p
    return union, True


def _parameter(annotation: Any) -> str | None:
    """The schema's word for a parameter's type; None if it has none."""
    base, optional = _without_none(annotation)
    if typing.get_origin(base) in (list, collections.abc.Sequence):
        (item,) = typing.get_args(base)
        item, item_optional = _without_none(item)
        if item not in _LISTS or (item_optional and item is not Tensor) or (optional and item not in _LISTS_OR_NONE):
            return None
        return f"{_PARAMETERS[item]}{'?' if item_optional else ''}[]{'?' if optional else ''}"
    word = next((w for t, w in _PARAMETERS.items() if t == base), None)
    return None if word is None else word + ("?" if optional else "")


def _result(annotation: Any, error: Callable) -> str:
    def word(t: Any) -> str:
        found = next((w for known, w in _RETURNS.items() if known == t), None)
        if found is None and typing.get_origin(t) is list and typing.get_args(t) == (Tensor,) and t is annotation:
            found = "Tensor[]"
        if found is None:
            error(f"Return has unsupported type {annotation}. The valid types are: {list(_RETURNS)} and list[Tensor].")
        return str(found)

    if annotation is None or annotation is type(None):
        return "()"
    if annotation is inspect.Parameter.empty:
        error("No return type annotation was provided. Please add one.")
    if typing.get_origin(annotation) is not tuple:
        return word(annotation)
    parts = typing.get_args(annotation)
    words = ", ".join(map(word, parts))
    return f"(({words}))" if len(parts) == 1 else f"({words})"


def _default(name: str, value: Any, error: Callable) -> str:
    if value is None or isinstance(value, int | float | bool):
        return str(value)
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, dtype):
        return str(value).removeprefix("torch.")
    if isinstance(value, device):
        return f'"{value}"'
    error(
        f"Parameter {name} has an unsupported default value type {type(value)}. Please file an issue on GitHub so we "
        "can prioritize this."
    )
    raise AssertionError


def infer_schema(
    prototype_function: Callable, /, *, mutates_args: str | Iterable[str], op_name: str | None = None, tags: Any = ()
) -> str:
    """The schema of a function, from its annotations.

    Args:
        mutates_args: the names of the tensors that it writes into, or "unknown".
        op_name: the name to begin with.

    ValueError where an annotation is missing or has no word in schemas.

    >>> import torchlike as torch
    >>> def double(x: torch.Tensor, times: int = 1) -> torch.Tensor: ...
    >>> torch.library.infer_schema(double, mutates_args=(), op_name="double")
    'double(Tensor x, SymInt times=1) -> Tensor'
    """
    signature = inspect.signature(prototype_function)

    def error(what: str) -> None:
        raise ValueError(f"infer_schema(func): {what} Got func with signature {signature})")

    try:
        hints = inspect.signature(prototype_function, eval_str=True)
    except Exception as cause:
        error(f"Unsupported type annotation. It is not a type. ({type(cause).__name__}: {cause})")
    everything = mutates_args == "unknown"
    mutated = set() if isinstance(mutates_args, str) else set(mutates_args)
    if isinstance(mutates_args, str) and not everything:
        raise ValueError(
            "mutates_args must either be a sequence of the names of the arguments that are mutated or the string "
            "'unknown'. "
        )
    parts: list[str] = []
    for i, (name, p) in enumerate(hints.parameters.items()):
        if p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
            error("We do not support positional-only args, varargs, or varkwargs.")
        if p.kind is p.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        if p.annotation is p.empty:
            error(f"Parameter {name} must have a type annotation.")
        word = _parameter(p.annotation)
        if word is None:
            error(f"Parameter {name} has unsupported type {p.annotation}. The valid types are: {list(_PARAMETERS)}, "
                  "lists of them, and either or None.")  # fmt: skip
        word = str(word)
        if name in mutated and not word.startswith("Tensor"):
            error(f"Parameter {name} is in mutable_args but only Tensors or collections of Tensors can be mutated")
        if name in mutated or (everything and word.startswith("Tensor")):
            word = f"Tensor(a{i}!){word.removeprefix('Tensor')}"
        parts.append(f"{word} {name}" if p.default is p.empty else f"{word} {name}={_default(name, p.default, error)}")
    unseen = mutated - set(hints.parameters)
    if unseen:
        error(
            f"{unseen} in mutates_args were not found in the custom op's signature. mutates_args should contain the "
            "names of all args that the custom op mutates, or just the string 'unknown' if you don't know."
        )
    return f"{op_name or ''}({', '.join(parts)}) -> {_result(hints.return_annotation, error)}"
