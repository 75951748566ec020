"""Devices: PyTorch's names over JAX's, and the mode that gives our own code 64-bit types."""

from __future__ import annotations

import functools

import jax

x64 = functools.partial(jax.enable_x64, True)
"""`with x64():` around our own tracing and running; outside it the user's own JAX code keeps its settings."""

_PLATFORMS = {"cpu": "cpu", "cuda": "gpu", "tpu": "tpu"}


class device:
    """Where a tensor lives (interned: equal devices are one object): `torch.device("cpu")`, `torch.device("cuda", 0)`,
    `torch.device("cuda:1")`, "tpu" likewise.

    >>> import torchlike as torch
    >>> torch.device("cuda:1")
    device(type='cuda', index=1)
    """

    __slots__ = ("type", "index")
    type: str
    index: int | None

    def __new__(cls, type: str | int | device = "cpu", index: int | None = None):
        if isinstance(type, device):
            return type
        if isinstance(type, int):
            index, type = type, "cuda"
        if ":" in type:
            if index is not None:
                raise RuntimeError(
                    f"type (string) must not include an index because index was passed explicitly: {type}"
                )
            type, _, digits = type.partition(":")
            if not digits.isdigit():
                raise RuntimeError(f"Invalid device string: '{type}:{digits}'")
            index = int(digits)
        if type not in _PLATFORMS:
            raise RuntimeError(f"Expected one of cpu, cuda, tpu device type at start of device string: {type}")
        return _device(type, index)

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __reduce__(self):
        return device, (self.type, self.index)

    @property
    def jax(self) -> jax.Device:
        """The JAX device of this name; PyTorch's error where this machine has none."""
        return _jax_device(self.type, self.index or 0)


@functools.cache
def _device(type: str, index: int | None) -> device:
    d = object.__new__(device)
    d.type, d.index = type, index
    return d


@functools.cache
def _jax_device(type: str, index: int) -> jax.Device:
    try:
        found = jax.devices(_PLATFORMS[type])
    except RuntimeError:
        if type == "cuda":
            raise AssertionError("Torch not compiled with CUDA enabled: JAX finds no NVIDIA GPU here") from None
        raise RuntimeError(f"JAX finds no {type} device here") from None
    if index >= len(found):
        raise RuntimeError(f"CUDA error: invalid device ordinal ({type}:{index}, {len(found)} present)")
    return found[index]


@functools.cache
def from_jax(d: jax.Device) -> device:
    """The torch name of a JAX device."""
    names = {"gpu": "cuda", "cuda": "cuda", "rocm": "cuda", "cpu": "cpu", "tpu": "tpu"}
    type = names[d.platform]
    return _device(type, None if type == "cpu" else d.local_hardware_id or 0)


cpu = _device("cpu", None)


def available(type: str) -> int:
    """How many devices of this type JAX sees."""
    try:
        return len(jax.devices(_PLATFORMS[type]))
    except RuntimeError:
        return 0
