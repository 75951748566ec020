"""The loader: reads a data set in the order of a sampler and hands out batches."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import torchlike as torch
from torchlike.utils.data import fetch
from torchlike.utils.data.collate import default_collate, default_convert
from torchlike.utils.data.dataset import IterableDataset
from torchlike.utils.data.prefetch import pinned
from torchlike.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler, draw_seed
from torchlike.utils.data.worker import get_worker_info

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

BatchT = TypeVar("BatchT", covariant=True)


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
        num_workers: how many processes read batches ahead; with 0 they are read here, when they are asked for.
        collate_fn: makes a batch of a list of samples; by default :func:`default_collate`, and with
            ``batch_size=None`` :func:`default_convert`, which gets a single sample.
        pin_memory: with an accelerator, batches whose copy there by ``.to(device, non_blocking=True)`` overlaps with
            computing. Every copy does so here, since JAX stages transfers by itself; what is left to do is to call
            ``pin_memory()`` of batches of your own kind that have it. Without an accelerator a warning, as in PyTorch.
        drop_last: leave out a last batch that is not full.
        timeout: seconds to wait for a batch of the workers; 0: for ever.
        worker_init_fn: called in each worker with its number, after the generators are seeded.
        multiprocessing_context: "spawn", "forkserver" or such a context, to start workers by Python's multiprocessing.
            By default they come from a process that torchlike keeps for that, which is quicker, and does not run the
            main script again: lambdas and classes of the script are sent to it.
        generator: the generator for the order and for the seed that each epoch draws, by default the global one.
        prefetch_factor: how many batches each worker reads ahead, by default 2.
        persistent_workers: keep the workers after an epoch for the next one.
        pin_memory_device: deprecated in PyTorch, without effect.
        in_order: hand out batches in their order; otherwise as they come.

    Raises:
        ValueError: options that exclude each other or are out of range.
        RuntimeError: a worker has died, or ``timeout`` is over. An exception in a worker is raised here with its type
            and its traceback as the message.
        NotImplementedError: workers by fork, which JAX does not survive.

    To have batches on the device before they are asked for, see :class:`prefetch_to_device`.

    Differs from PyTorch: workers are not forked from this process and never use its accelerator. What they need is
    pickled (functions and classes of the main script by value); see ``docs/data_and_files.md``.

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
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
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
        self.multiprocessing_context = multiprocessing_context
        if num_workers > 0 and prefetch_factor is None:
            prefetch_factor = 2
        self.collate_fn = collate_fn or (default_collate if self._auto_collation else default_convert)
        self.pin_memory = pin_memory
        self.pin_memory_device = pin_memory_device
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.generator = generator
        self.prefetch_factor = prefetch_factor
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self._announced_length: int | None = None
        self._iterator: Any = None  # of persistent workers
        _warn_of_many_workers(num_workers)
        self._complete = True

    def __setattr__(self, name: str, value: Any) -> None:
        if self._complete and name in self._FIXED:
            raise ValueError(f"{name} attribute should not be set after {type(self).__name__} is initialized")
        super().__setattr__(name, value)

    @property
    def multiprocessing_context(self) -> Any:
        """How workers are started, where that was said: a context of Python's multiprocessing."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: Any) -> None:
        self._context = None if context is None else _checked_context(context, self.num_workers)

    @property
    def _auto_collation(self) -> bool:
        return self.batch_sampler is not None

    @property
    def _index_sampler(self) -> Any:
        """What one step takes from: lists of indices, or single ones where nothing is batched."""
        return self.batch_sampler if self._auto_collation else self.sampler

    def __iter__(self) -> Iterator[BatchT]:
        if self.num_workers == 0:
            return _SingleProcessDataLoaderIter(self, _pins(self))
        from torchlike.utils.data.workers import _MultiProcessingDataLoaderIter

        if self.persistent_workers and self._iterator is not None and self._iterator.usable:
            self._iterator.reset(self)
            return self._iterator
        _warn_of_many_workers(self.num_workers)
        made = _MultiProcessingDataLoaderIter(self, _pins(self))
        if self.persistent_workers:
            self._iterator = made
        return made

    def __len__(self) -> int:
        """The number of batches; for a stream, by the length that the data set itself announces."""
        if not self._is_stream:
            return len(self._index_sampler)
        samples = self._announced_length = len(self.dataset)
        if self.batch_size is None:
            return samples
        return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool
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


def _checked_context(context: Any, num_workers: int) -> Any:
    if num_workers == 0:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > 0), "
            f"but got num_workers={num_workers}"
        )
    if isinstance(context, str):
        known = multiprocessing.get_all_start_methods()
        if context not in known:
            raise ValueError(
                f"multiprocessing_context option should specify a valid start method in {known!r}, but got "
                f"multiprocessing_context={context!r}"
            )
        context = multiprocessing.get_context(context)
    if not isinstance(context, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string specifying the start method, "
            f"but got multiprocessing_context={context}"
        )
    if context.get_start_method() == "fork":
        raise NotImplementedError(
            "DataLoader(multiprocessing_context='fork'): JAX's threads do not survive a fork. Leave it out, or use "
            "'forkserver' or 'spawn'"
        )
    return context


def _warn_of_many_workers(num_workers: int) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if num_workers > cores:
        counted = "" if hasattr(os, "sched_getaffinity") else " (`cpuset` is not taken into account)"
        warnings.warn(
            f"This DataLoader will create {num_workers} worker processes in total. Our suggested max number of worker "
            f"in current system is {cores}{counted}, which is smaller than what this DataLoader is going to create. "
            "Please be aware that excessive worker creation might get DataLoader running slow or even freeze, lower "
            "the worker number to avoid potential slowness/freeze if necessary.",
            stacklevel=3,
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

    def __init__(self, loader: DataLoader, pins: bool) -> None:
        self._pins = pins
        self._loader = loader
        self._announced_length = loader._announced_length
        self._yielded = 0
        # PyTorch's order of draws: a sampler that draws in its __iter__, then this seed, which only worker processes
        # would use, then a sampler that draws at its first index, as ours do.
        self._indices = iter(loader._index_sampler)
        self._base_seed = draw_seed(loader.generator)
        if loader.timeout != 0:
            raise AssertionError("_SingleProcessDataLoaderIter requires timeout == 0")
        given = loader.dataset, loader.collate_fn, loader._auto_collation
        self._fetch = fetch.from_stream(*given, loader.drop_last) if loader._is_stream else fetch.by_index(*given)

    def __next__(self) -> Any:
        batch = self._fetch(next(self._indices))
        self._yielded += 1
        if self._loader._is_stream:
            fetch.warn_if_longer(self._loader.dataset, self._announced_length, self._yielded)
        return pinned(batch) if self._pins else batch

    def __len__(self) -> int:
        return len(self._loader._index_sampler)


def _pins(loader: DataLoader) -> bool:
    """Whether batches are to be pinned; PyTorch's warnings, for the caller of the loader."""
    if not loader.pin_memory:
        return False
    if loader.pin_memory_device:
        warnings.warn(
            "pin_memory_device is deprecated, the current accelerator will be used as the device,"
            f"ignore pin_memory_device='{loader.pin_memory_device}'.",
            stacklevel=3,
        )
    if torch.accelerator.is_available():
        return True
    warnings.warn(
        "'pin_memory' argument is set as true but no accelerator is found, then device pinned memory won't be used.",
        stacklevel=3,
    )
    return False
