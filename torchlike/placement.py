"""Where and how new tensors lie: layouts, memory formats, the default device."""

from __future__ import annotations

from torchlike.core import device as _device
from torchlike.core.op import inexact

__all__ = [
    "layout", "memory_format", "strided", "sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc",
    "jagged", "contiguous_format", "preserve_format", "channels_last", "channels_last_3d",
    "set_default_device", "get_default_device",
]  # fmt: skip


class _Named:
    def __init__(self, name: str):
        self._name = name

    def __repr__(self) -> str:
        return f"torch.{self._name}"


class layout(_Named):
    """How a tensor is laid out: every tensor here is `torch.strided`; the sparse layouts are names to compare with."""


class memory_format(_Named):
    """The order of dimensions in memory; XLA chooses its own, so these change nothing but what is reported."""


strided = layout("strided")
sparse_coo = layout("sparse_coo")
sparse_csr = layout("sparse_csr")
sparse_csc = layout("sparse_csc")
sparse_bsr = layout("sparse_bsr")
sparse_bsc = layout("sparse_bsc")
jagged = layout("jagged")
contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")

_default_device = [_device.cpu]


def set_default_device(device) -> None:
    """New tensors are made here unless a `device=` says otherwise; None means the CPU again."""
    _default_device[0] = _device.home("cpu" if device is None else device)


def get_default_device() -> _device.device:
    """Where new tensors are made."""
    return _default_device[0]


def _home(device) -> _device.device:
    return _default_device[0] if device is None else _device.home(device)


def _finish(made, requires_grad: bool, layout=None, pin_memory: bool = False):
    if layout is not None and layout is not strided:
        raise NotImplementedError(f"layout={layout}: only dense tensors exist here; leave out the layout argument")
    if requires_grad and not inexact(made._aval().dtype):
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    return made.requires_grad_() if requires_grad else made
