"""torch.distributed.utils: what wrappers of modules use."""

from __future__ import annotations

from typing import Any


def _sync_module_states(module: Any, process_group: Any, *args: Any, **kwargs: Any) -> None:
    """Parameters and buffers of process 0 in all processes: they are there."""


def _verify_param_shape_across_processes(process_group: Any, tensors: Any, logger: Any = None) -> None:
    """Whether all processes have parameters of the same shapes: one does."""
