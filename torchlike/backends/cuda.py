"""torch.backends.cuda: the flags of cuBLAS and of attention kernels.

`matmul.allow_tf32` is honoured (it is `torch.set_float32_matmul_precision`). Of attention's kernels there is one,
cuDNN's, for halves on an NVIDIA GPU (`torchlike/ops/cudnn_attention.py`): it may be used while the switch of at least
one of PyTorch's kernels is on, "flash", "mem_efficient" or "cudnn". XLA accumulates in float32 and plans its own
transforms, so the other flags are kept and change nothing.
"""

from __future__ import annotations

import contextlib
from typing import Any

from torchlike.core import precision as _precision


def is_built() -> bool:
    """Whether JAX sees an NVIDIA GPU: its support comes with the installed jaxlib."""
    from torchlike.core.device import available

    return available("cuda") > 0


class _Matmul:
    """Flags of matrix products."""

    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True
    allow_fp16_accumulation = False
    fp32_precision = "none"

    @property
    def allow_tf32(self) -> bool:
        """Whether products on a GPU may use TF32."""
        return _precision.matmul() != "highest"

    @allow_tf32.setter
    def allow_tf32(self, on: bool) -> None:
        _precision.set_matmul("high" if on else "highest")


matmul = _Matmul()


class _PlanCache:
    """XLA plans transforms when it compiles: there is no cache of plans."""

    size = 0
    max_size = 0

    def clear(self) -> None:
        """Nothing to do."""

    def __getitem__(self, device: Any) -> _PlanCache:
        return self


cufft_plan_cache = _PlanCache()
_kernels = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def flash_sdp_enabled() -> bool:
    """What `enable_flash_sdp` was given."""
    return _kernels["flash"]


def enable_flash_sdp(enabled: bool) -> None:
    """Whether attention may be one kernel, unless another switch allows it (see above)."""
    _kernels["flash"] = bool(enabled)


def mem_efficient_sdp_enabled() -> bool:
    """What `enable_mem_efficient_sdp` was given."""
    return _kernels["mem_efficient"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Whether attention may be one kernel, unless another switch allows it (see above)."""
    _kernels["mem_efficient"] = bool(enabled)


def math_sdp_enabled() -> bool:
    """What `enable_math_sdp` was given."""
    return _kernels["math"]


def enable_math_sdp(enabled: bool) -> None:
    """Kept: the formula takes every use that the kernel does not."""
    _kernels["math"] = bool(enabled)


def cudnn_sdp_enabled() -> bool:
    """What `enable_cudnn_sdp` was given."""
    return _kernels["cudnn"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Whether attention may be one kernel, unless another switch allows it (see above)."""
    _kernels["cudnn"] = bool(enabled)


def fused_sdp_enabled() -> bool:
    """Whether attention may be one kernel."""
    return _kernels["flash"] or _kernels["mem_efficient"] or _kernels["cudnn"]


def is_flash_attention_available() -> bool:
    """False: PyTorch's kernel is not here."""
    return False


class SDPAParams:
    """The arguments of attention, for `can_use_flash_attention` and its kind."""

    def __init__(
        self, query: Any, key: Any, value: Any, attn_mask: Any, dropout: float, is_causal: bool, enable_gqa: bool
    ):
        self.query, self.key, self.value = query, key, value
        self.attn_mask, self.dropout, self.is_causal, self.enable_gqa = attn_mask, dropout, is_causal, enable_gqa


def can_use_flash_attention(params: SDPAParams, debug: bool = False) -> bool:
    """False: PyTorch's kernel is not here."""
    return False


def can_use_efficient_attention(params: SDPAParams, debug: bool = False) -> bool:
    """False: PyTorch's kernel is not here."""
    return False


def can_use_cudnn_attention(params: SDPAParams, debug: bool = False) -> bool:
    """Whether attention of these tensors is one kernel, as it is for most halves on an NVIDIA GPU."""
    from torchlike.core import platform
    from torchlike.ops import cudnn_attention

    tensors = (params.query, params.key, params.value, params.attn_mask)
    query, key, value, mask = (None if x is None else x._aval().struct for x in tensors)
    with platform.tracing(params.query.device):
        return (
            fused_sdp_enabled() and not params.dropout
            and cudnn_attention.chosen(query, key, value, mask, params.is_causal, 1.0)
        )  # fmt: skip


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True, enable_cudnn: bool = True
):
    """A block with other flags for attention (see torch.nn.attention.sdpa_kernel)."""
    before = dict(_kernels)
    _kernels.update(flash=enable_flash, math=enable_math, mem_efficient=enable_mem_efficient, cudnn=enable_cudnn)
    try:
        yield {}
    finally:
        _kernels.update(before)


_linalg = ["default"]


def preferred_linalg_library(backend: str | None = None) -> str:
    """Kept: XLA chooses its own library."""
    if backend is not None:
        _linalg[0] = backend
    return _linalg[0]


_blas = ["default"]


def preferred_blas_library(backend: str | None = None) -> str:
    """Kept: XLA chooses its own library."""
    if backend is not None:
        _blas[0] = backend
    return _blas[0]
