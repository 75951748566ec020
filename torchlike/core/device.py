"""Devices: PyTorch's names over JAX's, and the mode that gives our own code 64-bit types."""

from __future__ import annotations

import functools
import operator
import os
import re

import jax

x64 = functools.partial(jax.enable_x64, True)
"""`with x64():` around our own tracing and running; outside it the user's own JAX code keeps its settings."""

_PLATFORMS = {"cpu": "cpu", "cuda": "gpu", "tpu": "tpu"}
_ELSEWHERE = (
    "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia", "xla", "lazy", "vulkan", "mps",
    "meta", "hpu", "mtia", "privateuseone",
)  # fmt: skip
"""The other device types that PyTorch knows: they can be named and compared, but nothing lives there."""
_entered: list = []  # the default devices before each `with device:`


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

    def __new__(cls, type: str | int | device, index: int | None = None):
        if isinstance(type, device):
            return type
        if isinstance(type, str):
            type, index = _parsed(type, index)
        elif hasattr(type, "__index__") and not isinstance(type, bool):
            type, index = "cuda", operator.index(type)  # type: ignore[arg-type]
        else:
            raise TypeError(
                f"device() received an invalid combination of arguments - got ({type.__class__.__name__}), but "
                "expected one of: (torch.device device) or (str type, int index = -1)"
            )
        if index is not None and not hasattr(index, "__index__"):
            raise TypeError(f"device(): argument 'index' (position 2) must be int, not {index.__class__.__name__}")
        if index is not None and index < 0:
            raise RuntimeError("Device index must not be negative")
        return _device(type, index)

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __reduce__(self):
        return device, (self.type, self.index)

    def __enter__(self) -> device:
        """Make new tensors here: `with torch.device("cuda"): ...`."""
        from torchlike import creation

        _entered.append(creation.get_default_device())
        creation.set_default_device(self)
        return self

    def __exit__(self, *exception) -> None:
        from torchlike import creation

        creation.set_default_device(_entered.pop())

    @property
    def jax(self) -> jax.Device:
        """The JAX device of this name; PyTorch's error where this machine has none."""
        return _jax_device(self.type, self.index or 0)


@functools.cache
def _parsed(text: str, index: int | None) -> tuple[str, int | None]:
    """The type and index that a string such as "cuda:1" names."""
    if not text:
        raise RuntimeError("Device string must not be empty")
    match = re.fullmatch(r"([a-zA-Z_]+)(?::(0|[1-9][0-9]*))?", text)
    if match is None:
        raise RuntimeError(f"Invalid device string: '{text}'")
    type, digits = match.groups()
    if type not in _PLATFORMS and type not in _ELSEWHERE:
        known = ", ".join([*_PLATFORMS, *_ELSEWHERE])
        raise RuntimeError(f"Expected one of {known} device type at start of device string: {type}")
    if digits is None:
        return type, index
    if index is not None:
        raise RuntimeError(f"type (string) must not include an index because index was passed explicitly: {text}")
    return type, int(digits)


@functools.cache
def _device(type: str, index: int | None) -> device:
    d = object.__new__(device)
    d.type, d.index = type, index
    return d


@functools.cache
def _jax_device(type: str, index: int) -> jax.Device:
    if type not in _PLATFORMS:
        raise NotImplementedError(f"there are no tensors on device type {type} here: use {', '.join(_PLATFORMS)}")
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
def sharding(d: device) -> jax.sharding.Sharding:
    """The placement of a whole array there."""
    return jax.sharding.SingleDeviceSharding(d.jax)


@functools.cache
def from_jax(d: jax.Device) -> device:
    """The torch name of a JAX device."""
    names = {"gpu": "cuda", "cuda": "cuda", "rocm": "cuda", "cpu": "cpu", "tpu": "tpu"}
    type = names[d.platform]
    return _device(type, None if type == "cpu" else d.local_hardware_id or 0)


cpu = _device("cpu", None)


def home(where) -> device:
    """The device that an argument `device=` names, with the index that tensors there report; errors as in PyTorch."""
    d = device(where)
    if d.type == "cpu":
        return cpu
    if d.index is None:
        d = _device(d.type, 0)
    d.jax  # noqa: B018  raises PyTorch's error where there is no such device
    return d


@functools.cache
def memory(d: device) -> int:
    """The bytes of memory there are, used or not."""
    if d.type == "cpu":
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 2**47
    return (d.jax.memory_stats() or {}).get("bytes_limit", 2**47)


def check_memory(nbytes: int, d: device) -> None:
    """PyTorch's error for an array that cannot fit; XLA's would come at the barrier, or end the process."""
    if nbytes <= memory(d):
        return
    if d.type == "cpu":
        raise RuntimeError(
            f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {nbytes} bytes. "
            "Error code 12 (Cannot allocate memory)"
        )
    from torchlike.cuda.memory import OutOfMemoryError

    raise OutOfMemoryError(f"{d.type.upper()} out of memory. Tried to allocate {nbytes / 2**30:.2f} GiB.")


def available(type: str) -> int:
    """How many devices of this type JAX sees."""
    try:
        return len(jax.devices(_PLATFORMS[type]))
    except RuntimeError:
        return 0
