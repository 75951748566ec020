"""Dropout layers: random while training, the identity in evaluation."""

from __future__ import annotations

from torchlike.nn import functional as F
from torchlike.nn.modules.module import Module
from torchlike.ops.checks import check
from torchlike.tensor import Tensor

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _Dropout(Module):
    function: str

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        check(0 <= p <= 1, f"dropout probability has to be between 0 and 1, but got {p}", ValueError)
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """p, inplace."""
        return f"p={self.p}, inplace={self.inplace}"

    def forward(self, input: Tensor) -> Tensor:
        """While training the input with some of it zeroed, else the input."""
        return getattr(F, self.function)(input, self.p, self.training, self.inplace)


class Dropout(_Dropout):
    """Zeroes every element with probability `p` and divides the others by 1 - p (https://arxiv.org/abs/1207.0580)."""

    function = "dropout"


class Dropout1d(_Dropout):
    """Zeroes whole channels of (N, C, L) or (C, L)."""

    function = "dropout1d"


class Dropout2d(_Dropout):
    """Zeroes whole channels of (N, C, H, W)."""

    function = "dropout2d"


class Dropout3d(_Dropout):
    """Zeroes whole channels of (N, C, D, H, W)."""

    function = "dropout3d"


class AlphaDropout(_Dropout):
    """Dropout for SELU networks: keeps mean 0 and variance 1 (https://arxiv.org/abs/1706.02515)."""

    function = "alpha_dropout"


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels."""

    function = "feature_alpha_dropout"
