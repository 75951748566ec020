"""torch.backends.cudnn: the flags of cuDNN.

`allow_tf32` is honoured: whether convolutions on a GPU may use TF32. XLA chooses kernels itself, so `enabled`,
`benchmark`, `benchmark_limit` and `deterministic` are kept and change nothing; for deterministic scatter operations
there is `torch.use_deterministic_algorithms`.
"""

from __future__ import annotations

import contextlib
import sys
import types
from typing import Any

from torchlike.core import precision as _precision

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
fp32_precision = "none"
allow_tf32: bool


def is_available() -> bool:
    """Whether JAX sees an NVIDIA GPU (it brings cuDNN)."""
    from torchlike.core.device import available

    return available("cuda") > 0


def version() -> int | None:
    """None: JAX does not say which cuDNN it uses."""
    return None


def is_acceptable(tensor: Any) -> bool:
    """Whether a tensor is of a kind that cuDNN computes with: half, float or double on a GPU."""
    return tensor.is_cuda and tensor.is_floating_point() and enabled


@contextlib.contextmanager
def flags(
    enabled: bool = False, benchmark: bool = False, benchmark_limit: int = 10, deterministic: bool = False,
    allow_tf32: bool = True, fp32_precision: str = "none",
):  # fmt: skip
    """A block with other flags."""
    module: Any = sys.modules[__name__]
    new = dict(locals())
    names = ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32", "fp32_precision")
    before = {name: getattr(module, name) for name in names}
    for name in names:
        setattr(module, name, new[name])
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


class _Module(types.ModuleType):
    """The module with one attribute that does something when it is set."""

    @property
    def allow_tf32(self) -> bool:
        """Whether convolutions on a GPU may use TF32."""
        return _precision.conv() != "highest"

    @allow_tf32.setter
    def allow_tf32(self, on: bool) -> None:
        _precision.set_conv("high" if on else "highest")


sys.modules[__name__].__class__ = _Module
