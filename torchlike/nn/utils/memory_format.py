"""The order in memory of the weights of convolutions."""

from __future__ import annotations

from typing import Any

from torchlike.nn.modules import conv
from torchlike.nn.modules.module import Module


def _convert(module: Any, kinds: Any, memory_format: Any) -> Any:
    for layer in module.modules():
        if isinstance(layer, kinds):
            layer.weight.data = layer.weight.detach().contiguous(memory_format=memory_format)
    return module


def convert_conv2d_weight_memory_format(module: Module, memory_format: Any) -> Module:
    """Lay out the weights of every `Conv2d` and `ConvTranspose2d` in the module; returns the module.

    Strides say so afterwards. XLA chooses the order that it computes in by itself.
    """
    return _convert(module, (conv.Conv2d, conv.ConvTranspose2d), memory_format)


def convert_conv3d_weight_memory_format(module: Module, memory_format: Any) -> Module:
    """Lay out the weights of every `Conv3d` and `ConvTranspose3d` in the module; returns the module."""
    return _convert(module, (conv.Conv3d, conv.ConvTranspose3d), memory_format)
