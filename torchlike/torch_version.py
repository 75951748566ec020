"""torch.torch_version: a version that is a string and compares as a version."""

from __future__ import annotations

import re
from typing import Any

from torchlike.version import __version__ as _ours

__all__ = ["TorchVersion"]

_PRE = {"a": 0, "b": 1, "rc": 2}
_FORM = re.compile(r"v?(\d+(?:\.\d+)*)(?:(a|b|rc)(\d+))?(?:\.?dev(\d+))?(?:\+(.+))?$")


class TorchVersion(str):
    """A version string that compares by its numbers, with strings and with tuples.

    Strings that are no versions compare as strings.

    >>> import torchlike as torch
    >>> torch.__version__ >= "2.4", torch.__version__ >= (2, 14), torch.__version__ > "2.9"
    (True, False, True)
    """

    def _compare(self, other: Any, method: str) -> Any:
        mine, theirs = _key(self), _key(other)
        if mine is None or theirs is None:
            return getattr(str, method)(self, other)
        return getattr(tuple, method)(mine, theirs)

    def __eq__(self, other: Any) -> bool:
        return self._compare(other, "__eq__")

    def __ne__(self, other: Any) -> bool:
        return self._compare(other, "__ne__")

    def __lt__(self, other: Any) -> bool:
        return self._compare(other, "__lt__")

    def __le__(self, other: Any) -> bool:
        return self._compare(other, "__le__")

    def __gt__(self, other: Any) -> bool:
        return self._compare(other, "__gt__")

    def __ge__(self, other: Any) -> bool:
        return self._compare(other, "__ge__")

    def __hash__(self) -> int:
        return str.__hash__(self)


def _key(version: Any) -> tuple | None:
    """What a version is ordered by: numbers without zeros at the end, then development, candidate, release, local."""
    if isinstance(version, tuple | list):
        version = ".".join(map(str, version))
    found = _FORM.match(version) if isinstance(version, str) else None
    if found is None:
        return None
    release, pre, number, dev, local = found.groups()
    numbers = [int(n) for n in release.split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    if pre is not None:
        stage: tuple = (_PRE[pre], int(number), -1 if dev is not None else 0)
    else:
        stage = (-1, int(dev), 0) if dev is not None else (3, 0, 0)
    return (*numbers, -1), stage, local or ""


__version__ = TorchVersion(_ours)
