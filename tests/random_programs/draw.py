"""The choices of one random program. Everything drawn becomes text, so that a program can be read and repeated."""

from __future__ import annotations

from math import prod

import numpy as np

QUARTERS = np.arange(-8, 9) / 4
"""Numbers with few bits: sums and products of some of them are exact, in whatever order they are computed."""


class Draw:
    """A source of choices that a seed determines."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)

    def int(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return int(self.rng.integers(low, high + 1))

    def of(self, choices):
        """One of them."""
        return choices[self.int(0, len(choices) - 1)]

    def chance(self, p: float) -> bool:
        """True in so many of all cases."""
        return bool(self.rng.random() < p)

    def numbers(self, shape, dtype: str = "float32") -> str:
        """A tensor of this shape, as an expression."""
        n = prod(shape)
        if not n:
            return f"torch.zeros({tuple(shape)}, dtype=torch.{dtype})"
        if dtype.startswith("complex"):
            drawn = self.rng.choice(QUARTERS, n) + 1j * self.rng.choice(QUARTERS, n)
        elif dtype == "bool":
            drawn = self.rng.random(n) < 0.5
        elif dtype.startswith(("int", "uint")):
            drawn = self.rng.integers(0 if dtype[0] == "u" else -4, 5, n)
        else:
            drawn = self.rng.choice(QUARTERS, n)
        return f"torch.tensor({drawn.reshape(shape).tolist()}, dtype=torch.{dtype})"
