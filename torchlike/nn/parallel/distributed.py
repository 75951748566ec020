"""DistributedDataParallel: a module whose gradients are averaged over the processes, of which there is one."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from torchlike.nn.modules.module import Module


class DistributedDataParallel(Module):
    """Wraps a module, whose names get the prefix `module.`, as in PyTorch.

    It needs a process group (`torch.distributed.init_process_group`), which is of one process here, so that the mean of
    the gradients is the gradient. Arguments about buckets and buffers change nothing then and are kept.

    ValueError without a process group, RuntimeError if no parameter requires a gradient.
    """

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0,
        broadcast_buffers: bool = True, init_sync: bool = True, process_group: Any = None,
        bucket_cap_mb: float | None = None, find_unused_parameters: bool = False, check_reduction: bool = False,
        gradient_as_bucket_view: bool = False, static_graph: bool = False, delay_all_reduce_named_params: Any = None,
        param_to_hook_all_reduce: Any = None, mixed_precision: Any = None, device_mesh: Any = None,
        skip_all_reduce_unused_params: bool = False,
    ):  # fmt: skip
        super().__init__()
        from torchlike.distributed.distributed_c10d import _get_default_group

        if mixed_precision is not None:
            raise NotImplementedError("DistributedDataParallel(mixed_precision=...): use torch.autocast")
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError("DistributedDataParallel is not needed when a module doesn't have any parameter that "
                               "requires a gradient.")  # fmt: skip
        if device_ids is not None and len(device_ids) > 1:
            raise ValueError("device_ids can only be None or contain a single element.")
        self.process_group = process_group or _get_default_group()
        self.module = module
        self.device_ids, self.output_device, self.dim = device_ids, output_device, dim
        self.broadcast_buffers = broadcast_buffers
        self.find_unused_parameters = find_unused_parameters
        self.gradient_as_bucket_view = gradient_as_bucket_view
        self.static_graph = static_graph
        self.device = next(iter(module.parameters())).device
        self.require_backward_grad_sync = True

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """The module's."""
        return self.module(*inputs, **kwargs)

    @contextlib.contextmanager
    def no_sync(self):
        """A block whose gradients are only added up: they always are."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    @contextlib.contextmanager
    def join(self, divide_by_initial_world_size: bool = True, enable: bool = True,
             throw_on_early_termination: bool = False):  # fmt: skip
        """A block with inputs of different number in each process: there is one."""
        yield

    def register_comm_hook(self, state: object, hook: Callable) -> None:
        """Raises: no gradients travel."""
        raise NotImplementedError(
            "DistributedDataParallel.register_comm_hook(): no gradients travel in a group of one process; change them "
            "with Tensor.register_hook"
        )

    def _set_static_graph(self) -> None:
        self.static_graph = True
