"""A draw as a tensor: from PyTorch's CPU stream on the host, or made in the program from a key.

`core/random.py` has PyTorch's own numbers. They are drawn when the call is made and enter the recorded program as an
input, so neither gears nor recompilation change them. `ops/draws.py` has the same kinds of draws from a key inside the
program; then only the key is drawn on the host, two words of the generator's stream, and is the program's input.
Which of the two is the choice of `torch.random.set_stream`: see docs/random.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax import lax

from torchlike.core import batching, capture, keyed
from torchlike.core import device as _device
from torchlike.core import random as _random
from torchlike.core.device import x64
from torchlike.core.layout import in_order, memory_order
from torchlike.core.op import SLOT, Array, Op
from torchlike.core.value import of_array, put
from torchlike.core.variable import apply, wrap
from torchlike.ops.draws import DRAWS
from torchlike.tensor import Tensor

STREAMS = ("auto", "portable", "keys")
_stream = ["auto"]


def _joined(parts: Array):
    return lax.complex(parts[..., 0], parts[..., 1])


_JOINED = Op("complex", _joined)


def set_stream(name: str) -> None:
    """Choose where random numbers come from.

    Args:
        name: "auto" (the default): on the CPU PyTorch's own numbers, on accelerators numbers from keys. "portable":
            PyTorch's CPU numbers on every device, drawn on the host and copied. "keys": numbers from keys everywhere.

    >>> import torchlike as torch
    >>> torch.random.set_stream("portable")
    >>> torch.random.get_stream()
    'portable'
    >>> torch.random.set_stream("auto")
    """
    if name not in STREAMS:
        raise ValueError(f"set_stream(): expected one of {', '.join(map(repr, STREAMS))}, but got {name!r}")
    _stream[0] = name


def get_stream() -> str:
    """What `set_stream` chose: "auto", "portable" or "keys"."""
    return _stream[0]


def by_keys(home: _device.device) -> bool:
    """Whether draws for this device come from keys."""
    return _stream[0] == "keys" or _stream[0] == "auto" and home.type != "cpu"


def draw(
    kind: str | Callable, size: Any, *parameters: Any, dtype: Any = None, generator: Any = None,
    device: Any = None, strides: tuple | None = None,
) -> Tensor:  # fmt: skip
    """A tensor of fresh random numbers, which a captured function draws again at every replay.

    Args:
        kind: a method of `core.random.Generator`, or a function with the arguments of one, which has no counterpart
            that makes its numbers from a key.
        size: the size of the result (for "randperm" how many).
        parameters: those of the distribution: numbers, or tensors, which are read (a barrier) unless keys are used.
        dtype: a NumPy dtype.
        generator: the generator; the device's default one unless given.
        strides: how the memory lies into which the numbers go, if not in the order of the indices.
    """
    home = device or _device.cpu
    if dtype is not None and np.dtype(dtype).kind == "c":
        return _complex(kind, tuple(size), parameters, np.dtype(dtype), generator, home, strides)
    given = (size, *parameters) if dtype is None else (size, *parameters, np.dtype(dtype))
    if (next_key := keyed.current()) is not None:
        with x64():
            words = jax.random.bits(next_key(), (2,), np.uint32)
        return _from_key(kind, of_array(words), given)
    source = generator if generator is not None else default_for(home)
    level = batching.current()
    if level is not None and level.randomness == "error":
        raise RuntimeError(
            "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
            "randomness flags on vmap or perform the randomness operation out of vmap"
        )
    if level is not None and capture.active is not None:
        raise NotImplementedError("a draw under vmap in a captured function: draw before, and pass the numbers in")
    each = level if level is not None and level.randomness == "different" else None
    if not callable(kind) and by_keys(home):
        key = _noted(lambda: put(source.bits((2,)), home, copy=False))
        if each:
            if kind == "randperm":
                raise NotImplementedError("randperm under vmap(randomness='different') from keys: draw before")
            given = ((each.size, *size), *given[1:])
        made = _from_key(kind, key, given)
    else:
        arrays = [x.detach()._host() if isinstance(x, Tensor) else x for x in given[1:]]
        sample = lambda: _host(source, kind, size, arrays, strides)  # noqa: E731
        if each:
            made = wrap(put(np.stack([sample() for _ in range(each.size)]), home, copy=False))
        else:
            made = wrap(_noted(lambda: put(sample(), home, copy=False)))
    return batching.inside(made, each.depth, True) if each else made


def numbers(
    kind: str, size: Any, *parameters: Any, dtype: Any, generator: Any = None, device: Any = None,
    strides: tuple | None = None,
) -> np.ndarray:  # fmt: skip
    """A draw for work on the host, as rejecting some of the numbers is: of PyTorch's stream for any device."""
    source = generator if generator is not None else default_for(device or _device.cpu)
    return _host(source, kind, size, [*parameters, np.dtype(dtype)], strides)


def default_for(home: _device.device) -> Any:
    """The default generator of a device: the CPU's where PyTorch's numbers are drawn."""
    from torchlike import random

    return random.generator_of(home) if by_keys(home) else random.default_generator


def _noted(make: Callable) -> Any:
    """A value made on the host; a capture makes it again at every replay."""
    value = make()
    if capture.active is not None:
        capture.active.drew(value, make)
    return value


def _from_key(kind: str | Callable, key: Any, given: tuple) -> Tensor:
    if callable(kind):
        raise NotImplementedError(
            f"a draw by `{kind.__name__}` inside a JAX function: draw before, and pass the numbers in as an argument"
        )
    op = DRAWS[kind]
    size = given[0] if kind == "randperm" else tuple(given[0])
    template, inputs = op.bind((key, size, *[x.detach() if isinstance(x, Tensor) else x for x in given[1:]]), {})
    return apply(op, template, inputs)


def _host(source: Any, kind: str | Callable, size: Any, arguments: list, strides: tuple | None) -> np.ndarray:
    """The numbers as an array of this size, drawn in the order in which the memory lies."""
    method = getattr(source, kind) if isinstance(kind, str) else lambda *a: kind(source, *a)
    shape = arguments[0].shape if kind == "multinomial" else size
    if strides is None or in_order(shape, strides):
        return method(size, *arguments)
    order = memory_order(shape, strides)
    if kind == "multinomial":
        return method(size, *arguments, order)
    turned = [np.broadcast_to(a, size).transpose(order) if isinstance(a, np.ndarray) else a for a in arguments]
    serial = (True,) if kind == "normal" else ()
    made = method(tuple(size[d] for d in order), *turned, *serial)
    return made.transpose(np.argsort(order))


def _complex(kind, size: tuple, parameters: tuple, dtype: np.dtype, generator, home, strides) -> Tensor:
    """Real and imaginary part of each number drawn one after the other; normal ones share the variance."""
    if kind == "normal":
        parameters = (parameters[0], parameters[1] / math.sqrt(2))
    elif kind != "uniform":
        method = getattr(_random.Generator(), kind)
        method(size, *parameters, dtype)  # raises PyTorch's error
    part = np.dtype(np.float32 if dtype == np.complex64 else np.float64)
    if strides is not None:
        strides = (*[2 * s for s in strides], 1)
    parts = draw(kind, (*size, 2), *parameters, dtype=part, generator=generator, device=home, strides=strides)
    return apply(_JOINED, (SLOT,), [parts])
