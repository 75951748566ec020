"""What a training row of the tables gives, and how its data are made."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks.recipe import ADAM, Recipe


class Row:
    """A model, its batches and its recipe.

    `model(lib)` is the model for torchlike or PyTorch; `forward(p, state, x)` the same in JAX, with parameters and
    buffers in dicts by their names, and gives the logits and the new buffers.
    """

    recipe: Recipe = ADAM
    large = False
    """So large that the contenders cannot share a device: each gets it for itself, one after another."""

    def batches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        raise NotImplementedError

    def model(self, lib: Any) -> Any:
        raise NotImplementedError

    def forward(self, p: dict, state: dict, x: Any) -> tuple[Any, dict]:
        raise NotImplementedError

    def flops(self) -> float | None:
        """Floating-point operations of the products of one training step, None where nobody counted.

        A multiplication and an addition are two; the backward pass takes twice what the forward pass takes.
        """
        return None


def classified(count: int, shape: tuple[int, ...], classes: int = 10) -> list[tuple[np.ndarray, np.ndarray]]:
    """So many batches of normal numbers of a shape, each sample with a class."""
    rng = np.random.default_rng(0)
    return [
        (rng.standard_normal(shape).astype(np.float32), rng.integers(0, classes, shape[0]).astype(np.int64))
        for _ in range(count)
    ]
