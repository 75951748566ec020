"""Collation without tensors: what a worker process does where `default_collate` would make tensors of plain values.

The batch is the same, only that NumPy arrays stand for its tensors until they arrive in the parent. Values whose
conversion takes more than NumPy (arrays of different shapes or types, numbers of mixed kinds, tensors that require a
gradient) are left to the tensors, whose promotion and errors are PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import torchlike as torch
from torchlike.utils.data import collate as _collate

COMMON = frozenset("?bhilqBHILQefdFD")
"""The type codes of the NumPy arrays that are tensors as they stand."""


class Collated:
    """An array that is a tensor to the parent."""

    __slots__ = ("array",)

    def __init__(self, array: np.ndarray):
        self.array = array


def default_collate(batch: Sequence[Any]) -> Any:
    """`default_collate`, with arrays for the tensors where they can stand for them."""
    return _collate.collate(batch, collate_fn_map=_rules())


def default_convert(data: Any) -> Any:
    """`default_convert`, with arrays for the tensors where they can stand for them."""
    return _collate._convert(data, _converted)


def _converted(value: Any) -> Any:
    array = np.asarray(value)
    if array.dtype.char not in COMMON or not array.dtype.isnative or not array.flags.c_contiguous:
        return torch.as_tensor(value)
    return Collated(array)


def _rules() -> _collate.CollateTable:
    """The table in use, which a user may have changed, with the rules for plain values exchanged."""
    table = dict(_collate.default_collate_fn_map)
    for kind, rule in table.items():
        table[kind] = _INSTEAD.get(rule, rule)
    return table


def _or(rule: Callable[..., Any], tried: Callable[[Sequence[Any]], np.ndarray | None]) -> Callable[..., Any]:
    """`tried`, and where it gives nothing the rule that it stands for, with the whole table of rules."""

    def collate(batch: Sequence[Any], *, collate_fn_map: Any = None) -> Any:
        array = tried(batch)
        if array is None:
            return rule(batch, collate_fn_map=_collate.default_collate_fn_map)
        return Collated(array)

    return collate


def _arrays(batch: Sequence[np.ndarray]) -> np.ndarray | None:
    dtype = batch[0].dtype
    if dtype.char not in COMMON or not dtype.isnative or not _collate._stackable_in_numpy(batch):
        return None
    # into a contiguous array, where stacking transposed ones would keep their layout
    return np.stack(batch, out=np.empty((len(batch), *batch[0].shape), dtype))


def _numpy_numbers(batch: Sequence[np.generic]) -> np.ndarray | None:
    kind = type(batch[0])
    return np.array(batch) if batch[0].dtype.char in COMMON and all(type(x) is kind for x in batch) else None


def _floats(batch: Sequence[float]) -> np.ndarray | None:
    return np.array(batch, np.float64) if all(type(x) is float for x in batch) else None


def _integers(batch: Sequence[int]) -> np.ndarray | None:
    if all(type(x) is bool for x in batch):
        return np.array(batch)
    fits = all(type(x) is int and -(2**63) <= x < 2**63 for x in batch)
    return np.array(batch, np.int64) if fits else None


def _tensors(batch: Sequence[Any]) -> np.ndarray | None:
    first = batch[0]
    for t in batch:
        # of any subclass: operations on them give plain tensors
        if not isinstance(t, torch.Tensor) or t.requires_grad or t.dtype is not first.dtype or t.shape != first.shape:
            return None
    if not first.is_cpu:
        return None
    hosts = [t._host() for t in batch]
    return np.stack(hosts, out=np.empty((len(hosts), *hosts[0].shape), hosts[0].dtype))


_INSTEAD: dict[Callable[..., Any], Callable[..., Any]] = {
    rule: _or(rule, tried)
    for rule, tried in (
        (_collate.collate_tensor_fn, _tensors),
        (_collate._collate_arrays, _arrays),
        (_collate._collate_numpy_numbers, _numpy_numbers),
        (_collate._collate_floats, _floats),
        (_collate._collate_integers, _integers),
    )
}


def instead_of(collate_fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What a worker collates with: the arrays' form of the two default functions, any other as it is."""
    return {_collate.default_collate: default_collate, _collate.default_convert: default_convert}.get(
        collate_fn, collate_fn
    )
