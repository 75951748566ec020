"""The loader: reads a data set in the order of a sampler and hands out batches."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import jax

from torchlike.tensor import Tensor
from torchlike.utils.data.collate import collate_tensor_fn, default_collate, default_collate_fn_map, default_convert
from torchlike.utils.data.dataset import IterableDataset, rows_at
from torchlike.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, draw_seed

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

BatchT = TypeVar("BatchT", covariant=True)


def get_worker_info() -> None:
    """What a worker process knows about itself; ``None`` in the main process, where all loading happens.

    Example:
        >>> get_worker_info() is None
        True
    """
    return


class _InfiniteConstantSampler(Sampler[Any]):
    """``None`` for ever: the "indices" of a stream, which ends by itself."""

    def __iter__(self) -> Iterator[None]:
        return itertools.repeat(None)


class DataLoader(Generic[BatchT]):
    """Loops over a data set in batches; each ``iter(loader)`` is one epoch.

    Args:
        dataset: a data set that is read by index (anything with ``__getitem__`` and ``__len__``) or a stream
            (``IterableDataset``).
        batch_size: how many samples a batch has; ``None`` hands out single samples.
        shuffle: a new random order for each epoch.
        sampler: an iterable of indices, instead of ``shuffle``.
        batch_sampler: an iterable of lists of indices, instead of ``batch_size``, ``shuffle``, ``sampler`` and
            ``drop_last``.
        num_workers: only 0: samples are read in this process.
        collate_fn: makes a batch of a list of samples; by default :func:`default_collate`, and with
            ``batch_size=None`` :func:`default_convert`, which gets a single sample.
        pin_memory: accepted; it changes no value, and since JAX stages transfers by itself it pins nothing. The loader
            says so in a warning.
        drop_last: leave out a last batch that is not full.
        timeout, worker_init_fn, multiprocessing_context, prefetch_factor, persistent_workers, in_order: for worker
            processes; checked as PyTorch checks them.
        generator: the generator for the order and for the seed that each epoch draws, by default the global one.
        pin_memory_device: deprecated in PyTorch, without effect.

    Raises:
        ValueError: options that exclude each other or are out of range.
        NotImplementedError: ``num_workers > 0``.

    Differs from PyTorch: without worker processes, ``num_workers`` is 0. The batches are the same ones in the same
    order, since the number of workers changes neither.

    Example:
        >>> loader = DataLoader(range(5), batch_size=2, drop_last=True)
        >>> len(loader), [batch.tolist() for batch in loader]
        (2, [[0, 1], [2, 3]])
    """

    # Fixed once the loader stands: the samplers were made from them.
    _FIXED = frozenset({"batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"})
    _complete = False

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler | Iterable[Any] | None = None,
        batch_sampler: Sampler[list] | Iterable[list] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
        self._is_stream = isinstance(dataset, IterableDataset)
        if self._is_stream:
            _check_stream(shuffle, sampler, batch_sampler)
        _check_batching(batch_size, shuffle, sampler, batch_sampler, drop_last)

        if batch_sampler is not None:
            batch_size = None
        if sampler is None:
            if self._is_stream:
                sampler = _InfiniteConstantSampler()
            else:
                sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)

        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn or (default_collate if self._auto_collation else default_convert)
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = prefetch_factor
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self._announced_length: int | None = None
        self._complete = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._complete and name in self._FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        """What one step takes from: lists of indices, or single ones where nothing is batched."""
        return self.batch_sampler if self._auto_collation else self.sampler

    def __iter__(self) -> Iterator[BatchT]:
        return _SingleProcessDataLoaderIter(self)

    def __len__(self) -> int:
        """The number of batches; for a stream, by the length that the data set itself announces."""
        if not self._is_stream:
            return len(self._index_sampler)
        samples = self._announced_length = len(self.dataset)
        if self.batch_size is None:
            return samples
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool, context: Any
) -> None:
    if num_workers < 0:
        raise ValueError("num_workers option should be non-negative; use num_workers=0 to disable multiprocessing.")
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if num_workers == 0 and prefetch_factor is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing."
            "let num_workers > 0 to enable multiprocessing, otherwise set prefetch_factor to None."
        )
    if prefetch_factor is not None and prefetch_factor < 0:
        raise ValueError("prefetch_factor option should be non-negative")
    if persistent_workers and num_workers == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if context is not None and num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
            f"but got num_workers={num_workers}"
        )
    if num_workers > 0:
        raise NotImplementedError(
            f"DataLoader(num_workers={num_workers}): torchlike has no worker processes yet. Use num_workers=0, "
            "which gives the same batches in the same order."
        )


def _check_stream(shuffle: Any, sampler: Any, batch_sampler: Any) -> None:
    expected = "DataLoader with IterableDataset: expected unspecified {0} option, but got {0}={1}"
    if shuffle not in (False, None):
        raise ValueError(expected.format("shuffle", shuffle))
    for name, value in (("sampler", sampler), ("batch_sampler", batch_sampler)):
        if value is not None:
            raise ValueError(expected.format(name, value))


def _check_batching(batch_size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool) -> None:
    if sampler is not None and shuffle:
        raise ValueError("sampler option is mutually exclusive with shuffle")
    if batch_sampler is not None:
        if batch_size != 1 or shuffle or sampler is not None or drop_last:
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
            )
    elif batch_size is None and drop_last:
        raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")


class _SingleProcessDataLoaderIter(Iterator[Any]):
    """One epoch of a loader."""

    def __init__(self, loader: DataLoader) -> None:
        _warn_of_pinning(loader)
        self._loader = loader
        self._announced_length = loader._announced_length
        self._yielded = 0
        # PyTorch's order of draws: a sampler that draws in its __iter__, then this seed, which only worker processes
        # would use, then a sampler that draws at its first index, as ours do.
        self._indices = iter(loader._index_sampler)
        self._base_seed = draw_seed(loader.generator)
        if loader.timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        self._fetch = _fetch_from_stream(loader) if loader._is_stream else _fetch_by_index(loader)

    def __next__(self) -> Any:
        batch = self._fetch(next(self._indices))
        self._yielded += 1
        announced = self._announced_length
        if self._loader._is_stream and announced is not None and self._yielded > announced:
            warnings.warn(
                f"Length of IterableDataset {self._loader.dataset} was reported to be {announced}"
                f"(when accessing len(dataloader)), but {self._yielded} samples have been fetched. ",
                stacklevel=2,
            )
        return batch

    def __len__(self) -> int:
        return len(self._loader._index_sampler)


def _warn_of_pinning(loader: DataLoader) -> None:
    if not loader.pin_memory:
        return
    if loader.pin_memory_device:
        warnings.warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device,"
            f"ignore pin_memory_device='{loader.pin_memory_device}'.",
            stacklevel=4,
        )
    if jax.default_backend() == "cpu":
        message = (
            "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be used."
        )
    else:
        message = "'pin_memory' argument is set as true, but nothing is pinned: JAX stages its transfers by itself."
    warnings.warn(message, stacklevel=4)


def _fetch_by_index(loader: DataLoader) -> Callable[[Any], Any]:
    """From an index, or a list of them, to what the loader hands out, for a data set that is read by index."""
    dataset, collate = loader.dataset, loader.collate_fn
    if not loader._auto_collation:
        return lambda index: collate(dataset[index])

    def fetch(indices: Any) -> Any:
        if collate is default_collate and default_collate_fn_map.get(Tensor) is collate_tensor_fn:
            rows = rows_at(dataset, indices)
            if rows is not None:
                return rows
        if getattr(dataset, "__getitems__", None):
            return collate(dataset.__getitems__(indices))
        return collate([dataset[index] for index in indices])

    return fetch


def _fetch_from_stream(loader: DataLoader) -> Callable[[Any], Any]:
    """The same for a stream: the placeholder indices only say how many samples make a batch."""
    samples = iter(loader.dataset)
    collate, drop_last = loader.collate_fn, loader.drop_last
    if not loader._auto_collation:
        return lambda _: collate(next(samples))
    ended = False

    def fetch(placeholders: list) -> Any:
        # A stream that has ended is not asked again: some would go on.
        nonlocal ended
        batch = [] if ended else list(itertools.islice(samples, len(placeholders)))
        ended = len(batch) < len(placeholders)
        if not batch or (ended and drop_last):
            raise StopIteration
        return collate(batch)

    return fetch
