"""What the tests of torch.nn share: inputs, and a program run on both sides with the same seed."""

from __future__ import annotations

import warnings

import numpy as np

from tests.compare import torch, torchlike

SUMS = 2e-5  # float32 sums of a few hundred products in another order, at 2**-24 for each rounding


def values(shape, seed: int, dtype="float32") -> np.ndarray:
    """Numbers around 0 with ties (a grid of quarters), so that maxima and borders are met."""
    return (np.random.default_rng(seed).integers(-12, 13, shape) / 4).astype(dtype)


def both(fn):
    """The outcome of a program on each side, the seed the same."""
    outcomes = []
    for lib in (torchlike, torch):
        lib.manual_seed(7)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            outcomes.append(fn(lib))
    return outcomes
