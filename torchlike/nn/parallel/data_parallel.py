"""DataParallel: a module under the name `module`; it runs where its parameters are."""

from __future__ import annotations

from typing import Any

from torchlike.nn.modules.module import Module

_WAY = "use one device, or shard the batch with jax.sharding (a module is a pure function under jax.jit)"


class DataParallel(Module):
    """Wraps a module, whose names get the prefix `module.`, as in PyTorch; the whole batch goes to one device.

    Args:
        module: the module.
        device_ids: None or one device: NotImplementedError for more.
        output_device, dim: of splitting; not needed for one device.
    """

    def __init__(self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0):
        super().__init__()
        if device_ids is not None and len(device_ids) > 1:
            raise NotImplementedError(f"DataParallel(device_ids={list(device_ids)}): {_WAY}")
        self.module = module
        self.device_ids = list(device_ids or [])
        self.output_device = output_device
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """The module's."""
        return self.module(*inputs, **kwargs)


def data_parallel(module: Module, inputs: Any, device_ids: Any = None, output_device: Any = None, dim: int = 0,
                  module_kwargs: Any = None) -> Any:  # fmt: skip
    """`module(*inputs)` on one device; NotImplementedError for more."""
    if device_ids is not None and len(device_ids) > 1:
        raise NotImplementedError(f"data_parallel(device_ids={list(device_ids)}): {_WAY}")
    return module(*(inputs if isinstance(inputs, tuple) else (inputs,)), **(module_kwargs or {}))
