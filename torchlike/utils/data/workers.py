"""The loader's side of worker processes: hands out indices, and the batches in their order.

Worker ``i`` gets batches ``i``, ``i + n``, ``i + 2 n``, ...; ``prefetch_factor`` of them at a time. Which worker reads
what therefore does not depend on their speed, and neither does what their generators draw.
"""

from __future__ import annotations

import itertools
import pickle
import selectors
import signal
import time
import weakref
from collections.abc import Iterator
from typing import Any

import cloudpickle

from torchlike.utils.data import collate, fetch, launch
from torchlike.utils.data.handover import Gone, Receiver
from torchlike.utils.data.prefetch import pinned
from torchlike.utils.data.sampler import draw_seed
from torchlike.utils.data.worker import Ended, Job, Raised

_WITH_WORKERS = (
    "For multiprocessing data-loading, this could be caused by not properly configuring the "
    "IterableDataset replica at each worker. Please see "
    "https://pytorch.org/docs/stable/data.html#torch.utils.data.IterableDataset for examples."
)


class _Worker:
    """One worker as the loader sees it."""

    def __init__(self, process: launch.Process, most: int):
        self.process = process
        self.receiver = Receiver(process.link, most)
        self.active = True  # whether it gets more to do in this epoch
        self.finished = False  # whether it was told to leave
        self.gone = False  # whether its end of the line is closed
        self.tasks = 0  # in this epoch, that were given to it and not handed out

    def send(self, *what: Any) -> None:
        self.receiver.line.send(pickle.dumps(what, 5))

    def finish(self) -> None:
        if not self.finished:
            self.finished = True
            self.send("finish")


def _end(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.finish()
        worker.receiver.line.close()
    for worker in workers:
        worker.process.end()
    workers.clear()


class _MultiProcessingDataLoaderIter(Iterator[Any]):
    """The epochs of a loader with workers: one, or with ``persistent_workers`` all, one after the other."""

    def __init__(self, loader: Any, pins: bool):
        self._pins = pins
        # not the loader itself, which may hold this iterator: that would be a cycle, and the workers its prisoners
        self._sampler, self._dataset, self._is_stream = loader._index_sampler, loader.dataset, loader._is_stream
        self._count, self._prefetch, self._in_order = loader.num_workers, loader.prefetch_factor, loader.in_order
        self._timeout, self._persistent = loader.timeout, loader.persistent_workers
        self._context = loader.multiprocessing_context
        # PyTorch's order of draws: a sampler that draws in its __iter__ does so here and once more below
        iter(self._sampler)
        base_seed = draw_seed(loader.generator)
        if self._prefetch <= 0:
            raise AssertionError("prefetch_factor must be greater than 0 for MultiProcessingDataLoaderIter")
        self._workers: list[_Worker] = []
        self._close = weakref.finalize(self, _end, self._workers)
        self._start(loader, base_seed)
        self._epoch = -1
        self.reset(loader)

    def _start(self, loader: Any, base_seed: int) -> None:
        rules = {k: v for k, v in collate.default_collate_fn_map.items() if collate.DEFAULT_RULES.get(k) is not v}
        payload = launch.Payload(
            Job(
                loader.dataset, loader._is_stream, loader._auto_collation, loader.collate_fn, loader.drop_last,
                loader.worker_init_fn, rules,
            )
        )  # fmt: skip
        for number in range(self._count):
            worker = _Worker(launch.Process(self._context), self._prefetch + 2)
            self._workers.append(worker)
            payload.give(worker.receiver.line, number, self._count, base_seed)

    def reset(self, loader: Any) -> None:
        """Begin an epoch."""
        self._indices = iter(self._sampler)
        self._announced_length = loader._announced_length
        self._yielded = 0
        self._sent = self._handed = 0  # numbers of batches
        self._outstanding: dict[int, int] = {}  # number of a batch that is being read -> its worker
        self._arrived: dict[int, tuple[int, Any]] = {}
        self._turns = itertools.cycle(range(self._count))
        self._epoch += 1
        for worker in self._workers:
            worker.active, worker.tasks = True, 0
            if self._epoch:
                worker.send("resume")
        for _ in range(self._prefetch * self._count):
            self._give()

    @property
    def usable(self) -> bool:
        """Whether there are workers for another epoch."""
        return bool(self._workers)

    def __len__(self) -> int:
        return len(self._sampler)

    def __getstate__(self) -> Any:
        raise NotImplementedError("{} cannot be pickled", type(self).__name__)

    # --- handing out indices ------------------------------------------------------------------------------------------

    def _give(self) -> None:
        """One more batch to the worker whose turn it is, if there is one."""
        try:
            index = next(self._indices)
        except StopIteration:
            return
        most = self._prefetch * self._count
        for turn in itertools.islice(self._turns, self._count):
            worker = self._workers[turn]
            if worker.active and (
                self._in_order or worker.tasks < most // sum(each.active for each in self._workers)
            ):
                break
        else:
            return
        worker.send("task", worker.receiver.finished(), (self._epoch, self._sent), cloudpickle.dumps(index, 5))
        self._outstanding[self._sent] = turn
        worker.tasks += 1
        self._sent += 1

    # --- taking batches -----------------------------------------------------------------------------------------------

    def __next__(self) -> Any:
        if not self._workers:
            raise StopIteration
        try:
            batch = self._next()
        except StopIteration:
            if not self._persistent:
                self._close()
            raise
        self._yielded += 1
        if self._is_stream:
            fetch.warn_if_longer(self._dataset, self._announced_length, self._yielded, _WITH_WORKERS)
        return pinned(batch) if self._pins else batch

    def _next(self) -> Any:
        while True:
            while self._handed < self._sent:
                if self._handed in self._arrived:
                    turn, batch = self._arrived.pop(self._handed)
                    self._handed += 1
                    return self._hand_out(turn, batch)
                if self._handed in self._outstanding:
                    break
                self._handed += 1
            else:
                raise StopIteration
            number, turn, batch = self._receive()
            if isinstance(batch, Ended):
                self._workers[turn].active = False
                if not self._persistent:
                    self._workers[turn].finish()
                self._give()
            elif number == self._handed or not self._in_order:
                self._handed += number == self._handed
                return self._hand_out(turn, batch)
            else:
                self._arrived[number] = turn, batch

    def _hand_out(self, turn: int, batch: Any) -> Any:
        self._workers[turn].tasks -= 1
        self._give()
        if isinstance(batch, Raised):
            batch.reraise()
        return batch

    def _receive(self) -> tuple[int, int, Any]:
        """The next batch of this epoch that arrives: its number, its worker's, and itself."""
        timeout = self._timeout
        end = time.monotonic() + timeout if timeout > 0 else None
        while True:
            dead, more = [], False
            for turn, worker in enumerate(self._workers):
                try:
                    got = worker.receiver.receive()
                except Gone:
                    worker.gone = True
                    if turn in self._outstanding.values():
                        dead.append(worker)
                    continue
                if got is None:
                    continue
                (epoch, number), needed_tensors, batch = got[0]
                if needed_tensors and self._context is None:
                    launch.come_warm()
                if epoch != self._epoch:  # of an epoch that was left before its end
                    more = True  # may have come already, behind it
                    continue
                del self._outstanding[number]
                return number, turn, batch
            if dead:
                self._fail(dead)
            if more:
                continue
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds")
            self._wait(left)

    def _wait(self, seconds: float | None) -> None:
        """Until something has come, or more can be sent to a worker that did not take it all."""
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                line = worker.receiver.line
                if not worker.gone:
                    selector.register(line, selectors.EVENT_READ | (selectors.EVENT_WRITE if line.outgoing else 0))
            for key, events in selector.select(seconds):
                if events & selectors.EVENT_WRITE:
                    key.fileobj.flush()  # type: ignore[union-attr]

    def _fail(self, dead: list[_Worker]) -> None:
        pids = ", ".join(str(worker.process.pid) for worker in dead)
        codes = {worker.process.pid: worker.process.exit_code() for worker in dead}
        self._close()
        cause = None
        for pid, code in codes.items():
            if code is not None and code < 0:
                cause = RuntimeError(f"DataLoader worker (pid {pid}) is killed by signal: {signal.strsignal(-code)}. ")
            elif code is not None:
                cause = RuntimeError(
                    f"DataLoader worker (pid {pid}) exited unexpectedly with exit code {code}. Details are lost due to "
                    "multiprocessing. Rerunning with num_workers=0 may give better error trace."
                )
        raise RuntimeError(f"DataLoader worker (pid(s) {pids}) exited unexpectedly") from cause
