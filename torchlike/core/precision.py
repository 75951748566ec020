"""How exactly float32 products are computed on an accelerator: PyTorch's setting as JAX's, at trace time.

PyTorch multiplies matrices in full float32 unless told otherwise, and lets convolutions use TF32
(https://docs.pytorch.org/docs/stable/notes/cuda.html#tf32-on-ampere). JAX's default is the fast kind for both: TF32 on
a GPU, bfloat16 on a TPU. On the CPU there is one kind.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import jax

LEVELS = ("highest", "high", "medium")

_level = {"matmul": "highest", "conv": "high"}
on_change: list[Callable[[], None]] = []  # the caches whose entries were traced under the old setting


def matmul() -> str:
    """The level of matrix products."""
    return _level["matmul"]


def conv() -> str:
    """The level of convolutions."""
    return _level["conv"]


def set_matmul(level: str) -> None:
    """Change the level of matrix products."""
    _set("matmul", level)


def set_conv(level: str) -> None:
    """Change the level of convolutions."""
    _set("conv", level)


def _set(kind: str, level: str) -> None:
    if _level[kind] != level:
        _level[kind] = level
        for forget in on_change:
            forget()


def around(op_name: str, device) -> contextlib.AbstractContextManager:
    """Entered around the tracing of an op on this device."""
    if device.type == "cpu":
        return contextlib.nullcontext()
    level = _level["conv" if "conv" in op_name else "matmul"]
    if level == "highest":
        return jax.default_matmul_precision("highest")
    # on a GPU JAX's "high" is full float32 already; on a TPU it is three passes of bfloat16
    return jax.default_matmul_precision("high" if level == "high" and device.type == "tpu" else "default")
