"""Cells: the memory under tensors."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from torchlike.core import capture
from torchlike.core.value import Aval, Value

if TYPE_CHECKING:
    from torchlike.core.variable import Variable

_addresses = itertools.count(1)

INFERENCE: list = [0, None]
"""The counter of all memory made in `inference_mode`: it never counts."""


class Cell:
    """A piece of memory: its present value, how often it was written, and an address for `data_ptr()`.

    `version` grows with whatever views must notice. `counter` is what PyTorch counts as a write, `[how many, the class
    of the node that wrote last]`, made when first needed.
    """

    version = 0
    counter: list | None = None
    _address = 0

    def __init__(self, value: Value):
        self.value = value

    def set(self, value: Value, counts: bool = True) -> None:
        """Every write ends here; PyTorch does not count those through `.data`."""
        if capture.active is not None:
            capture.active.wrote(self, self.value)
        if counts:
            counter, before = self.counter or self.counted(), self.value
            if before.counted is None:  # else it is another memory's too
                before.counted = counter, counter[0]
            if counter is not INFERENCE:
                counter[0] += 1
        self.value = value
        self.version += 1

    def counted(self) -> list:
        """The counter of writes."""
        if self.counter is None:
            self.counter = [0, None]
        return self.counter

    def touch(self, counts: bool = False) -> None:
        """Let every view read itself again."""
        self.version += 1
        if counts:
            self.counted()[0] += 1

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
