"""Where the body of an operation that is being traced will certainly run, if that is certain.

A body may then choose the formulation that is fastest there (`ops/lowering.py`, `ops/cudnn_attention.py`). Under a
transformation of JAX it is not certain: the trace may be compiled for another platform, or get a batch dimension.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from torchlike.core.device import device

_device: ContextVar[device | None] = ContextVar("device", default=None)


@contextlib.contextmanager
def tracing(where: device | None) -> Iterator[None]:
    """Entered around the tracing of a body."""
    token = _device.set(where)
    try:
        yield
    finally:
        _device.reset(token)


def cpu() -> bool:
    """Whether what is traced now runs on the CPU and nowhere else."""
    where = _device.get()
    return where is not None and where.type == "cpu"


def cuda() -> device | None:
    """The GPU that what is traced now runs on, and nowhere else."""
    where = _device.get()
    return where if where is not None and where.type == "cuda" else None
