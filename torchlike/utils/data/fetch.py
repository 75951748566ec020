"""Fetching: from indices to what the loader hands out. The same in this process and in a worker."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import torchlike as torch
from torchlike.utils.data import arrays
from torchlike.utils.data.collate import collate_tensor_fn, default_collate, default_collate_fn_map
from torchlike.utils.data.dataset import Subset, TensorDataset, rows_at


def by_index(dataset: Any, collate: Callable[[Any], Any], batched: bool) -> Callable[[Any], Any]:
    """From an index, or a list of them, to a batch, for a data set that is read by index."""
    if not batched:
        return lambda index: collate(dataset[index])
    source = dataset
    while type(source) is Subset:
        source = source.dataset
    by_rows = collate in (default_collate, arrays.default_collate) and isinstance(source, TensorDataset)

    def fetch(indices: Any) -> Any:
        if by_rows and default_collate_fn_map.get(torch.Tensor) is collate_tensor_fn:
            rows = rows_at(dataset, indices)
            if rows is not None:
                return rows
        if getattr(dataset, "__getitems__", None):
            return collate(dataset.__getitems__(indices))
        return collate([dataset[index] for index in indices])

    return fetch


def from_stream(
    dataset: Any, collate: Callable[[Any], Any], batched: bool, drop_last: bool
) -> Callable[[Any], Any]:
    """The same for a stream: the placeholder indices only say how many samples make a batch."""
    samples = iter(dataset)
    if not batched:
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


def warn_if_longer(dataset: Any, announced: int | None, fetched: int, hint: str = "") -> None:
    """PyTorch's warning that a stream gives more samples than its length says, for the caller of the loader."""
    if announced is not None and fetched > announced:
        warnings.warn(
            f"Length of IterableDataset {dataset} was reported to be {announced}"
            f"(when accessing len(dataloader)), but {fetched} samples have been fetched. {hint}",
            stacklevel=3,
        )
