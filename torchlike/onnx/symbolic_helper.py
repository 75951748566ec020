"""torch.onnx.symbolic_helper: decorators for symbolic functions, which nothing calls here; see torch.onnx."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchlike import absent as _absent

_absent.fill(
    globals(), "nothing is exported to ONNX here",
    functions="_get_tensor_sizes _is_constant _maybe_get_const _get_const _unsqueeze_helper _squeeze_helper "
    "_get_tensor_rank _is_none _parse_arg _unimplemented _slice_helper _interpolate_helper",
)  # fmt: skip


def parse_args(*arg_descriptors: str) -> Callable:
    """The function as it is."""
    return lambda fn: fn


def quantized_args(*arg_q_descriptors: bool, **kwargs: Any) -> Callable:
    """The function as it is."""
    return lambda fn: fn
