"""Samplers: in which order the samples of a data set are read.

All randomness comes from the CPU generator, and every draw is made where PyTorch makes it, so that under one seed the
orders, and the generator's state after an epoch, are PyTorch's.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Any, Generic, TypeVar

import torchlike as torch

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

IndexT = TypeVar("IndexT", covariant=True)

# Drawing with replacement goes by blocks of this many, PyTorch's number. A reader who stops early has then drawn no
# more of the generator than PyTorch would have.
REPLACEMENT_BLOCK = 32


def draw_seed(generator: Any = None) -> int:
    """One fresh 63-bit seed from ``generator``, by default from the global one."""
    return int(torch.empty((), dtype=torch.int64).random_(generator=generator).item())


def is_count(value: object) -> bool:
    """Whether ``value`` is a positive integer; ``True`` is an answer, not a number."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


class Sampler(Generic[IndexT]):
    """The base of all samplers: an iterable of indices, or of lists of indices for a batch sampler.

    A subclass defines ``__iter__``. It defines ``__len__`` too if ``len(loader)`` is to work; the base has none, so
    that ``len`` of a sampler without a length is Python's own ``TypeError``.

    Example:
        >>> class Backwards(Sampler[int]):
        ...     def __init__(self, data):
        ...         self.data = data
        ...     def __iter__(self):
        ...         return iter(range(len(self.data) - 1, -1, -1))
        >>> list(Backwards("abc"))
        [2, 1, 0]
    """

    def __iter__(self) -> Iterator[IndexT]:
        raise NotImplementedError


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ... up to the length of ``data_source``.

    Example:
        >>> list(SequentialSampler("abc"))
        [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """Indices of ``data_source`` in random order.

    Args:
        data_source: anything with a length.
        replacement: draw each index anew from all of them; otherwise go through permutations.
        num_samples: how many indices an epoch has; by default the length of ``data_source``, looked up anew each time.
            Without replacement, more than that means several permutations one after the other.
        generator: the generator to draw from. Without one, each epoch takes a seed from the global generator and draws
            from a generator of its own, as PyTorch does.

    Raises:
        TypeError: ``replacement`` is not a bool.
        ValueError: ``num_samples`` is not a positive integer, or ``data_source`` is empty.

    Example:
        >>> sampler = RandomSampler(range(5), num_samples=7)
        >>> len(sampler), sorted(list(sampler)[:5])
        (7, [0, 1, 2, 3, 4])
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Any = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        count = self.num_samples
        if not isinstance(count, int) or count <= 0:
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={count}")

    @property
    def num_samples(self) -> int:
        """How many indices one epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        size = len(self.data_source)
        generator = self.generator
        if generator is None:
            # The seed is drawn when the first index is asked for, not when the iterator is made: a loader's own seed
            # comes before it.
            generator = torch.Generator()
            generator.manual_seed(draw_seed())
        draw = self._with_replacement if self.replacement else self._permutations
        yield from draw(size, generator)

    def _with_replacement(self, size: int, generator: Any) -> Iterator[int]:
        whole, rest = divmod(self.num_samples, REPLACEMENT_BLOCK)
        for count in [REPLACEMENT_BLOCK] * whole + [rest]:
            yield from torch.randint(0, size, (count,), dtype=torch.int64, generator=generator).tolist()

    def _permutations(self, size: int, generator: Any) -> Iterator[int]:
        whole, rest = divmod(self.num_samples, size)
        # The last permutation is drawn even when nothing of it is used: PyTorch's generator moves on by it.
        for count in [size] * whole + [rest]:
            yield from torch.randperm(size, generator=generator).tolist()[:count]

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given ``indices`` in random order, each once.

    Args:
        indices: a sequence of indices.
        generator: the generator to draw from, by default the global one.

    Example:
        >>> sorted(SubsetRandomSampler([7, 2, 5]))
        [2, 5, 7]
    """

    def __init__(self, indices: Sequence[int], generator: Any = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for place in torch.randperm(len(self.indices), generator=self.generator).tolist():
            yield self.indices[place]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices drawn with given weights.

    Args:
        weights: one weight for each index, shape ``[n]``; they need not sum to one.
        num_samples: how many indices an epoch has.
        replacement: whether an index may come more than once.
        generator: the generator to draw from, by default the global one.

    Raises:
        ValueError: ``num_samples`` is not a positive integer, ``replacement`` is not a bool, or ``weights`` is not 1-D.

    Example:
        >>> sampler = WeightedRandomSampler([0.0, 1.0, 3.0], num_samples=4)
        >>> len(sampler)
        4
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Any = None,
    ) -> None:
        if not is_count(num_samples):
            raise ValueError(f"num_samples should be a positive integer value, but got num_samples={num_samples}")
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.weights = torch.as_tensor(weights, dtype=torch.float64)
        if self.weights.ndim != 1:
            shape = tuple(self.weights.shape)
            raise ValueError(f"weights should be a 1d sequence but given weights have shape {shape}")
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        drawn = torch.multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        yield from drawn.tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Gathers the indices of another sampler into lists of ``batch_size``.

    Args:
        sampler: any iterable of indices.
        batch_size: how many indices a batch has.
        drop_last: whether a last batch that is not full is left out.

    Raises:
        ValueError: ``batch_size`` is not a positive integer or ``drop_last`` is not a bool.

    Example:
        >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
        >>> list(BatchSampler(range(5), batch_size=2, drop_last=True))
        [[0, 1], [2, 3]]
    """

    def __init__(self, sampler: Sampler[int] | Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not is_count(batch_size):
            raise ValueError(f"batch_size should be a positive integer value, but got batch_size={batch_size}")
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(itertools.islice(indices, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield batch

    def __len__(self) -> int:
        size = len(self.sampler)  # type: ignore[arg-type]  # a sampler without a length: Python's TypeError
        return size // self.batch_size if self.drop_last else -(-size // self.batch_size)
