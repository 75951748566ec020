"""What the engine did and why: counters always, reasons on request."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from types import FrameType

HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@dataclass
class Counts:
    """Running totals since the start or the last `reset()`.

    `programs`: barriers that had something to run. `hits`: of these, how many ran an already compiled program.
    `first_gear`: how many ran entry by entry. `compilations`: programs compiled whole. `operations`: single operations
    compiled for the first gear. `captures`: functions captured by `torch.compile(fullgraph=True)`.
    """

    programs: int = 0
    hits: int = 0
    first_gear: int = 0
    compilations: int = 0
    operations: int = 0
    captures: int = 0

    def reset(self) -> None:
        self.__init__()  # type: ignore[misc]

    def __call__(self) -> dict[str, int]:
        return asdict(self)


counts = Counts()
watching = False
"""Whether somebody wants to hear of every operation that is recorded."""
reasons: list[str] = []
_sites = False
_recompiling = "ignore"
_last_by_site: dict = {}
observers: list[Callable] = []


def user_line() -> str:
    """The innermost line outside this package: `file:line`."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(HOUSE):
        frame = frame.f_back
    return "?" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def watch(on: bool = True) -> None:
    """Note the user's line of every operation from now on, and a reason for every compilation in `reasons`."""
    global _sites
    _sites = on
    _update()


def on_recompile(action: str) -> None:
    """What happens where a barrier whose program was compiled needs another one: `"ignore"` (the default), `"warn"` or
    `"error"` (a RuntimeError, nothing is compiled). Both name the line and what changed.

    >>> import torchlike as torch
    >>> torch.explain.on_recompile("warn")
    >>> torch.explain.on_recompile("ignore")
    """
    global _recompiling
    if action not in ("ignore", "warn", "error"):
        raise ValueError(f'on_recompile(): expected "ignore", "warn" or "error", but got {action!r}')
    _recompiling = action
    _update()


def _named() -> bool:
    """Whether the lines of the user are noted."""
    return _sites or _recompiling != "ignore"


def _update() -> None:
    global watching
    watching = _named() or bool(observers)


@contextlib.contextmanager
def observed(observer: Callable) -> Iterator[None]:
    """Inside it `observer(spec, inputs, results)` hears of every operation that any thread records."""
    observers.append(observer)
    _update()
    try:
        yield
    finally:
        observers.remove(observer)
        _update()


def recorded(batch, spec, inputs: list, results: list) -> None:
    """An operation was recorded while somebody is watching."""
    if _named():
        batch.sites.append(user_line())
    for observer in observers:
        observer(spec, inputs, results)


def compiled(kind: str, entries: list, batch) -> None:
    """Count a compilation and, when watched, find the first part of the key that differs from the last program that
    was compiled at the same barrier."""
    if not _named():
        counts.compilations += 1
        return
    where = user_line()
    now = [(spec, tuple(slots)) for spec, slots, _ in batch.entries]
    sites = batch.sites
    before = _last_by_site.get(where)
    _last_by_site[where] = now
    if before is None:
        counts.compilations += 1
        reasons.append(f"{where}: first program of {len(entries)} operations at this barrier")
        return
    reason = _difference(before, now, sites, where)
    reasons.append(reason)
    if _recompiling == "error":
        raise RuntimeError(f"another program would be compiled. {reason}")
    counts.compilations += 1
    if _recompiling == "warn":
        warnings.warn(f"another program is compiled. {reason}", stacklevel=2)


def _difference(before: list, now: list, sites: list[str], where: str) -> str:
    """The first part of the structure that differs, and the user's line that recorded it."""
    for i, (old, new) in enumerate(zip(before, now, strict=False)):
        if old != new:
            line = sites[i] if i < len(sites) else where
            what = f"{old[0]!r} became {new[0]!r}" if old[0] is not new[0] else f"{new[0]!r} reads other inputs"
            return f"{line}: {what}"
    grew = f"{len(before)} operations became {len(now)}"
    return f"{where}: {grew if len(before) != len(now) else 'other results are still held'}"
