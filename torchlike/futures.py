"""torch.futures: results that come later; here what runs is run at once, so a future is filled by who makes it."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import Any


class Future:
    """A result that comes later.

    >>> import torchlike as torch
    >>> done = torch.futures.Future()
    >>> done.set_result(3)
    >>> done.then(lambda f: f.value() + 1).wait()
    4
    """

    def __init__(self, *, devices: Any = None):
        self._inner: concurrent.futures.Future = concurrent.futures.Future()

    def done(self) -> bool:
        """Whether there is a result."""
        return self._inner.done()

    def wait(self) -> Any:
        """The result, waited for."""
        return self._inner.result()

    def value(self) -> Any:
        """The result; RuntimeError if there is none yet."""
        if not self.done():
            raise RuntimeError("Future is not completed")
        return self._inner.result()

    def set_result(self, result: Any) -> None:
        """Fill it."""
        if self.done():
            raise RuntimeError("Future can only be marked completed once")
        self._inner.set_result(result)

    def set_exception(self, result: BaseException) -> None:
        """Let `wait` raise."""
        self._inner.set_exception(result)

    def then(self, callback: Callable[[Future], Any]) -> Future:
        """A future of what `callback(self)` returns."""
        made = Future()

        def run(_: Any) -> None:
            try:
                made.set_result(callback(self))
            except Exception as e:
                made.set_exception(e)

        self._inner.add_done_callback(run)
        return made

    def add_done_callback(self, callback: Callable[[Future], Any]) -> None:
        """Call `callback(self)` when there is a result."""
        self._inner.add_done_callback(lambda _: callback(self))


def collect_all(futures: list[Future]) -> Future:
    """A future of the list of futures, filled when all are."""
    made = Future()
    for f in futures:
        f.wait()
    made.set_result(futures)
    return made


def wait_all(futures: list[Future]) -> list:
    """The results of all."""
    return [f.wait() for f in futures]
