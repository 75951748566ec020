"""torch.nn.attention: which implementation `scaled_dot_product_attention` may use. Here there is one, XLA's."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator

from torchlike.backends import cuda as _flags

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(enum.IntEnum):
    """PyTorch's implementations of `scaled_dot_product_attention`.

    XLA compiles the formula itself, which is what PyTorch calls MATH; the other names can be asked for, and change
    nothing but the switches in `torch.backends.cuda`.
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

    The result of attention is the same whatever is chosen. AssertionError for anything but backends.
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
