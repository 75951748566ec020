"""Random numbers made inside the program from a key: one pure function for each kind of draw of `core/random.py`.

A key is two 32-bit words. They and a counter go through Threefry-2x32 (J. Salmon and others, "Parallel random numbers:
as easy as 1, 2, 3", 2011, https://doi.org/10.1145/2063384.2063405), so every number is computed on its own, on every
device alike. The numbers are `jax.random`'s, not PyTorch's; a 16-bit type is drawn as float32 and rounded.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from torchlike.core.op import Array, Op, Scalar, Sizes
from torchlike.core.random_bounds import BITS, FLOATS

DRAWS: dict[str, Op] = {}
"""The functions here by the name of the method of a generator whose place they take."""


def _draw(fn: Callable) -> Callable:
    DRAWS[fn.__name__] = Op(fn.__name__, fn, differentiable=False)
    return fn


def _key(words: Array):
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def _work(dtype):
    """The type to draw in."""
    return dtype if jnp.finfo(dtype).bits > 16 else np.dtype(np.float32)


def _open_uniform(key, size, dtype):
    """Uniform in (0, 1]."""
    return 1 - jax.random.uniform(key, size, dtype)


@_draw
def uniform(key: Array, size: Sizes, low: Scalar = 0.0, high: Scalar = 1.0, dtype=np.float32):
    """Uniform in [low, high)."""
    work = _work(dtype)
    low, high = jnp.asarray(low, work), jnp.asarray(high, work)
    made = (jax.random.uniform(_key(key), size, work) * (high - low) + low).astype(dtype)
    return jnp.where((made == high.astype(dtype)) & (high > low), low.astype(dtype), made)


@_draw
def normal(key: Array, size: Sizes, mean: Scalar = 0.0, std: Scalar = 1.0, dtype=np.float32):
    """Normal of this mean and deviation."""
    work = _work(dtype)
    made = jax.random.normal(_key(key), size, work) * jnp.asarray(std, work) + jnp.asarray(mean, work)
    return made.astype(dtype)


@_draw
def exponential(key: Array, size: Sizes, lambd: Scalar = 1.0, dtype=np.float32):
    """Exponential of this rate."""
    work = _work(dtype)
    return (jax.random.exponential(_key(key), size, work) / jnp.asarray(lambd, work)).astype(dtype)


@_draw
def cauchy(key: Array, size: Sizes, median: Scalar = 0.0, sigma: Scalar = 1.0, dtype=np.float32):
    """Cauchy around the median."""
    work = _work(dtype)
    made = jax.random.cauchy(_key(key), size, work) * jnp.asarray(sigma, work) + jnp.asarray(median, work)
    return made.astype(dtype)


@_draw
def log_normal(key: Array, size: Sizes, mean: Scalar = 1.0, std: Scalar = 2.0, dtype=np.float32):
    """exp of a normal."""
    return jnp.exp(normal(key, size, mean, std, _work(dtype))).astype(dtype)


@_draw
def geometric(key: Array, size: Sizes, p: Scalar, dtype=np.float32):
    """Trials until the first success."""
    u = _open_uniform(_key(key), size, np.float64)
    made = jnp.maximum(jnp.ceil(jnp.log(u) / jnp.log1p(-jnp.asarray(p, np.float64))), 1)
    return made.astype(dtype)


@_draw
def bernoulli(key: Array, size: Sizes, p: Scalar, dtype=np.float32):
    """Ones of probability p."""
    return (jax.random.uniform(_key(key), size, np.float32) < jnp.asarray(p, np.float32)).astype(dtype)


@_draw
def bernoulli_tensor(key: Array, size: Sizes, p: Array, dtype=np.float32):
    """Ones of the probabilities in p."""
    work = _work(p.dtype)
    return (jax.random.uniform(_key(key), size, work) < p.astype(work)).astype(dtype)


@_draw
def randint(key: Array, size: Sizes, low: Scalar, high: Scalar | None, dtype=np.int64):
    """Integers in [low, high)."""
    if high is None:
        high = int(_top(dtype)) + 1 if _top(dtype) < 2**63 - 1 else 2**63 - 1
    return jax.random.randint(_key(key), size, low, high, np.int64).astype(dtype)


def _top(dtype) -> int:
    name = np.dtype(dtype).name
    return 2 ** BITS[name] - 1 if name in BITS else 2 ** FLOATS[name][0]


@_draw
def random_int(key: Array, size: Sizes, dtype=np.int64):
    """Integers over the whole range of the dtype from 0."""
    words = jax.random.bits(_key(key), size, np.uint64) >> 1
    return (words if _top(dtype) == 2**63 - 1 else words % (_top(dtype) + 1)).astype(dtype)


@_draw
def randperm(key: Array, n: int, dtype=np.int64):
    """A permutation of 0 ... n-1."""
    return jax.random.permutation(_key(key), jnp.arange(n)).astype(dtype)


@_draw
def poisson(key: Array, size: Sizes, rates: Array, dtype=np.float32):
    """Poisson numbers with these rates."""
    return jax.random.poisson(_key(key), rates.astype(np.float64), size, np.int64).astype(dtype)


@_draw
def binomial(key: Array, size: Sizes, count: Array, prob: Array, dtype=np.float32):
    """How many of `count` trials succeed."""
    return jax.random.binomial(_key(key), count.astype(np.float64), prob.astype(np.float64), size).astype(dtype)


@_draw
def gamma(key: Array, size: Sizes, concentration: Array, dtype=np.float32):
    """Gamma numbers of rate 1, none below the smallest normal number."""
    work = _work(dtype)
    made = jax.random.gamma(_key(key), concentration.astype(work), size).astype(dtype)
    return jnp.maximum(made, jnp.finfo(dtype).tiny)


@_draw
def dirichlet(key: Array, size: Sizes, concentration: Array, dtype=np.float32):
    """Draws whose last dimension adds up to one."""
    logs = jax.random.loggamma(_key(key), concentration.astype(np.float64), size)
    return jnp.clip(jax.nn.softmax(logs, -1).astype(dtype), jnp.finfo(dtype).tiny, 1 - jnp.finfo(dtype).epsneg)


@_draw
def multinomial(key: Array, size: Sizes, weights: Array, replacement: bool = False, dtype=np.int64):
    """Indices drawn with the weights of each row."""
    logs = jnp.log(weights.astype(np.float64))
    if replacement:
        made = jax.random.categorical(_key(key), logs[..., None, :], shape=size)
    else:
        # the largest of log weight + Gumbel number (W. Kool and others, https://arxiv.org/abs/1903.06059)
        made = lax.top_k(logs + jax.random.gumbel(_key(key), logs.shape, np.float64), size[-1])[1]
    return made.astype(dtype)


@_draw
def bits(key: Array, size: Sizes, dtype=np.uint32):
    """Random words."""
    return jax.random.bits(_key(key), size, dtype)


@_draw
def slopes(key: Array, size: Sizes, input: Array, low: Scalar, high: Scalar, dtype=np.float32):
    """rrelu's slopes: uniform where `input` is not positive, elsewhere one."""
    return jnp.where(input > 0, 1, uniform(key, size, low, high, dtype)).astype(dtype)
