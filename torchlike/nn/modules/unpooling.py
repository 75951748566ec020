"""Less common pooling layers: back to the places, windows of random size, power means."""

from __future__ import annotations

from typing import Any

from torchlike.nn import functional as F
from torchlike.nn.modules.conv import tuple_of
from torchlike.nn.modules.module import Module
from torchlike.ops.checks import check
from torchlike.tensor import Tensor

__all__ = [
    "FractionalMaxPool2d", "FractionalMaxPool3d", "LPPool1d", "LPPool2d", "LPPool3d", "MaxUnpool1d", "MaxUnpool2d",
    "MaxUnpool3d",
]  # fmt: skip


class _MaxUnpool(Module):
    n: int

    def __init__(self, kernel_size, stride=None, padding=0) -> None:
        super().__init__()
        self.kernel_size = tuple_of(kernel_size, self.n)
        self.stride = tuple_of(stride if stride is not None else kernel_size, self.n)
        self.padding = tuple_of(padding, self.n)

    def forward(self, input: Tensor, indices: Tensor, output_size=None) -> Tensor:
        """Zeros with the input's values at `indices`."""
        unpool = getattr(F, f"max_unpool{self.n}d")
        return unpool(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        """kernel_size, stride, padding."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Puts the maxima of `MaxPool1d` back to their places, zeros elsewhere."""

    n = 1


class MaxUnpool2d(_MaxUnpool):
    """Puts the maxima of `MaxPool2d` back to their places, zeros elsewhere.

    >>> import torchlike as torch
    >>> x, at = torch.nn.MaxPool2d(2, return_indices=True)(torch.tensor([[[[1., 2.], [4., 3.]]]]))
    >>> torch.nn.MaxUnpool2d(2)(x, at)
    tensor([[[[0., 0.],
              [4., 0.]]]])
    """

    n = 2


class MaxUnpool3d(_MaxUnpool):
    """Puts the maxima of `MaxPool3d` back to their places, zeros elsewhere."""

    n = 3


class _FractionalMaxPool(Module):
    n: int

    def __init__(
        self, kernel_size, output_size=None, output_ratio=None, return_indices: bool = False, _random_samples=None
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.kernel_size = tuple_of(kernel_size, self.n)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size: Any = None if output_size is None else tuple_of(output_size, self.n)
        self.output_ratio: Any = None if output_ratio is None else tuple_of(output_ratio, self.n)
        check(
            output_size is not None or output_ratio is not None,
            f"{name} requires specifying either an output size, or a pooling ratio",
            ValueError,
        )
        check(
            output_size is None or output_ratio is None,
            f"only one of output_size and output_ratio may be specified in {name}",
            ValueError,
        )
        check(
            self.output_ratio is None or all(0 < r < 1 for r in self.output_ratio),
            f"output_ratio must be between 0 and 1 (got {output_ratio})",
            ValueError,
        )

    def forward(self, input: Tensor):
        """The largest values, with `return_indices` also where they stand."""
        pool = getattr(F, f"fractional_max_pool{self.n}d")
        return pool(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples
        )


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest values of windows of (N, C, H, W) whose steps are drawn (https://arxiv.org/abs/1412.6071)."""

    n = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """The largest values of windows of (N, C, D, H, W) whose steps are drawn (https://arxiv.org/abs/1412.6071)."""

    n = 3


class _LPPool(Module):
    n: int

    def __init__(self, norm_type: float, kernel_size, stride=None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Tensor) -> Tensor:
        """The p-norms of the windows."""
        pool = getattr(F, f"lp_pool{self.n}d")
        return pool(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        """All options."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """(Σ x^p)^(1/p) of every window of (N, C, L), p = `norm_type`."""

    n = 1


class LPPool2d(_LPPool):
    """(Σ x^p)^(1/p) of every window of (N, C, H, W), p = `norm_type`."""

    n = 2


class LPPool3d(_LPPool):
    """(Σ x^p)^(1/p) of every window of (N, C, D, H, W), p = `norm_type`."""

    n = 3
