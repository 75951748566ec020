"""Rows `chain`, `tiny` and `reads`: no training, but what a line of an interactive session or of a metric costs.

`run(lib)` gives the program for torchlike or PyTorch, `by_hand()` the same in JAX, each a function of nothing that
returns a number.
"""

from __future__ import annotations

import numpy as np

CHAIN, TINY, READS = 20, 300, 50


def _numbers(n: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(n).astype(np.float32)


class chain:
    """20 element-wise operations on a million elements, then the mean; in JAX one jit."""

    @staticmethod
    def _chained(x, tanh):
        for _ in range(CHAIN // 4):
            x = tanh(x * 1.01 + 0.1) * 0.9
        return x.mean()

    @classmethod
    def run(cls, lib):
        x = lib.from_numpy(_numbers(1_000_000))
        return lambda: cls._chained(x, lib.tanh)

    @classmethod
    def by_hand(cls):
        import jax

        x = jax.numpy.asarray(_numbers(1_000_000))
        compiled = jax.jit(lambda x: cls._chained(x, jax.numpy.tanh))
        return lambda: compiled(x)


class tiny:
    """300 operations on 8 elements, each on the result of the last; in JAX one by one, as somebody types them."""

    @staticmethod
    def _dependent(x):
        for _ in range(TINY // 3):
            x = (x * 0.9 + 0.1) - 0.01
        return x.sum()

    @classmethod
    def run(cls, lib):
        x = lib.from_numpy(_numbers(8))
        return lambda: cls._dependent(x)

    @classmethod
    def by_hand(cls):
        import jax

        x = jax.numpy.asarray(_numbers(8))
        return lambda: cls._dependent(x)


class reads:
    """50 elements of a tensor read one by one."""

    @classmethod
    def run(cls, lib):
        x = lib.from_numpy(_numbers(READS))
        return lambda: sum(x[i].item() for i in range(READS))

    @classmethod
    def by_hand(cls):
        import jax

        x = jax.numpy.asarray(_numbers(READS))
        return lambda: sum(float(x[i]) for i in range(READS))
