"""torch.cuda.random: the default generators of the GPUs.

A GPU's draws take their keys from its generator (`torch.random.set_stream`); its state is laid out as the CPU's.
"""

from __future__ import annotations

from typing import Any

from torchlike import random as _random
from torchlike.core import device as _device

__all__ = [
    "get_rng_state", "get_rng_state_all", "set_rng_state", "set_rng_state_all", "manual_seed", "manual_seed_all",
    "seed", "seed_all", "initial_seed",
]  # fmt: skip


def _home(device: Any) -> _device.device:
    home = _device.device(device)
    home = home if home.index is not None else _device.device("cuda", 0)
    home.jax  # noqa: B018  raises where there is none
    return home


def _all() -> list:
    return [_random.generator_of(_device.device("cuda", i)) for i in range(_device.available("cuda"))]


def get_rng_state(device: Any = "cuda") -> Any:
    """The state of a GPU's generator; PyTorch's error where there is no GPU."""
    return _random.generator_of(_home(device)).get_state()


def get_rng_state_all() -> list:
    """The states of all GPUs' generators."""
    return [g.get_state() for g in _all()]


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Continue a GPU's generator from this state; PyTorch's error where there is no GPU."""
    _random.generator_of(_home(device)).set_state(new_state)


def set_rng_state_all(new_states: Any) -> None:
    """Continue the GPUs' generators, one after the other, from these states."""
    for i, state in enumerate(new_states):
        set_rng_state(state, i)


def manual_seed(seed: int) -> None:
    """Seed the first GPU's generator; nothing happens where there is none, and never to the CPU's stream."""
    for generator in _all()[:1]:
        generator.manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """Seed the generators of all GPUs; nothing happens where there is none, and never to the CPU's stream."""
    for generator in _all():
        generator.manual_seed(int(seed))


def seed() -> None:
    """Seed the first GPU's generator from the operating system."""
    for generator in _all()[:1]:
        generator.seed()


def seed_all() -> None:
    """Seed all GPUs' generators from the operating system, with one seed."""
    generators = _all()
    for first in generators[:1]:
        manual_seed_all(first.seed())


def initial_seed() -> int:
    """The seed that the first GPU's generator was started from; PyTorch's error where there is no GPU."""
    return _random.generator_of(_home("cuda")).initial_seed()
