"""Cells: the memory under tensors."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from torchlike.core import capture
from torchlike.core.value import Aval, Value

if TYPE_CHECKING:
    from torchlike.core.variable import Variable

_addresses = itertools.count(1)


class Cell:
    """A piece of memory: its present value, how often it was written, and an address for `data_ptr()`."""

    version = 0
    _address = 0

    def __init__(self, value: Value):
        self.value = value

    def set(self, value: Value) -> None:
        """Every write ends here."""
        if capture.active is not None:
            capture.active.wrote(self, self.value)
        self.value = value
        self.version += 1

    def touch(self) -> None:
        """Let every view read itself again."""
        self.version += 1

    @property
    def aval(self) -> Aval:
        return self.value.aval

    def part(self, whole: Variable, strided: tuple) -> Variable | None:
        """A view made by the memory itself: see core/host.py."""

    @property
    def address(self) -> int:
        if not self._address:
            self._address = next(_addresses) << 40
        return self._address
