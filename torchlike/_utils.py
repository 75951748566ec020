"""torch._utils: small helpers that packages import from PyTorch's inside."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torchlike import absent as _absent
from torchlike.core import device as _device
from torchlike.tensor import Tensor

_absent.fill(
    globals(), "checkpoints are read by torch.load",
    functions="_rebuild_tensor _rebuild_tensor_v2 _rebuild_parameter _rebuild_sparse_tensor",
)  # fmt: skip


def _flatten_dense_tensors(tensors: Iterable[Tensor]) -> Tensor:
    """Tensors as one vector."""
    from torchlike import cat

    return cat([t.reshape(-1) for t in tensors])


def _unflatten_dense_tensors(flat: Tensor, tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """The way back from `_flatten_dense_tensors`: views of `flat` in the shapes of `tensors`."""
    made, start = [], 0
    for t in tensors:
        made.append(flat[start : start + t.numel()].view(t.shape))
        start += t.numel()
    return tuple(made)


def _get_device_index(device: Any, optional: bool = False, allow_cpu: bool = False) -> int:
    """The index of a device: of the current one for None if `optional`, -1 for the CPU if `allow_cpu`."""
    if isinstance(device, int):
        return device
    if device is None:
        if not optional:
            raise ValueError("Expected a torch.device with a specified index or an integer, but got:None")
        from torchlike.cuda import current_device

        return current_device()
    d = _device.device(device)
    if d.type == "cpu":
        if not allow_cpu:
            raise ValueError(f"Expected a non cpu device, but got: {d}")
        return -1
    return d.index or 0


def _get_available_device_type() -> str | None:
    """"cuda", "tpu" or None."""
    from torchlike.accelerator import current_accelerator

    found = current_accelerator()
    return None if found is None else found.type


class ExceptionWrapper:
    """An exception caught in another process or thread, to be raised in this one by `reraise`."""

    def __init__(self, exc_info: Any = None, where: str = "in background"):
        import sys
        import traceback

        exc_info = exc_info or sys.exc_info()
        self.exc_type = exc_info[0]
        self.exc_msg = "".join(traceback.format_exception(*exc_info))
        self.where = where

    def reraise(self) -> None:
        """Raise it again, with the original traceback in its text."""
        message = f"Caught {self.exc_type.__name__} {self.where}.\nOriginal {self.exc_msg}"
        if self.exc_type is KeyError:
            raise KeyError(message)
        try:
            error = self.exc_type(message)
        except Exception:
            raise RuntimeError(message) from None
        raise error
