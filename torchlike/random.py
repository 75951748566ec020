"""Random tensors and the generators behind them: torch.random and the factory functions.

On the CPU every draw is PyTorch's own (`core/random.py`): the same seed gives the same numbers. On accelerators numbers
are made from keys, or are the CPU's, as `set_stream` says (`drawing.py`).
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike import creation
from torchlike.core import batching
from torchlike.core import device as _device
from torchlike.core import dtype as _dtype
from torchlike.core import random as _random
from torchlike.core.op import SLOT, Array, Op, Scalar
from torchlike.core.value import put
from torchlike.core.variable import apply, wrap
from torchlike.drawing import draw
from torchlike.drawing import get_stream as get_stream
from torchlike.drawing import set_stream as set_stream
from torchlike.facade import write_out
from torchlike.ops.checks import check
from torchlike.ops.dims import broadcast_shape
from torchlike.tensor import Tensor

__all__ = [
    "Generator", "default_generator", "manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state", "rand",
    "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "bernoulli", "multinomial",
    "poisson", "binomial",
]  # fmt: skip


class Generator(_random.Generator):
    """A stream of random numbers of its own, to be passed as `generator=`.

    Args:
        device: "cpu", or an accelerator that this machine has. The stream of words is the same; what draws make of it
            differs (`torch.random.set_stream`).

    >>> import torchlike as torch
    >>> g = torch.Generator().manual_seed(0)
    >>> torch.rand(2, generator=g)
    tensor([0.4963, 0.7682])
    """

    def __init__(self, device: Any = "cpu"):
        super().__init__()
        self._device = _device.device(device)
        if self._device.type != "cpu":
            self._device.jax  # noqa: B018  raises where this machine has none

    @property
    def device(self) -> _device.device:
        """The device whose draws this generator is for."""
        return self._device

    def get_state(self) -> Tensor:
        """The state as a byte tensor, in the layout of PyTorch's CPU generator."""
        return wrap(put(super().get_state(), _device.cpu))

    def set_state(self, new_state: Tensor) -> Generator:
        """Continue from a state that `get_state` (PyTorch's too) returned."""
        if not isinstance(new_state, Tensor) or new_state.dtype is not _dtype.uint8:
            raise TypeError("expected a torch.ByteTensor, but got " + type(new_state).__name__)
        super().set_state(new_state.numpy())
        return self

    def clone_state(self) -> Generator:
        """A new generator that continues the stream from here on its own."""
        other = super().clone_state()
        other._device = self._device
        return other

    graphsafe_get_state = clone_state

    def graphsafe_set_state(self, state: Generator) -> Generator:
        """Continue from where another generator is."""
        self._seed = state._seed
        self.rewind(state.mark())
        return self

    def __reduce__(self):
        return _restored, (str(self._device), self.get_state().numpy())


def _restored(device: str, state: np.ndarray) -> Generator:
    made = Generator(device)
    _random.Generator.set_state(made, state)
    return made


default_generator = Generator()
default_generator.seed()

_of_accelerators: dict[_device.device, Generator] = {}


def generator_of(home: _device.device) -> Generator:
    """The default generator that supplies the keys of a device; it starts from the seed of the CPU's."""
    if home.type == "cpu":
        return default_generator
    home = home if home.index is not None else _device.device(home.type, 0)
    if home not in _of_accelerators:
        _of_accelerators[home] = Generator(home).manual_seed(default_generator.initial_seed())
    return _of_accelerators[home]


def manual_seed(seed) -> Generator:
    """Start the default generators of all devices from this seed; returns the CPU's."""
    default_generator.manual_seed(int(seed))
    _of_accelerators.clear()
    return default_generator


def seed() -> int:
    """Start the default generators of all devices from a random seed; returns the seed."""
    _of_accelerators.clear()
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator was started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the CPU's default generator, in PyTorch's layout."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continue the CPU's default generator from a state."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(
    devices: Iterable | None = None, enabled: bool = True, _caller: str = "fork_rng", _devices_kw: str = "devices",
    device_type: str = "cuda",
) -> Iterator[None]:  # fmt: skip
    """Leave the default generators of the CPU and of `devices` as they were before the block.

    Args:
        devices: accelerators by number or name; all there are unless given.
        enabled: False makes this do nothing.
        device_type: the kind of accelerator that numbers in `devices` mean.

    >>> import torchlike as torch
    >>> _ = torch.manual_seed(0)
    >>> with torch.random.fork_rng():
    ...     _ = torch.rand(5)
    >>> torch.rand(2)
    tensor([0.4963, 0.7682])
    """
    if not enabled:
        yield
        return
    count = _device.available(device_type) if device_type in ("cuda", "tpu") else 0
    if devices is None and count > 1:
        warnings.warn(
            f"{device_type.upper()} reports that you have {count} available devices, and you have used {_caller} "
            f"without explicitly specifying which devices are being used: all of them are forked. Give the devices to "
            f"`{_devices_kw}`, an empty list for the CPU alone.",
            stacklevel=3,
        )
    chosen = range(count) if devices is None else devices
    homes = [_device.device(device_type, d) if isinstance(d, int) else _device.device(d) for d in chosen]
    generators = [default_generator, *[generator_of(h) for h in homes]]
    before = [(g, g.initial_seed(), g.mark()) for g in generators]
    try:
        yield
    finally:
        for g, first, mark in before:
            g._seed = first
            g.rewind(mark)


@contextlib.contextmanager
def thread_safe_generator() -> Iterator[Generator | None]:
    """The generator of a DataLoader's worker thread; workers here are processes, or run in line: None."""
    yield None


def _finish(made: Tensor, requires_grad: bool, out, name: str, layout=None) -> Tensor:
    if out is not None:
        return write_out(name, made, out)
    return creation._finish(made, requires_grad, layout)


def _into(out, shape: tuple):
    """How the memory of `out=` lies, which the numbers are drawn into in its order."""
    return out.stride() if out is not None and tuple(out.shape) == shape else None


def _floating(dtype, out, name: str) -> _dtype.dtype:
    d = dtype or (out.dtype if out is not None else _dtype.get_default_dtype())
    if not (d.is_floating_point or d.is_complex):
        raise NotImplementedError(f"\"{name}\" not implemented for '{d._scalar_name}'")
    return d


def rand(
    *size, generator=None, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
) -> Tensor:
    """Uniform random numbers in [0, 1).

    >>> import torchlike as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.rand(2)
    tensor([0.4963, 0.7682])
    """
    shape = creation._size(size, "rand")
    d = _floating(dtype, out, "check_uniform_bounds")
    home = creation._home(device)
    made = draw("uniform", shape, 0.0, 1.0, dtype=d.np, generator=generator, device=home, strides=_into(out, shape))
    return _finish(made, requires_grad, out, "rand", layout)


def randn(
    *size, generator=None, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
) -> Tensor:
    """Normally distributed random numbers with mean 0 and variance 1.

    >>> import torchlike as torch
    >>> _ = torch.manual_seed(0)
    >>> torch.randn(2)
    tensor([ 1.5410, -0.2934])
    """
    shape = creation._size(size, "randn")
    d = _floating(dtype, out, "normal_kernel_cpu")
    home = creation._home(device)
    made = draw("normal", shape, 0.0, 1.0, dtype=d.np, generator=generator, device=home, strides=_into(out, shape))
    return _finish(made, requires_grad, out, "randn", layout)


def randint(
    low=None, high=None, size=None, *, generator=None, out=None, dtype=None, layout=None, device=None,
    requires_grad=False, pin_memory=False,
) -> Tensor:  # fmt: skip
    """Random integers from `low` (0) up to but without `high`: `randint(high, size)` or `randint(low, high, size)`."""
    if size is None and isinstance(high, tuple | list):
        low, high, size = 0, low, high
    elif high is None:
        low, high = 0, low
    low = 0 if low is None else low
    if size is None:
        raise TypeError("randint() missing required argument: 'size'")
    low, high = _int_bounds(low, high)
    shape = creation._size((size,), "randint")
    d = dtype or (out.dtype if out is not None else _dtype.int64)
    home = creation._home(device)
    made = draw("randint", shape, low, high, dtype=d.np, generator=generator, device=home, strides=_into(out, shape))
    return _finish(made, requires_grad, out, "randint", layout)


def randperm(
    n, *, generator=None, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
) -> Tensor:
    """A random permutation of 0 ... n-1."""
    d = dtype or (out.dtype if out is not None else _dtype.int64)
    made = draw("randperm", n, dtype=d.np, generator=generator, device=creation._home(device))
    return _finish(made, requires_grad, out, "randperm", layout)


def _filled_like(kind: str, input, parameters: tuple, dtype, device, generator, memory_format) -> Tensor:
    """Drawn in the order in which fresh memory like that of `input` lies, and laid out so."""
    shape, strides = tuple(input.shape), creation.strides_like(input, memory_format)
    d = (dtype or input.dtype).np
    home = creation._home(device or input.device)
    made = draw(kind, shape, *parameters, dtype=d, generator=generator, device=home, strides=strides)
    return creation.lay_out(made, strides)


def _like(fn: Callable, kind: str, kernel: str) -> Callable:
    def like(
        input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None, generator=None,
        pin_memory=False,
    ):  # fmt: skip
        _floating(dtype or input.dtype, None, kernel)
        made = _filled_like(kind, input, (0.0, 1.0), dtype, device, generator, memory_format)
        return creation._finish(made, requires_grad, layout)

    like.__name__ = like.__qualname__ = fn.__name__ + "_like"
    like.__doc__ = f"`torch.{fn.__name__}` with the size, dtype and device of `input`, and memory in its order."
    return like


rand_like = _like(rand, "uniform", "check_uniform_bounds")
randn_like = _like(randn, "normal", "normal_kernel_cpu")


def randint_like(
    input, low=None, high=None, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None,
    generator=None, pin_memory=False,
):  # fmt: skip
    """`torch.randint` with the size, dtype and device of `input`, and memory in its order."""
    low, high = (0 if low is None else low, high) if high is not None else (0, low)
    if high is None:
        raise TypeError("randint_like(): argument 'high' is missing")
    made = _filled_like("randint", input, _int_bounds(low, high), dtype, device, generator, memory_format)
    return creation._finish(made, requires_grad, layout)


def _int_bounds(low, high) -> tuple[int, int]:
    low, high = (int(x.item()) if isinstance(x, Tensor) else x for x in (low, high))
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    return low, high


def _without_gradient(made: Array, input: Array):
    return lax.stop_gradient(made)


_BERNOULLI = Op("bernoulli", _without_gradient)


def _scaled(standard: Array, mean: Scalar, std: Scalar):
    # PyTorch rounds the product, then the sum. The compiler would contract them to one rounding, were there no choice
    # between them.
    product = standard * std
    return lax.stop_gradient(jnp.where(product != product, jnp.nan, product) + mean)


_SCALED = Op("normal", _scaled)  # PyTorch: differentiable, with gradients of zero


def normal(
    mean=0.0, std=1.0, size=None, *, generator=None, out=None, dtype=None, layout=None, device=None,
    requires_grad=False, pin_memory=False,
) -> Tensor:  # fmt: skip
    """Normal random numbers; `mean` and `std` are numbers (with a `size`) or tensors (one draw per element)."""
    tensors = [t for t in (mean, std) if isinstance(t, Tensor)]
    for s in (std,):
        if not isinstance(s, Tensor) and s < 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {s:g}")
    if not tensors:
        if size is None:
            raise TypeError("normal() missing required argument: 'size'")
        shape, d = creation._size((size,), "normal"), dtype or _dtype.get_default_dtype()
        made = draw(
            "normal", shape, float(mean), float(std), dtype=d.np, generator=generator, device=creation._home(device),
            strides=_into(out, shape),
        )  # fmt: skip
    else:
        shape = broadcast_shape(*[tuple(t.shape) for t in tensors])
        if out is not None and len(tensors) == 1 and isinstance(mean, Tensor):
            # PyTorch fills `out` as it is and adds the mean: the size of `out` is that of the result
            check(broadcast_shape(tuple(out.shape), shape) == tuple(out.shape),
                  f"output with shape {list(out.shape)} doesn't match the broadcast shape {list(shape)}")  # fmt: skip
            shape = tuple(out.shape)
        made = draw(
            "normal", shape, 0.0, 1.0 if isinstance(std, Tensor) else float(std), dtype=tensors[0].dtype.np,
            generator=generator, device=tensors[0].device, strides=_into(out, shape),
        )  # fmt: skip
        made = apply(_SCALED, (SLOT, SLOT, SLOT), [made, mean, std if isinstance(std, Tensor) else 1.0])
    return _finish(made, requires_grad, out, "normal", layout)


def bernoulli(input, p=None, *, generator=None, out=None) -> Tensor:
    """Ones with the probabilities in `input` (read: a barrier), or all with probability `p`; the rest zeros."""
    shape, d = tuple(input.shape), input.dtype.np
    strides = _into(out, shape)
    if p is not None:
        made = draw("bernoulli", shape, p, dtype=d, generator=generator, device=input.device, strides=strides)
    elif batching.innermost([input]) is not None:  # nothing is read under vmap
        made = (rand(input.shape, generator=generator, dtype=input.dtype, device=input.device) < input).to(input.dtype)
    else:
        made = draw(
            "bernoulli_tensor", shape, input, dtype=d, generator=generator, device=input.device, strides=strides
        )
    if input.requires_grad and out is None:
        made = apply(_BERNOULLI, (SLOT, SLOT), [made, input])
    return made if out is None else write_out("bernoulli", made, out)


def multinomial(input, num_samples, replacement=False, *, generator=None, out=None) -> Tensor:
    """`num_samples` indices per row, drawn with the weights in the rows (a barrier).

    Without replacement (and for one sample) PyTorch takes the largest of weight / exponential draw, and so does this;
    with replacement it inverts the cumulative weights by one double per sample.
    """
    weights = input.detach()._host()
    if not 1 <= input.ndim <= 2:
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if out is not None and out.dtype is not _dtype.int64:
        raise RuntimeError(f"multinomial expects Long tensor out, got: {out.dtype._scalar_name}")
    if not input.is_floating_point():
        kind = input.dtype._scalar_name
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {kind}")
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if (weights.sum(-1) <= 0).any():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")

    size = (*weights.shape[:-1], num_samples)
    made = draw(
        "multinomial", size, input, replacement, dtype=np.int64, generator=generator, device=input.device,
        strides=creation.strides_like(input),
    )  # fmt: skip
    return made if out is None else write_out("multinomial", made, out)


def poisson(input, generator=None) -> Tensor:
    """Poisson random numbers with the rates in `input` (read: a barrier)."""
    if not input.is_floating_point():
        raise NotImplementedError(f"\"poisson_cpu\" not implemented for '{input.dtype._scalar_name}'")
    return draw(
        "poisson", tuple(input.shape), input, dtype=input.dtype.np, generator=generator, device=input.device
    )


def binomial(count, prob, generator=None) -> Tensor:
    """How many of `count` trials of probability `prob` succeed, element by element (both are read: a barrier)."""
    for name, t in (("count", count), ("prob", prob)):
        if not t.is_floating_point():
            kind = t.dtype._scalar_name
            raise ValueError(f"binomial only supports floating-point dtypes for {name}, got: {kind}")
    if count.dtype is not prob.dtype:
        raise RuntimeError(f"Found dtype {prob.dtype._scalar_name} but expected {count.dtype._scalar_name}")
    size = broadcast_shape(tuple(count.shape), tuple(prob.shape))
    return draw(
        "binomial", size, count, prob, dtype=count.dtype.np, generator=generator, device=count.device
    )


Tensor.bernoulli = bernoulli  # type: ignore[method-assign, assignment]
Tensor.multinomial = multinomial  # type: ignore[method-assign, assignment]
