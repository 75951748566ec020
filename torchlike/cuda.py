"""torch.cuda: what can be asked of NVIDIA GPUs through JAX."""

from __future__ import annotations

from torchlike import random as _random
from torchlike.core import device as _device
from torchlike.core.tape import barrier as _barrier


def is_available() -> bool:
    """Whether JAX sees an NVIDIA GPU."""
    return device_count() > 0


def device_count() -> int:
    """How many NVIDIA GPUs JAX sees."""
    return _device.available("cuda")


def current_device() -> int:
    """The index of the default GPU: always 0."""
    _device.device("cuda", 0).jax  # noqa: B018  raises where there is none
    return 0


def get_device_name(device=None) -> str:
    """The name of a GPU, such as "NVIDIA H100"."""
    return _device.device("cuda" if device is None else device).jax.device_kind


def synchronize(device=None) -> None:
    """Run what is recorded. (Reading a value waits for it; nothing else has to.)"""
    _barrier()


def empty_cache() -> None:
    """Nothing to do: XLA keeps its own pool of memory."""


def manual_seed(seed: int) -> None:
    """Seed the one generator that serves all devices."""
    _random.manual_seed(seed)


manual_seed_all = manual_seed
