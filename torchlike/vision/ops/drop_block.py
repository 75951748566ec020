"""DropBlock: dropout of whole regions."""

from __future__ import annotations

from typing import Any

import torchlike as torch
from torchlike import nn
from torchlike.nn import functional as F
from torchlike.tensor import Tensor

__all__ = ["DropBlock2d", "drop_block2d"]


def drop_block2d(
    input: Tensor, p: float, block_size: int, inplace: bool = False, eps: float = 1e-6, training: bool = True
) -> Tensor:
    """Zero squares of `block_size` so that about the share `p` is zero (https://arxiv.org/abs/1810.12890).

    (N, C, H, W) gives the same shape; what stays is scaled so that the sum of the mask is that of no mask.
    """
    if p < 0.0 or p > 1.0:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}.")
    if input.ndim != 4:
        raise ValueError(f"input should be 4 dimensional. Got {input.ndim} dimensions.")
    if not training or p == 0.0:
        return input
    n, c, h, w = input.size()
    block = min(block_size, w, h)
    gamma = (p * h * w) / ((block**2) * ((h - block + 1) * (w - block + 1)))
    shape = (n, c, h - block + 1, w - block + 1)
    noise = torch.empty(shape, dtype=input.dtype, device=input.device).bernoulli_(gamma)
    noise = F.pad(noise, [block // 2] * 4, value=0)
    noise = 1 - F.max_pool2d(noise, kernel_size=(block, block), stride=(1, 1), padding=block // 2)
    scale = noise.numel() / (eps + noise.sum())
    return input.mul_(noise).mul_(scale) if inplace else input * noise * scale


class DropBlock2d(nn.Module):
    """`drop_block2d` as a layer: active while training."""

    def __init__(self, p: float, block_size: int, inplace: bool = False, eps: float = 1e-6) -> None:
        super().__init__()
        self.p = p
        self.block_size = block_size
        self.inplace = inplace
        self.eps = eps

    def forward(self, input: Tensor) -> Tensor:
        """The input, with squares zeroed."""
        return drop_block2d(input, self.p, self.block_size, self.inplace, self.eps, self.training)

    def __repr__(self) -> Any:
        return f"{type(self).__name__}(p={self.p}, block_size={self.block_size}, inplace={self.inplace})"
