"""Collation: how several samples become one batch.

``default_collate`` stacks what can be stacked and keeps the containers around it; ``default_convert`` only turns NumPy
arrays into tensors and is used where nothing is batched.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import torchlike as torch
from torchlike.utils.data import shell

if TYPE_CHECKING:
    from torchlike.tensor import Tensor

__all__ = ["collate", "collate_tensor_fn", "default_collate", "default_collate_fn_map", "default_convert"]

CollateTable = dict[type | tuple[type, ...], Callable[..., Any]]

UNSUPPORTED = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def _holds_text_or_objects(array: np.ndarray) -> bool:
    return array.dtype.kind in "SUO"


def _is_namedtuple(value: object) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _refill_mapping(pattern: Mapping, values: dict) -> Any:
    """``values`` in a mapping of the kind of ``pattern``, or in a dict where that kind cannot be refilled.

    A mutable mapping is copied and updated, since it may hold more than its items (a default factory, attributes).
    """
    try:
        if not isinstance(pattern, MutableMapping):
            return type(pattern)(values)  # type: ignore[call-arg]
        filled = copy.copy(pattern)
        filled.update(values)
        return filled
    except TypeError:
        return values


def _refill_sequence(pattern: Sequence, values: list) -> Any:
    """``values`` in a sequence of the kind of ``pattern``, or in a list where that kind (a range, say) cannot be."""
    try:
        if not isinstance(pattern, MutableSequence):
            return type(pattern)(values)  # type: ignore[call-arg]
        filled = copy.copy(pattern)
        for place, value in enumerate(values):
            filled[place] = value
        return filled
    except TypeError:
        return values


def default_convert(data: Any) -> Any:
    """``data`` with every NumPy array and number in it as a tensor; everything else stays as it is.

    Mappings, namedtuples and sequences are gone through and keep their kind, except that a plain tuple becomes a list.
    Arrays of text or objects, and text itself, stay unchanged. This is what a ``DataLoader`` with ``batch_size=None``
    does to each sample.

    Raises:
        TypeError: a NumPy value of a type that no tensor has.

    Example:
        >>> import numpy as np
        >>> default_convert({"x": np.array([1, 2]), "name": "a"})
        {'x': tensor([1, 2]), 'name': 'a'}
    """
    return _convert(data, lambda value: torch.as_tensor(value))


def _convert(data: Any, tensor_of: Callable[[Any], Any]) -> Any:
    if _is_tensor(data):
        return data
    if type(data).__module__ == "numpy":
        is_text = isinstance(data, np.str_) or (isinstance(data, np.ndarray) and _holds_text_or_objects(data))
        return data if is_text else tensor_of(data)
    if isinstance(data, Mapping):
        return _refill_mapping(data, {key: _convert(data[key], tensor_of) for key in data})
    if _is_namedtuple(data):
        return type(data)(*(_convert(value, tensor_of) for value in data))
    if isinstance(data, tuple):
        return [_convert(value, tensor_of) for value in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _refill_sequence(data, [_convert(value, tensor_of) for value in data])
    return data


def _is_tensor(value: Any) -> bool:
    # where torchlike is not loaded there is no tensor, and asking must not load it
    return shell.is_loaded() and isinstance(value, torch.Tensor)


def collate(batch: Sequence[Any], *, collate_fn_map: CollateTable | None = None) -> Any:
    """One batch of the samples in ``batch``, by a table of rules for the kinds of value.

    Args:
        batch: a list of samples of the same structure; the first one decides.
        collate_fn_map: from a type, or a tuple of types, to ``rule(values, *, collate_fn_map)``. The exact type of a
            value is looked up first, then the entries are tried in their order with ``isinstance``. Containers that no
            rule claims are gone through: mappings by key, namedtuples and sequences by place.

    Raises:
        RuntimeError: sequences of different lengths.
        TypeError: a value that no rule claims and that is no container.

    Example:
        >>> collate([(1, "a"), (2, "b")], collate_fn_map={int: lambda values, **_: sum(values), str: lambda v, **_: v})
        [3, ('a', 'b')]
    """
    first = batch[0]
    kind = type(first)
    rules = collate_fn_map or {}
    rule = rules.get(kind) or next((rules[types] for types in rules if isinstance(first, types)), None)
    if rule is not None:
        return rule(batch, collate_fn_map=collate_fn_map)

    if isinstance(first, Mapping):
        joined = {key: collate([sample[key] for sample in batch], collate_fn_map=collate_fn_map) for key in first}
        return _refill_mapping(first, joined)
    if not isinstance(first, Sequence):
        raise TypeError(UNSUPPORTED.format(kind))

    if not _is_namedtuple(first) and any(len(sample) != len(first) for sample in batch):
        raise RuntimeError("each element in list of batch should be of equal size")
    columns = [collate(values, collate_fn_map=collate_fn_map) for values in zip(*batch, strict=False)]
    if _is_namedtuple(first):
        return kind(*columns)
    # A plain tuple of samples gives a list, as in PyTorch: `for x, y in loader` does not mind.
    return columns if isinstance(first, tuple) else _refill_sequence(first, columns)


def collate_tensor_fn(batch: Sequence[Tensor], *, collate_fn_map: CollateTable | None = None) -> Tensor:
    """The tensors of ``batch``, each of shape ``[*]``, stacked to ``[len(batch), *]``.

    Raises:
        RuntimeError: the shapes differ.

    Example:
        >>> collate_tensor_fn([torch.ones(2), torch.zeros(2)]).tolist()
        [[1.0, 1.0], [0.0, 0.0]]
    """
    return torch.stack(batch, 0)


def _stackable_in_numpy(batch: Sequence[Any]) -> bool:
    """Whether NumPy stacks these arrays to the very tensor that converting each and stacking gives.

    Different shapes or dtypes and negative strides are left to the tensors, whose errors and promotion are PyTorch's.
    """
    first = batch[0]
    return all(
        isinstance(array, np.ndarray)
        and array.shape == first.shape
        and array.dtype == first.dtype
        and (array.flags.c_contiguous or min(array.strides) >= 0)
        for array in batch
    )


def _collate_arrays(batch: Sequence[np.ndarray], *, collate_fn_map: CollateTable | None = None) -> Any:
    if _holds_text_or_objects(batch[0]):
        raise TypeError(UNSUPPORTED.format(batch[0].dtype))
    # One conversion instead of one for each array, unless someone has put another rule for tensors in the table.
    if (collate_fn_map or {}).get(torch.Tensor) is collate_tensor_fn and _stackable_in_numpy(batch):
        # NumPy keeps the layout of transposed arrays; stacked tensors are contiguous.
        return torch.from_numpy(np.ascontiguousarray(np.stack([np.asarray(array) for array in batch])))
    return collate([torch.as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def _collate_numpy_numbers(batch: Sequence[np.generic], *, collate_fn_map: CollateTable | None = None) -> Tensor:
    kind = type(batch[0])
    if all(type(number) is kind for number in batch):
        return torch.from_numpy(np.array(batch))
    return torch.as_tensor(batch)


def _collate_floats(batch: Sequence[float], *, collate_fn_map: CollateTable | None = None) -> Tensor:
    # A Python float has 64 bits, whatever the default dtype is.
    return torch.tensor(batch, dtype=torch.float64)


def _collate_integers(batch: Sequence[int], *, collate_fn_map: CollateTable | None = None) -> Tensor:
    return torch.tensor(batch)


def _keep(batch: Sequence[Any], *, collate_fn_map: CollateTable | None = None) -> Sequence[Any]:
    return batch


# The order counts: a NumPy float64 is a Python float too, and a bool is an int.
default_collate_fn_map: CollateTable = {
    np.ndarray: _collate_arrays,
    (np.bool_, np.number, np.object_): _collate_numpy_numbers,
    float: _collate_floats,
    int: _collate_integers,
    str: _keep,
    bytes: _keep,
}
DEFAULT_RULES: CollateTable = dict(default_collate_fn_map)
"""The table as it is without what a user has added."""


def _know_tensors() -> None:
    for table in (default_collate_fn_map, DEFAULT_RULES):
        table.setdefault(torch.Tensor, collate_tensor_fn)


shell.afterwards(_know_tensors)


def default_collate(batch: Sequence[Any]) -> Any:
    """One batch of the samples in ``batch``, with a new first dimension of length ``len(batch)``.

    ============================  ===========================================================
    samples                       batch
    ============================  ===========================================================
    tensors, arrays ``[*]``       a tensor ``[len(batch), *]`` of the same dtype
    float                         a float64 tensor ``[len(batch)]``
    int, bool                     an int64, a bool tensor ``[len(batch)]``
    str, bytes                    unchanged, a list or a tuple of them
    mapping, namedtuple, list     the same kind, collated key by key or place by place
    tuple                         a list, collated place by place
    ============================  ===========================================================

    Further types are taught by adding a rule to ``default_collate_fn_map``; see :func:`collate`.

    Raises:
        RuntimeError: tensors of different shapes, or sequences of different lengths.
        TypeError: a sample of any other type.

    Example:
        >>> default_collate([{"x": 0, "name": "a"}, {"x": 1, "name": "b"}])
        {'x': tensor([0, 1]), 'name': ['a', 'b']}
        >>> default_collate([(0, 1), (2, 3)])
        [tensor([0, 2]), tensor([1, 3])]
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)
