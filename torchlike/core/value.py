"""What flows through the engine: `Aval`, the description of an array, and `Value`, an array that may not exist yet."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from torchlike.core import device as _device
from torchlike.core.dtype import category


class Aval:
    """Shape, dtype and device of an array. Interned, so that equality is identity and a key is cheap to hash.

    `traced` marks arrays that belong to a JAX transformation in progress: operations on them run at once.
    `weak` marks Python numbers, whose kind, not width, takes part in promotion.
    """

    __slots__ = ("shape", "dtype", "device", "traced", "weak", "inexact")
    shape: tuple[int, ...]
    dtype: np.dtype
    device: Any
    traced: bool
    weak: bool
    inexact: bool

    def __repr__(self) -> str:
        return f"{'weak ' if self.weak else ''}{self.dtype.name}{list(self.shape)}@{self.device}"

    @property
    def struct(self) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(self.shape, self.dtype, weak_type=self.weak)


_interned: dict = {}


def aval(shape: tuple, dtype: np.dtype, device, traced: bool = False, weak: bool = False) -> Aval:
    key = (shape, dtype, device, traced, weak)
    found = _interned.get(key)
    if found is None:
        found = Aval()
        found.shape, found.dtype, found.device, found.traced, found.weak = key
        found.inexact = category(dtype) >= 2  # whether gradients flow through it
        found = _interned.setdefault(key, found)
    return found


SCALARS = {
    bool: aval((), np.dtype(bool), None, weak=True),
    int: aval((), np.dtype(np.int64), None, weak=True),
    float: aval((), np.dtype(np.float64), None, weak=True),
    complex: aval((), np.dtype(np.complex128), None, weak=True),
}
"""The descriptions of Python numbers, which are inputs of a program, never constants in it."""


class Value:
    """One immutable array: JAX's, or NumPy's until JAX needs it. While it is pending,
    `array` is None and `place` says which tape slot will fill it.

    `exported` is set once the array has been handed outside (NumPy, JAX, DLPack): its buffer is then never donated.
    `counted`, once it is needed, is the count of writes of the memory that showed it: see core/saved.py.
    """

    __slots__ = ("aval", "array", "place", "exported", "counted", "__weakref__")
    counted: tuple[list, int] | None

    def __init__(self, aval: Aval, array=None, place=(None, -1)):
        self.aval = aval
        self.array = array
        self.place = place
        self.exported = False
        self.counted = None

    def computed(self) -> jax.Array | np.ndarray:
        """What the array is, here or on a device; a pending one is a barrier: everything recorded so far runs."""
        if self.array is None:
            self.place[0].tape.flush()
            if self.array is None:
                raise RuntimeError("this value was never computed: an error ended the operations it waited for")
        return self.array

    def get(self) -> jax.Array:
        """The array as JAX's, computed if it was pending."""
        array = self.computed()
        if isinstance(array, np.ndarray):
            array = self.array = placed(array, self.aval.device)
        return array

    def export(self) -> jax.Array:
        self.exported = True
        return self.get()


def of_array(array: jax.Array) -> Value:
    """Wrap a JAX array (or a tracer of a transformation in progress) that came from outside."""
    if isinstance(array, jax.core.Tracer):
        return Value(aval(tuple(array.shape), np.dtype(array.dtype), _device.cpu, traced=True), array)
    devices = array.devices()
    home = _device.from_jax(next(iter(devices)))
    return Value(aval(tuple(array.shape), np.dtype(array.dtype), home), array)


def placed(array: np.ndarray, device) -> jax.Array:
    """A NumPy array that the caller gives away as an array on a device, 64-bit types kept."""
    with _device.x64():
        return jax.make_array_from_callback(array.shape, _device.sharding(device), lambda index: array)


def put(array: np.ndarray, device, *, copy: bool = True) -> Value:
    """Copy a NumPy array to a device. Without `copy` the caller gives the array away."""
    array = np.array(array, copy=True) if copy else np.asarray(array)
    described = aval(array.shape, array.dtype, device)
    if device is not _device.cpu:
        return Value(described, placed(array, device))
    array.flags.writeable = False
    return Value(described, array)  # JAX's when a compiled function needs it
