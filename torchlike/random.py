"""Random tensors and the generators behind them.

On the CPU every draw is PyTorch's own (`core/random.py`): the same seed gives the same numbers. A draw is made on the
host when it is called and enters the recorded program as an input, so neither gears nor recompilation change it. For a
tensor on an accelerator the numbers are drawn by the same generator and copied there, so they do not depend on the
device either.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike import creation
from torchlike.core import batching, capture, keyed, rejection
from torchlike.core import device as _device
from torchlike.core import dtype as _dtype
from torchlike.core import random as _random
from torchlike.core.op import SLOT, Array, Op, Scalar
from torchlike.core.value import put
from torchlike.core.variable import apply, wrap
from torchlike.facade import write_out
from torchlike.ops.checks import check
from torchlike.ops.dims import broadcast_shape
from torchlike.tensor import Tensor, from_jax

__all__ = [
    "Generator", "default_generator", "manual_seed", "seed", "initial_seed", "get_rng_state", "set_rng_state", "rand",
    "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "bernoulli", "multinomial",
    "poisson", "binomial",
]  # fmt: skip


class Generator(_random.Generator):
    """A stream of random numbers of its own, to be passed as `generator=`.

    >>> import torchlike as torch
    >>> g = torch.Generator().manual_seed(0)
    >>> torch.rand(2, generator=g)
    tensor([0.4963, 0.7682])
    """

    @property
    def device(self) -> _device.device:
        """Always the CPU: see the module's first lines."""
        return _device.cpu

    def get_state(self) -> Tensor:
        """The state as a byte tensor, in PyTorch's own layout."""
        return wrap(put(super().get_state(), _device.cpu))

    def set_state(self, new_state: Tensor) -> Generator:
        """Continue from a state that `get_state` (PyTorch's too) returned."""
        if not isinstance(new_state, Tensor) or new_state.dtype is not _dtype.uint8:
            raise TypeError("expected a torch.ByteTensor, but got " + type(new_state).__name__)
        super().set_state(new_state.numpy())
        return self


default_generator = Generator()
default_generator.seed()


def manual_seed(seed) -> Generator:
    """Start the default generator from this seed; returns it."""
    return default_generator.manual_seed(int(seed))


def seed() -> int:
    """Start the default generator from a random seed; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator was started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator, in PyTorch's layout."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Continue the default generator from a state."""
    default_generator.set_state(new_state)


@contextlib.contextmanager
def fork_rng(devices=None, enabled: bool = True):
    """Leave the default generator as it was before the block."""
    state = default_generator.get_state() if enabled else None
    try:
        yield
    finally:
        if state is not None:
            default_generator.set_state(state)


def draw(sample: Callable[[_random.Generator], np.ndarray], generator=None, device=None) -> Tensor:
    """A tensor of fresh random numbers; a capture repeats the draw at every replay."""
    if (keys := keyed.current()) is not None:
        return from_jax(keys.draw(sample))
    source = generator or default_generator
    home = device or _device.cpu
    if (level := batching.current()) is not None:
        return _draw_inside(level, sample, source, home)
    value = put(sample(source), home, copy=False)
    if capture.active is not None:
        capture.active.drew(value, lambda: put(sample(source), home, copy=False))
    return wrap(value)


def _draw_inside(level: batching.Level, sample: Callable, source: _random.Generator, home) -> Tensor:
    """A draw under `vmap`: refused, one for all, or one for each, as its `randomness` says."""
    if level.randomness == "error":
        raise RuntimeError(
            "vmap: called random operation while in randomness error mode. Please either use the 'same' or 'different' "
            "randomness flags on vmap or perform the randomness operation out of vmap"
        )
    if capture.active is not None:
        raise NotImplementedError("a draw under vmap in a captured function: draw before, and pass the numbers in")
    if level.randomness == "same":
        return wrap(put(sample(source), home, copy=False))
    rows = np.stack([sample(source) for _ in range(level.size)])
    return batching.inside(wrap(put(rows, home, copy=False)), level.depth, True)


def _finish(made: Tensor, requires_grad: bool, out, name: str, layout=None) -> Tensor:
    if out is not None:
        return write_out(name, made, out)
    return creation._finish(made, requires_grad, layout)


def _floating(dtype, out, name: str) -> _dtype.dtype:
    d = dtype or (out.dtype if out is not None else _dtype.get_default_dtype())
    if not (d.is_floating_point or d.is_complex):
        raise NotImplementedError(f"\"{name}\" not implemented for '{d._scalar_name}'")
    return d


def _uniform(shape: tuple, d: _dtype.dtype, low: float = 0.0, high: float = 1.0):
    if d.is_complex:
        part = d.to_real().np
        return lambda g: g.uniform((*shape, 2), low, high, part).view(d.np).reshape(shape)
    return lambda g: g.uniform(shape, low, high, d.np)


def _normal(shape: tuple, d: _dtype.dtype, mean: float = 0.0, std: float = 1.0):
    if d.is_complex:
        part = d.to_real().np
        return lambda g: g.normal((*shape, 2), mean, std / 2**0.5, part).view(d.np).reshape(shape)
    return lambda g: g.normal(shape, mean, std, d.np)


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
    made = draw(_uniform(shape, _floating(dtype, out, "check_uniform_bounds")), generator, creation._home(device))
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
    made = draw(_normal(shape, _floating(dtype, out, "normal_kernel_cpu")), generator, creation._home(device))
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
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    shape = creation._size((size,), "randint")
    d = dtype or (out.dtype if out is not None else _dtype.int64)
    made = draw(lambda g: g.randint(low, high, shape, d.np), generator, creation._home(device))
    return _finish(made, requires_grad, out, "randint", layout)


def randperm(
    n, *, generator=None, out=None, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False
) -> Tensor:
    """A random permutation of 0 ... n-1."""
    d = dtype or (out.dtype if out is not None else _dtype.int64)
    made = draw(lambda g: g.randperm(n, d.np), generator, creation._home(device))
    return _finish(made, requires_grad, out, "randperm", layout)


def _like(fn: Callable) -> Callable:
    def like(input, *, dtype=None, layout=None, device=None, requires_grad=False, memory_format=None):
        return fn(
            tuple(input.shape), dtype=dtype or input.dtype, device=device or input.device, layout=layout,
            requires_grad=requires_grad,
        )  # fmt: skip

    like.__name__ = like.__qualname__ = fn.__name__ + "_like"
    like.__doc__ = f"`torch.{fn.__name__}` with the size, dtype and device of `input`."
    return like


rand_like, randn_like = _like(rand), _like(randn)


def randint_like(input, low, high=None, *, dtype=None, layout=None, device=None, requires_grad=False):
    """`torch.randint` with the size, dtype and device of `input`."""
    return randint(
        *((low, high) if high is not None else (0, low)), tuple(input.shape), dtype=dtype or input.dtype,
        device=device or input.device, layout=layout, requires_grad=requires_grad,
    )  # fmt: skip


def _scaled(standard: Array, mean: Scalar, std: Scalar):
    return lax.stop_gradient(standard * std + mean)


def _without_gradient(made: Array, input: Array):
    return lax.stop_gradient(made + jnp.zeros_like(input))


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
        made = draw(_normal(shape, d, float(mean), float(std)), generator, creation._home(device))
    else:
        shape = broadcast_shape(*[tuple(t.shape) for t in tensors])
        if out is not None and len(tensors) == 1 and isinstance(mean, Tensor):
            # PyTorch fills `out` as it is and adds the mean: the size of `out` is that of the result
            check(broadcast_shape(tuple(out.shape), shape) == tuple(out.shape),
                  f"output with shape {list(out.shape)} doesn't match the broadcast shape {list(shape)}")  # fmt: skip
            shape = tuple(out.shape)
        d = tensors[0].dtype
        made = apply(_SCALED, (SLOT, SLOT, SLOT), [draw(_normal(shape, d), generator, tensors[0].device), mean, std])
    return _finish(made, requires_grad, out, "normal", layout)


_BERNOULLI = Op("bernoulli", _without_gradient)


def bernoulli(input, p=None, *, generator=None, out=None) -> Tensor:
    """Ones with the probabilities in `input` (read: a barrier), or all with probability `p`; the rest zeros."""
    if p is not None:
        shape, d = tuple(input.shape), input.dtype.np
        made = draw(lambda g: g.bernoulli(p, shape, d), generator, input.device)
    elif batching.innermost([input]) is not None:  # nothing is read under vmap
        made = (rand(input.shape, generator=generator, dtype=input.dtype, device=input.device) < input).to(input.dtype)
    else:
        chances = input.detach()._host()
        made = draw(lambda g: g.bernoulli_tensor(chances), generator, input.device)
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

    def sample(g: _random.Generator) -> np.ndarray:
        if not replacement or num_samples == 1:
            scores = weights / g.exponential(weights.shape, 1.0, weights.dtype)
            return np.argsort(-scores, axis=-1, kind="stable")[..., :num_samples].astype(np.int64)
        cumulative = np.cumsum(weights.astype(np.float64), -1)
        cumulative /= cumulative[..., -1:]
        u = g.uniform((*weights.shape[:-1], num_samples), dtype=np.float64)
        rows = zip(cumulative.reshape(-1, weights.shape[-1]), u.reshape(-1, num_samples), strict=True)
        return np.stack([np.searchsorted(c, v) for c, v in rows]).reshape(u.shape).astype(np.int64)

    made = draw(sample, generator, input.device)
    return made if out is None else write_out("multinomial", made, out)


def poisson(input, generator=None) -> Tensor:
    """Poisson random numbers with the rates in `input` (read: a barrier); drawn one by one, so meant for small ones."""
    rates = input.detach()._host()
    if not input.is_floating_point():
        raise NotImplementedError(f"\"poisson_cpu\" not implemented for '{input.dtype._scalar_name}'")
    kind = rates.dtype
    return draw(
        lambda g: rejection.counts(g, rejection.poisson, rates.astype(np.float64)).astype(kind), generator, input.device
    )


def binomial(count, prob, generator=None) -> Tensor:
    """How many of `count` trials of probability `prob` succeed, element by element (both are read: a barrier)."""
    for name, t in (("count", count), ("prob", prob)):
        if not t.is_floating_point():
            kind = t.dtype._scalar_name
            raise ValueError(f"binomial only supports floating-point dtypes for {name}, got: {kind}")
    if count.dtype is not prob.dtype:
        raise RuntimeError(f"Found dtype {prob.dtype._scalar_name} but expected {count.dtype._scalar_name}")
    pair = [x.astype(np.float64) for x in np.broadcast_arrays(count.detach()._host(), prob.detach()._host())]
    kind = count.dtype.np
    return draw(lambda g: rejection.counts(g, rejection.binomial, *pair).astype(kind), generator, count.device)


Tensor.bernoulli = bernoulli  # type: ignore[method-assign, assignment]
Tensor.multinomial = multinomial  # type: ignore[method-assign, assignment]
