"""Memory shared with NumPy: what `from_numpy` and `numpy()` make of a cell.

JAX's arrays cannot be written, NumPy's can, and in PyTorch a tensor and its NumPy array are one memory. So the memory
is the NumPy array as long as somebody outside holds it: every read of the tensor takes a copy of what the array holds
now, every write to the tensor is run at once and copied into it. When the array is given up, the cell becomes an
ordinary one at the next read.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from torchlike.core import capture
from torchlike.core.cell import INFERENCE
from torchlike.core.layout import strided_view
from torchlike.core.value import Aval, Value, aval, put
from torchlike.core.variable import Cell, Variable, new


class HostCell(Cell):
    """A cell whose memory is a NumPy array."""

    def __init__(self, host: np.ndarray, device):
        self.host = host
        self.device = device
        self.writes = 0

    @property
    def aval(self) -> Aval:
        return aval(self.host.shape, self.host.dtype, self.device)

    @property
    def version(self) -> int:  # type: ignore[override]
        """New at every look, for NumPy writes without telling: views read themselves again each time."""
        self.writes += 1
        return self.writes

    @property
    def value(self) -> Value:  # type: ignore[override]
        host = self.host
        if host.base is None and sys.getrefcount(host) <= _ALONE:
            taken = put(host, self.device, copy=False)
            self._become_ordinary(taken)
            return taken
        made = put(host, self.device)
        counter = self.counted()
        made.counted = counter, counter[0]
        return made

    def touch(self, counts: bool = False) -> None:
        if counts:
            self.counted()[0] += 1

    def _become_ordinary(self, value: Value) -> None:
        seen, counter = self.writes + 1, self.counter
        self.__dict__.clear()
        self.__class__ = Cell  # type: ignore[assignment]
        self.value, self.version, self.counter = value, seen, counter  # type: ignore[misc]

    def set(self, value: Value, counts: bool = True) -> None:
        if capture.active is not None:
            capture.active.refuse()
        np.copyto(self.host, np.asarray(value.computed()))
        if counts and self.counter is not INFERENCE:
            self.counted()[0] += 1

    def part(self, whole: Variable, strided: tuple) -> Variable | None:
        """A view is another tensor over a view of the array: only what is looked at is ever copied."""
        if whole._parent is not None or whole._requires_grad or whole._node is not None or self.host.dtype.kind == "c":
            return None
        made = share(strided_view(self.host, strided, whole._geometry()), self.device)
        made._strided = strided
        return made

    @property
    def address(self) -> int:
        return self.host.ctypes.data


class _Probe:
    def __init__(self):
        self.host = np.zeros(1)

    def count(self) -> int:
        host = self.host
        return sys.getrefcount(host)


_ALONE = _Probe().count()  # the references to an array that only its cell holds, counted as `value` counts them


def share(host: np.ndarray, device) -> Any:
    """A tensor over the memory of a NumPy array."""
    made = new(HostCell(host, device))
    if not host.flags.c_contiguous:
        made._strided = (host.shape, tuple(s // host.itemsize for s in host.strides), 0)
    return made


def shared_array(t: Variable) -> np.ndarray:
    """A NumPy array over the memory of a tensor, which from now on is shared; a view's is a view of its root's."""
    root = t._root()
    cell = root._cell
    if not isinstance(cell, HostCell):
        value, version, counter = cell.value, cell.version, cell.counter
        host = np.array(value.computed())
        cell.__dict__.clear()
        cell.__class__ = HostCell
        HostCell.__init__(cell, host, value.aval.device)  # type: ignore[arg-type]
        cell.writes, cell.counter = version, counter  # type: ignore[attr-defined]
    host = cell.host  # type: ignore[attr-defined]
    if t._parent is None:
        return host
    if host.dtype != t._aval().dtype:
        if not host.flags.c_contiguous:
            raise NotImplementedError("numpy() of a view with another dtype: clone() it first")
        host = host.reshape(-1).view(t._aval().dtype)
        return strided_view(host, t._geometry(), (host.shape, (1,), 0))
    return strided_view(host, t._geometry(), root._geometry())
