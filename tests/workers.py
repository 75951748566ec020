"""Jobs over worker processes that may die: a dead one is a finding, not the end of the run."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from typing import Any, NamedTuple

JOBS_A_WORKER = 60
"""Then a fresh one takes over, so that what the libraries keep does not pile up."""


class Died(NamedTuple):
    """What a job came to whose process ended: its exit code (of a signal: negative)."""

    code: int


def _serve(work: Callable, pipe) -> None:
    while (job := pipe.recv()) is not None:
        pipe.send(work(job))


class _Worker:
    def __init__(self, work: Callable):
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(work, theirs), daemon=True)
        self.process.start()
        theirs.close()  # else the end of the process would not close the pipe
        self.jobs, self.job = 0, None

    def give(self, job: Any) -> None:
        self.job, self.jobs = job, self.jobs + 1
        self.pipe.send(job)

    def take(self) -> Any:
        try:
            return self.pipe.recv()
        except EOFError:
            self.process.join()
            return Died(self.process.exitcode)

    def leave(self) -> None:
        if self.process.is_alive():
            self.pipe.send(None)


def over(work: Callable, jobs: Iterable, workers: int) -> Iterator[tuple[Any, Any]]:
    """(job, what `work` makes of it or `Died`) for each job, as they end. An exception of `work` ends its process."""
    left, busy = iter(jobs), {}

    def employ(worker: _Worker | None) -> None:
        job = next(left, None)
        if worker is not None and (job is None or worker.jobs >= JOBS_A_WORKER or not worker.process.is_alive()):
            worker.leave()
            worker = None
        if job is not None:
            worker = worker or _Worker(work)
            worker.give(job)
            busy[worker.pipe] = worker

    for _ in range(workers):
        employ(None)
    while busy:
        for pipe in wait(list(busy)):
            worker = busy.pop(pipe)
            job, result = worker.job, worker.take()
            employ(worker)
            yield job, result
