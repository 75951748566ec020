"""What containers are given: indices, iterables and pairs, checked as PyTorch checks them."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any


def position(index: Any, length: int) -> int:
    """A list index as a number from 0; IndexError in PyTorch's words, TypeError if it is no whole number."""
    number = operator.index(index)
    if not -length <= number < length:
        raise IndexError(f"index {number} is out of range")
    return number % length


def numbered(values: Iterable) -> dict[str, Any]:
    """The values under the names "0", "1", ..."""
    return {str(i): value for i, value in enumerate(values)}


def iterable(values: Any, owner: str) -> list:
    """The values to extend a list with; TypeError if they cannot be iterated over."""
    if not isinstance(values, Iterable) or hasattr(values, "dim"):  # a tensor's rows are not meant
        raise TypeError(f"{owner}.extend should be called with an iterable, but got {type(values).__name__}")
    return list(values)


def pairs_of(values: Any, owner: str, caller: str) -> list[tuple[str, Any]]:
    """The key and value pairs of a mapping or of an iterable of pairs; PyTorch's errors otherwise."""
    if not isinstance(values, Iterable):
        raise TypeError(
            f"{caller}.update should be called with an iterable of key/value pairs, but got {type(values).__name__}"
        )
    if hasattr(values, "items"):
        return list(values.items())
    pairs = []
    for i, pair in enumerate(values):
        if not isinstance(pair, Iterable):
            raise TypeError(f"{owner} update sequence element #{i} should be Iterable; is{type(pair).__name__}")
        pair = tuple(pair)
        if len(pair) != 2:
            raise ValueError(f"{owner} update sequence element #{i} has length {len(pair)}; 2 is required")
        pairs.append(pair)
    return pairs
