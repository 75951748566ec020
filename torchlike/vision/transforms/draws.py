"""Random parameters, drawn on the host from the default generator as torchvision draws them from PyTorch's."""

from __future__ import annotations

import numpy as np

import torchlike as torch
from torchlike.random import default_generator


def uniform(low: float = 0.0, high: float = 1.0) -> float:
    """`torch.empty(1).uniform_(low, high).item()`; without arguments `torch.rand(1)`."""
    return float(default_generator.uniform((1,), low, high)[0])


def uniforms(*shape: int) -> np.ndarray:
    """`torch.rand(shape)`."""
    return default_generator.uniform(shape)


def normals(*shape: int) -> np.ndarray:
    """`torch.randn(shape)`."""
    return default_generator.normal(shape)


def integer(low: int, high: int) -> int:
    """`torch.randint(low, high, (1,)).item()`; PyTorch's error for an empty range."""
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    return int(default_generator.randint((1,), low, high)[0])


def integers(high: int, n: int) -> list[int]:
    """`torch.randint(high, (n,)).tolist()`."""
    return default_generator.randint((n,), 0, high).tolist()


def permutation(n: int) -> list[int]:
    """`torch.randperm(n).tolist()`."""
    return default_generator.randperm(n).tolist()


def weighted(probabilities: list[float]) -> int:
    """`torch.multinomial(torch.tensor(probabilities), 1).item()`."""
    p = np.asarray(probabilities, np.float32)
    return int(np.argmax(p / default_generator.exponential(p.shape)))


def dirichlet(alpha: float, n: int, rows: int) -> np.ndarray:
    """`torch._sample_dirichlet(torch.full((rows, n), alpha))`: shares that add up to 1 in each row."""
    return torch._sample_dirichlet(torch.full((rows, n), float(alpha))).numpy()
