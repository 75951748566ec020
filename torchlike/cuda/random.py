"""torch.cuda.random: one generator serves all devices, so these are the CPU's under other names."""

from __future__ import annotations

from typing import Any

from torchlike import random as _random
from torchlike.core import device as _device

__all__ = [
    "get_rng_state", "get_rng_state_all", "set_rng_state", "set_rng_state_all", "manual_seed", "manual_seed_all",
    "seed", "seed_all", "initial_seed",
]  # fmt: skip


def get_rng_state(device: Any = "cuda") -> Any:
    """The state of the one generator; PyTorch's error where there is no GPU."""
    _device.device("cuda", 0).jax  # noqa: B018  raises where there is none
    return _random.get_rng_state()


def get_rng_state_all() -> list:
    """The state of the one generator, once for each GPU."""
    return [_random.get_rng_state() for _ in range(_device.available("cuda"))]


def set_rng_state(new_state: Any, device: Any = "cuda") -> None:
    """Continue the one generator from this state; PyTorch's error where there is no GPU."""
    _device.device("cuda", 0).jax  # noqa: B018  raises where there is none
    _random.set_rng_state(new_state)


def set_rng_state_all(new_states: Any) -> None:
    """Continue the one generator from the first of these states, if there is one."""
    for state in list(new_states)[:1]:
        set_rng_state(state)


def manual_seed(seed: int) -> None:
    """Seed the one generator that serves all devices, if there is a GPU: without one PyTorch's CPU stream is not
    touched by this either."""
    if _device.available("cuda"):
        _random.manual_seed(seed)


manual_seed_all = manual_seed


def seed() -> None:
    """Seed the one generator from the operating system, if there is a GPU."""
    if _device.available("cuda"):
        _random.seed()


seed_all = seed


def initial_seed() -> int:
    """The seed that the one generator was started from; PyTorch's error where there is no GPU."""
    _device.device("cuda", 0).jax  # noqa: B018  raises where there is none
    return _random.initial_seed()
