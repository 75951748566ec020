"""torch.nn.attention: which implementation `scaled_dot_product_attention` may use.

Here there are two: the formula, compiled by XLA, and for halves on an NVIDIA GPU cuDNN's kernel.
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator

from torchlike.absent import fill as _fill
from torchlike.backends import cuda as _flags
from torchlike.nn.attention import bias as bias

__all__ = [
    "SDPBackend", "WARN_FOR_UNFUSED_KERNELS", "activate_flash_attention_impl", "current_flash_attention_impl",
    "list_flash_attention_impls", "register_flash_attention_impl", "restore_flash_attention_impl", "sdpa_kernel",
]  # fmt: skip

WARN_FOR_UNFUSED_KERNELS = False
"""Whether PyTorch warns where it has no kernel for a kind of mask; here there is one way, and no warning."""


class SDPBackend(enum.IntEnum):
    """PyTorch's implementations of `scaled_dot_product_attention`.

    MATH is the formula, which XLA compiles. The others stand for one kernel, cuDNN's, which takes halves on an NVIDIA
    GPU where it can (`torchlike/ops/cudnn_attention.py`); whatever it cannot take is the formula's, asked for or not.
    """

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    __str__ = enum.Enum.__str__
    __repr__ = enum.Enum.__str__


_SWITCHES = {
    SDPBackend.MATH: "math", SDPBackend.FLASH_ATTENTION: "flash", SDPBackend.EFFICIENT_ATTENTION: "mem_efficient",
    SDPBackend.CUDNN_ATTENTION: "cudnn",
}  # fmt: skip


@contextlib.contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[dict]:
    """A block in which only these implementations may be used: it sets the switches in `torch.backends.cuda`.

    With MATH alone attention is the formula; the result is the same, to rounding. AssertionError for anything but
    backends.
    """
    if not isinstance(backends, SDPBackend | list):
        raise AssertionError("Backend must be an instance of SDPBackend or a list of SDPBackend instances")
    chosen = [backends] if isinstance(backends, SDPBackend) else backends
    if not all(isinstance(b, SDPBackend) for b in chosen):
        raise AssertionError("Backend must be an instance of SDPBackend or a list of SDPBackend instances")
    before = {b: getattr(_flags, f"{name}_sdp_enabled")() for b, name in _SWITCHES.items()}
    try:
        for b, name in _SWITCHES.items():
            getattr(_flags, f"enable_{name}_sdp")(b in chosen)
        yield {}
    finally:
        for b, name in _SWITCHES.items():
            getattr(_flags, f"enable_{name}_sdp")(before[b])


def list_flash_attention_impls() -> list[str]:
    """An empty list: XLA compiles the formula itself, there is nothing to choose among."""
    return []


def current_flash_attention_impl() -> str | None:
    """None: no other implementation can be chosen."""
    return None


def restore_flash_attention_impl() -> None:
    """Nothing: the one implementation is always in use."""


def activate_flash_attention_impl(impl: str) -> None:
    """ValueError, as PyTorch raises for an implementation that is not registered."""
    raise ValueError(f"Unknown flash attention impl '{impl}'. Available implementations: []")


_fill(
    globals(), "attention is compiled by XLA; write another one as a function of tensors and call that",
    functions="register_flash_attention_impl",
)  # fmt: skip
