"""What a worker process does: it reads the batches that it is asked for.

PyTorch's order of things (its documentation, `torch.utils.data`, "Randomness in multi-process data loading"): Python's,
torch's and NumPy's generators are seeded from `base_seed` and the number of the worker, then `worker_init_fn` runs.
"""

from __future__ import annotations

import collections
import contextlib
import os
import pickle
import random
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cloudpickle
import numpy as np

import torchlike as torch
from torchlike.utils.data import arrays, fetch, shell
from torchlike.utils.data.collate import default_collate_fn_map
from torchlike.utils.data.handover import Gone, Sender, mapped


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """What a worker process knows about itself: see `get_worker_info`."""

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: Any = None
    worker_method: str | None = "multiprocessing"


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """What a worker process knows about itself; None in the main process.

    `id` is its number, from 0 to `num_workers` - 1; `seed` is what its generators were seeded with; `dataset` is its
    own copy of the data set. A stream reads its share by it:

        >>> from torchlike.utils.data import IterableDataset
        >>> class Count(IterableDataset):
        ...     def __iter__(self):
        ...         info = get_worker_info()
        ...         first, step = (0, 1) if info is None else (info.id, info.num_workers)
        ...         return iter(range(first, 10, step))
        >>> list(Count())
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    """
    return _info


@dataclass
class Job:
    """All that a worker is told at its beginning, beside its number."""

    dataset: Any
    is_stream: bool
    batched: bool
    collate_fn: Callable[[Any], Any]
    drop_last: bool
    init_fn: Callable[[int], Any] | None
    rules: dict  # what the user has added to the table of collation


class Raised:
    """An exception on its way to the parent: its type, and its traceback as text."""

    def __init__(self, number: int):
        kind, error, tb = sys.exc_info()
        self.where = f"in DataLoader worker process {number}"
        if error is not None and hasattr(error, "__notes__"):
            error.__notes__ = [note for note in error.__notes__ if "JAX has removed its internal frames" not in note]
        self.text = "".join(traceback.format_exception(kind, error, tb))
        self.name = kind.__name__ if kind is not None else ""
        try:
            self.kind = cloudpickle.dumps(kind)
        except Exception:
            self.kind = pickle.dumps(RuntimeError)

    def reraise(self) -> None:
        """Raise an exception of the same type whose message is the traceback, as PyTorch does."""
        message = f"Caught {self.name} {self.where}.\nOriginal {self.text}"
        try:
            kind = pickle.loads(self.kind)
        except Exception:
            raise RuntimeError(message) from None
        if kind is KeyError:
            raise KeyError(_Shown(message))  # a KeyError shows the repr of what it is given
        if getattr(kind, "message", None):
            raise kind(message=message)
        try:
            error = kind(message)
        except Exception:  # it takes other arguments
            raise RuntimeError(message) from None
        raise error


class _Shown(str):
    def __repr__(self) -> str:
        return str(self)


class Ended:
    """A stream has ended in this worker."""


def seed_all(base_seed: int, number: int) -> int:
    """Seed the generators of worker `number` as PyTorch does; its seed."""
    seed = base_seed + number
    random.seed(seed)
    words = np.random.SeedSequence([number, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]).generate_state(4)
    np.random.seed(words.tolist())
    shell.afterwards(lambda: torch.manual_seed(seed))
    return seed


def work(link: socket.socket) -> None:
    """Serve the loader at the other end until it says so or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the parent that is interrupted; then the line ends
    with contextlib.suppress(Gone):
        _Worker(Sender(link)).run()


class _Worker:
    def __init__(self, sender: Sender):
        self.sender = sender
        message, descriptor = sender.receive()  # type: ignore[misc]
        spans, surroundings, body = pickle.loads(message)
        settle(surroundings)
        self.number, self.count = surroundings["number"], surroundings["count"]
        self.error: Raised | None = None
        try:
            buffers = []
            if descriptor is not None:
                whole = mapped(descriptor, private=True)
                buffers = [whole[start : start + length] for start, length in spans]
            self.job: Job = pickle.loads(body, buffers=buffers)
            self.prepare(surroundings["base_seed"])
        except Exception:
            self.error = Raised(self.number)

    def prepare(self, base_seed: int) -> None:
        global _info
        job = self.job
        seed = seed_all(base_seed, self.number)
        default_collate_fn_map.update(job.rules)
        _info = WorkerInfo(self.number, self.count, seed, job.dataset)
        if job.init_fn is not None:
            job.init_fn(self.number)
        self.begin()

    def begin(self) -> None:
        """A new pass over the data set."""
        job = self.job
        collate = arrays.instead_of(job.collate_fn)
        if job.is_stream:
            self.fetch = fetch.from_stream(job.dataset, collate, job.batched, job.drop_last)
        else:
            self.fetch = fetch.by_index(job.dataset, collate, job.batched)

    def run(self) -> None:
        waiting: collections.deque[tuple] = collections.deque()
        while True:
            # all that has come is looked at before the next batch is read: blocks that are free again among it
            message = self.sender.receive(wait=not waiting)
            if message is None:
                if not self.do(*waiting.popleft()):
                    return
                continue
            what, *rest = pickle.loads(message[0])
            for number in rest[0] if what == "task" else ():
                self.sender.give_back(number)
            waiting.append((what, rest))

    def do(self, what: str, rest: list) -> bool:
        if what == "finish":
            return False
        if what == "resume":
            if self.error is None:
                try:
                    self.begin()
                except Exception:
                    self.error = Raised(self.number)
            return True
        _, ticket, index = rest
        answer: Any = self.error
        if answer is None:
            try:
                answer = self.fetch(pickle.loads(index))
            except Exception as e:
                ended = isinstance(e, StopIteration) and self.job.is_stream
                answer = Ended() if ended else Raised(self.number)
        try:
            self.sender.send((ticket, shell.is_loaded(), answer))
        except Gone:
            raise
        except Exception:  # what was read cannot be pickled
            self.sender.send((ticket, shell.is_loaded(), Raised(self.number)))
        return True


def settle(surroundings: dict) -> None:
    """Take on the parent's surroundings, which may have changed since the server began."""
    os.environ.clear()
    os.environ.update(surroundings["environment"])
    sys.path[:] = surroundings["path"]
    sys.argv[:] = surroundings["argv"]
    if surroundings["folder"] is not None:
        os.chdir(surroundings["folder"])
