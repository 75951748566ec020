"""Data sets: what the samples are.

A data set is read by index (``Dataset``) or is a stream (``IterableDataset``). The others here wrap tensors or other
data sets: split them, put them side by side or one after the other.
"""

from __future__ import annotations

import bisect
import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

import torchlike as torch

if TYPE_CHECKING:
    from torchlike.tensor import Tensor

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]

SampleT = TypeVar("SampleT", covariant=True)


class Dataset(Generic[SampleT]):
    """The base of all data sets that are read by index.

    A subclass defines ``__getitem__(index)`` and, for the samplers, ``__len__()``. It may define
    ``__getitems__(indices)``, the list of samples at a list of indices: a ``DataLoader`` then reads whole batches with
    it. ``a + b`` puts two data sets one after the other.

    Example:
        >>> class Squares(Dataset):
        ...     def __len__(self):
        ...         return 4
        ...     def __getitem__(self, index):
        ...         return index * index
        >>> len(Squares() + Squares()), (Squares() + Squares())[6]
        (8, 4)
    """

    def __getitem__(self, index: Any) -> SampleT:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")

    def __add__(self, other: Dataset) -> Dataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[SampleT], Iterable[SampleT]):
    """The base of data sets that are a stream: a subclass defines ``__iter__``, and ``__len__`` only if it knows it.

    A ``DataLoader`` takes samples as they come, so a sampler or ``shuffle=True`` is an error. ``a + b`` chains two
    streams.

    Example:
        >>> class Count(IterableDataset):
        ...     def __iter__(self):
        ...         return iter(range(3))
        >>> list(Count() + Count())
        [0, 1, 2, 0, 1, 2]
    """

    def __add__(self, other: Dataset) -> Dataset:
        return ChainDataset([self, other])


class TensorDataset(Dataset["tuple[Tensor, ...]"]):
    """Tensors side by side: sample ``i`` is the tuple of their rows ``i``.

    Args:
        *tensors: one or more, each of shape ``[n, *]`` with the same ``n``.

    Raises:
        AssertionError: the first dimensions differ.

    Example:
        >>> data = TensorDataset(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([0, 1]))
        >>> len(data), data[1][0].tolist(), data[1][1].item()
        (2, [3.0, 4.0], 1)
    """

    def __init__(self, *tensors: Tensor) -> None:
        if any(tensor.size(0) != tensors[0].size(0) for tensor in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return self.tensors[0].size(0)


def _samples_at(dataset: Any, indices: Sequence[Any]) -> list:
    """The samples of ``dataset`` at ``indices``, by its own ``__getitems__`` where it has one."""
    if callable(getattr(dataset, "__getitems__", None)):
        return dataset.__getitems__(indices)
    return [dataset[index] for index in indices]


class StackDataset(Dataset):
    """Data sets of one length side by side: sample ``i`` is the tuple, or dict, of their samples ``i``.

    Args:
        *args: data sets, for samples that are tuples, or
        **kwargs: data sets, for samples that are dicts with these keys.

    Raises:
        ValueError: the lengths differ, both kinds of arguments are given, or none is.

    Example:
        >>> StackDataset(x=range(3), y="abc")[1]
        {'x': 1, 'y': 'b'}
    """

    datasets: tuple | dict

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError(
                "Supported either ``tuple``- (via ``args``) or``dict``- (via ``kwargs``) like input/output, "
                "but both types are given."
            )
        if not (args or kwargs):
            raise ValueError("At least one dataset should be passed")
        self.datasets = args or kwargs
        lengths = [len(dataset) for dataset in self._parts()]
        self._length = lengths[0]
        if any(length != self._length for length in lengths):
            raise ValueError("Size mismatch between datasets")

    def _parts(self) -> list:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def _sample(self, values: Iterable[Any]) -> tuple | dict:
        return dict(zip(self.datasets, values, strict=True)) if isinstance(self.datasets, dict) else tuple(values)

    def __getitem__(self, index: Any) -> tuple | dict:
        return self._sample(dataset[index] for dataset in self._parts())

    def __getitems__(self, indices: Sequence[Any]) -> list:
        columns = [_samples_at(dataset, indices) for dataset in self._parts()]
        for column in columns:
            if len(column) != len(indices):
                raise ValueError(f"Nested dataset's output size mismatch. Expected {len(indices)}, got {len(column)}")
        return [self._sample(values) for values in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[SampleT]):
    """Data sets one after the other, read by index.

    Args:
        datasets: at least one data set with a length, none of them iterable-style.

    Raises:
        AssertionError: no data set, or an ``IterableDataset`` among them.

    Example:
        >>> data = ConcatDataset(["abc", "de"])
        >>> len(data), data[3], data[-1]
        (5, 'd', 'e')
    """

    datasets: list
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset")
        self.cumulative_sizes = list(itertools.accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> SampleT:
        if idx < 0:
            if -idx > len(self):
                raise ValueError("absolute value of index should not exceed dataset length")
            idx += len(self)
        part = bisect.bisect_right(self.cumulative_sizes, idx)
        start = self.cumulative_sizes[part - 1] if part else 0
        return self.datasets[part][idx - start]


class ChainDataset(IterableDataset[SampleT]):
    """Streams one after the other.

    Args:
        datasets: iterable-style data sets.

    Raises:
        AssertionError: on reading, where one of them is not an ``IterableDataset``.

    Example:
        >>> class Count(IterableDataset):
        ...     def __iter__(self):
        ...         return iter(range(2))
        >>> list(ChainDataset([Count(), Count()]))
        [0, 1, 0, 1]
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def _streams(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError("ChainDataset only supports IterableDataset")
            yield dataset

    def __iter__(self) -> Iterator[SampleT]:
        return itertools.chain.from_iterable(self._streams())

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self._streams())


class Subset(Dataset[SampleT]):
    """The samples of ``dataset`` at ``indices``, in that order.

    Args:
        dataset: any data set that is read by index.
        indices: a sequence of indices into it.

    Raises:
        NotImplementedError: a subclass defines ``__getitem__`` without ``__getitems__``; a loader would read past it.

    Example:
        >>> data = Subset("abcdef", [4, 0])
        >>> len(data), data[0]
        (2, 'e')
    """

    def __init__(self, dataset: Any, indices: Sequence[Any]) -> None:
        kind = type(self)
        if kind.__getitem__ is not Subset.__getitem__ and kind.__getitems__ is Subset.__getitems__:
            raise NotImplementedError(
                f"{kind.__name__} overrides __getitem__ but not __getitems__. "
                "When subclassing Subset and overriding __getitem__, you must also override "
                "__getitems__ to ensure DataLoader works correctly with your custom logic. "
                "A simple implementation:\n\n"
                "def __getitems__(self, indices):\n"
                "    return [self.__getitem__(idx) for idx in indices]"
            )
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, idx: Any) -> Any:
        # A list is handed on as a list: a TensorDataset below reads it at once.
        chosen = [self.indices[place] for place in idx] if isinstance(idx, list) else self.indices[idx]
        return self.dataset[chosen]

    def __getitems__(self, indices: Sequence[Any]) -> list:
        return _samples_at(self.dataset, [self.indices[place] for place in indices])

    def __len__(self) -> int:
        return len(self.indices)


def _lengths_of_fractions(size: int, fractions: Sequence[float]) -> list[int]:
    for place, fraction in enumerate(fractions):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {place} is not between 0 and 1")
    lengths = [math.floor(size * fraction) for fraction in fractions]
    # What rounding down leaves over goes round, one sample each, from the first split on.
    for extra in range(size - sum(lengths)):
        lengths[extra % len(lengths)] += 1
    return lengths


def random_split(dataset: Any, lengths: Sequence[int | float], generator: Any = None) -> list[Subset]:
    """Parts of ``dataset`` that share no sample, filled at random.

    Args:
        dataset: a data set with a length.
        lengths: the length of each part, or fractions that sum to 1. Fractions are rounded down, and what is left over
            goes one sample each to the parts from the first on.
        generator: the generator to draw from, by default the global one.

    Returns:
        One ``Subset`` for each length.

    Raises:
        ValueError: the lengths do not sum to the length of ``dataset``, or a fraction is not between 0 and 1.

    A fraction that gives an empty part is answered with a warning.

    Example:
        >>> [len(part) for part in random_split(range(10), [0.75, 0.25])]
        [8, 2]
    """
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        lengths = _lengths_of_fractions(len(dataset), lengths)
        for place, length in enumerate(lengths):
            if length == 0:
                warnings.warn(
                    f"Length of split at index {place} is 0. This might result in an empty dataset.", stacklevel=2
                )
    if sum(lengths) != len(dataset):
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    order = torch.randperm(sum(lengths), generator=generator).tolist()
    ends: Iterable[Any] = itertools.accumulate(lengths, initial=0)
    return [Subset(dataset, order[start:end]) for start, end in itertools.pairwise(ends)]


def rows_at(dataset: Any, indices: Sequence[Any]) -> list[Tensor] | None:
    """The collated batch of a ``TensorDataset`` by one read for each tensor, or None where that is not the same thing.

    Stacking the single rows reads every tensor ``len(indices)`` times. One read gives the same values and dtype for
    plain tensors and integers in range; everything else is left to the way by single samples: a data set that reads
    its samples in its own way, other kinds of index, an index out of range (its error), and tensors that require a
    gradient (their graph).
    """
    if not isinstance(indices, (list, tuple)):  # an iterator could be read only once
        return None
    while type(dataset) is Subset:
        indices = [dataset.indices[place] for place in indices]
        dataset = dataset.dataset
    reads_plainly = getattr(type(dataset), "__getitem__", None) is TensorDataset.__getitem__
    if not reads_plainly or hasattr(dataset, "__getitems__") or not indices:
        return None
    if not all(type(index) is int or isinstance(index, np.integer) for index in indices):
        return None
    low, high = min(indices), max(indices)
    for tensor in dataset.tensors:
        size = tensor.size(0)
        if type(tensor) is not torch.Tensor or tensor.requires_grad or not -size <= low <= high < size:
            return None
    chosen = torch.from_numpy(np.array(indices, dtype=np.int64))
    return [tensor[chosen].contiguous() for tensor in dataset.tensors]
