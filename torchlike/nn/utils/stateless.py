"""torch.nn.utils.stateless: the older place of `torch.func.functional_call`."""

from __future__ import annotations

import warnings
from typing import Any

from torchlike.nn.modules.module import Module
from torchlike.tensor import Tensor

__all__ = ["functional_call"]


def functional_call(
    module: Module, parameters_and_buffers: dict[str, Tensor], args: Any = None, kwargs: dict[str, Any] | None = None,
    *, tie_weights: bool = True, strict: bool = False,
) -> Any:  # fmt: skip
    """`torch.func.functional_call`, with PyTorch's warning to call that one."""
    from torchlike.func.state import functional_call as call  # here, not above: torchlike.func is made after torch.nn

    warnings.warn(
        "`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 and will be removed in a future "
        "version of PyTorch. Please use `torch.func.functional_call` instead which is a drop-in replacement.",
        FutureWarning, stacklevel=2,
    )  # fmt: skip
    return call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)
