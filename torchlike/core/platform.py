"""Whether the body of an operation that is being traced will certainly run on the CPU.

A body may then choose the formulation that XLA's CPU compiler runs fastest (`ops/lowering.py`). Under a transformation
of JAX it is not certain: the trace may be compiled for another platform, or get a batch dimension.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_cpu: ContextVar[bool] = ContextVar("cpu", default=False)


@contextlib.contextmanager
def tracing(cpu: bool) -> Iterator[None]:
    """Entered around the tracing of a body."""
    token = _cpu.set(cpu)
    try:
        yield
    finally:
        _cpu.reset(token)


def cpu() -> bool:
    """Whether what is traced now runs on the CPU and nowhere else."""
    return _cpu.get()
