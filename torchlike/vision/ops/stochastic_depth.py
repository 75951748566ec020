"""Stochastic depth: residual branches left out at random while training."""

from __future__ import annotations

import torchlike as torch
from torchlike import nn
from torchlike.tensor import Tensor

__all__ = ["StochasticDepth", "stochastic_depth"]


def stochastic_depth(input: Tensor, p: float, mode: str, training: bool = True) -> Tensor:
    """Zero the input with probability `p` and divide it by 1 - p otherwise (https://arxiv.org/abs/1603.09382).

    Args:
        mode: "row" decides for each sample (along the first dimension), "batch" for all at once.
        training: without it the input is returned.

    >>> import torchlike as torch
    >>> from torchlike.vision.ops import stochastic_depth
    >>> stochastic_depth(torch.ones(2), 1.0, "batch")
    tensor([0., 0.])
    """
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}")
    if mode not in ("batch", "row"):
        raise ValueError(f"mode has to be either 'batch' or 'row', but got {mode}")
    if not training or p == 0.0:
        return input
    survival = 1.0 - p
    size = [input.shape[0] if mode == "row" else 1] + [1] * (input.ndim - 1)
    noise = torch.empty(size, dtype=input.dtype, device=input.device).bernoulli_(survival)
    return input * (noise / survival if survival > 0.0 else noise)


class StochasticDepth(nn.Module):
    """`stochastic_depth` as a layer: active while training."""

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, input: Tensor) -> Tensor:
        """The input, with some or all of it zeroed."""
        return stochastic_depth(input, self.p, self.mode, self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, mode={self.mode})"
