"""Reading ahead onto the device: the next batches are copied there while this one is computed with.

A copy to a device is asynchronous: `.to(device)` starts it and returns. So it is enough to ask for a batch early. That
happens in the thread of the loop, when it asks for its next batch, and not in one of its own: draws from the default
generator (shuffles, dropout) keep an order that is the same in each run. What takes long in reading belongs into the
loader's workers.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from torchlike.utils.data.collate import _is_namedtuple, _refill_mapping, _refill_sequence

__all__ = ["prefetch_to_device"]


def _mapped(batch: Any, method: str, change: Callable[[Any], Any]) -> Any:
    """`batch` with `change` applied to all in it that has such a method; containers keep their kind."""
    if callable(getattr(batch, method, None)):
        return change(batch)
    if isinstance(batch, Mapping):
        return _refill_mapping(batch, {key: _mapped(value, method, change) for key, value in batch.items()})
    if _is_namedtuple(batch):
        return type(batch)(*(_mapped(value, method, change) for value in batch))
    if isinstance(batch, Sequence) and not isinstance(batch, (str, bytes)):
        return _refill_sequence(batch, [_mapped(value, method, change) for value in batch])
    return batch


def pinned(batch: Any) -> Any:
    """`batch` after the method `pin_memory` of each object in it that has one: what `pin_memory=True` asks for.

    A tensor's gives the tensor itself, since a copy to the device does not wait for anything; a batch of the user's own
    kind may do more in it.
    """
    return _mapped(batch, "pin_memory", lambda value: value.pin_memory())


class prefetch_to_device:
    """The batches of a loader on a device, each copied there while the ones before it are computed with.

    Instead of

        for x, y in loader:
            x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)

    write `for x, y in prefetch_to_device(loader, device)`: the same batches in the same order. It is looped over as
    often as the loader itself, and has its length.

    Args:
        loader: a DataLoader, or anything else to loop over.
        device: where to; by default the accelerator of this machine, and the CPU where there is none.
        size: how many batches are there at a time, with the one in use: each takes memory of the device. 2 is enough
            unless the times between batches vary much.

    In nests of mappings, sequences and namedtuples every tensor is moved, and every other object that has a method `to`
    (a PackedSequence, a batch of your own: `to(device, non_blocking=True)`); the rest stays as it is. An exception in
    reading a batch is raised where that batch would have come, after those before it, and ends the epoch. Leaving the
    loop early ends the loader's epoch too, with up to `size - 1` batches read that nobody sees.

    Raises:
        ValueError: `size` is not a positive integer.
        RuntimeError, AssertionError: there is no such device; at once, as `.to(device)` raises it.

    PyTorch has no such name; its way is `pin_memory=True` and `non_blocking=True`, which work here too.

    Example:
        >>> from torchlike.utils.data import DataLoader, prefetch_to_device
        >>> loader = DataLoader(range(4), batch_size=2)
        >>> batches = prefetch_to_device(loader, "cpu")
        >>> len(batches), [batch.tolist() for batch in batches]
        (2, [[0, 1], [2, 3]])
    """

    def __init__(self, loader: Iterable[Any], device: Any = None, size: int = 2) -> None:
        from torchlike import accelerator
        from torchlike.core.device import home

        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"prefetch_to_device: size should be a positive integer, but got size={size}")
        self.loader = loader
        self.device = home((accelerator.current_accelerator() or "cpu") if device is None else device)
        self.size = size

    def __iter__(self) -> Iterator[Any]:
        return _ahead(iter(self.loader), self._moved, self.size)

    def __len__(self) -> int:
        """The loader's length."""
        return len(self.loader)  # type: ignore[arg-type]  # of a loader without a length: Python's TypeError

    def _moved(self, batch: Any) -> Any:
        return _mapped(batch, "to", lambda value: value.to(self.device, non_blocking=True))


def _ahead(batches: Iterator[Any], move: Callable[[Any], Any], size: int) -> Iterator[Any]:
    """`move(batch)` for each, asked for so early that `size` of them are there when one is handed out."""
    there: deque[Any] = deque()
    failure: Exception | None = None
    ended = False
    while True:
        while not ended and len(there) < size:
            try:
                there.append(move(next(batches)))
            except StopIteration:
                ended = True
            except Exception as e:  # raised when the loop comes to it
                failure, ended = e, True
        if there:
            yield there.popleft()
        elif failure is not None:
            raise failure
        else:
            return
