"""Pooling layers."""

from __future__ import annotations

from torchlike.nn import functional as F
from torchlike.nn.modules.module import Module
from torchlike.tensor import Tensor

__all__ = [
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d", "AvgPool2d", "AvgPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d",
]  # fmt: skip


class _MaxPool(Module):
    """The largest value of every window. `stride` is the kernel size unless given."""

    function: str

    def __init__(
        self, kernel_size, stride=None, padding=0, dilation=1, return_indices: bool = False, ceil_mode: bool = False
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        """All options but return_indices."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"ceil_mode={self.ceil_mode}"
        )

    def forward(self, input: Tensor):
        """The largest values, with `return_indices` also where they stand."""
        pool = getattr(F, self.function)
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class MaxPool1d(_MaxPool):
    """The largest value of every window of (N, C, L) or (C, L)."""

    function = "max_pool1d"


class MaxPool2d(_MaxPool):
    """The largest value of every window of (N, C, H, W) or (C, H, W).

    H' = (H + 2 · padding - dilation · (kernel_size - 1) - 1) // stride + 1, rounded up with `ceil_mode`. The gradient
    goes to the first of several largest values.

    >>> import torchlike as torch
    >>> torch.nn.MaxPool2d(2)(torch.ones(1, 6, 24, 24)).shape
    torch.Size([1, 6, 12, 12])
    """

    function = "max_pool2d"


class MaxPool3d(_MaxPool):
    """The largest value of every window of (N, C, D, H, W) or (C, D, H, W)."""

    function = "max_pool3d"


class AvgPool1d(Module):
    """The mean of every window of (N, C, L) or (C, L)."""

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode: bool = False, count_include_pad: bool = True
    ) -> None:
        super().__init__()
        as_tuple = lambda v: tuple(v) if isinstance(v, tuple | list) else (v,)  # noqa: E731
        self.kernel_size = as_tuple(kernel_size)
        self.stride = as_tuple(stride if stride is not None else kernel_size)
        self.padding = as_tuple(padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def extra_repr(self) -> str:
        """kernel_size, stride, padding."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )


class AvgPool2d(Module):
    """The mean of every window of (N, C, H, W) or (C, H, W).

    Padding counts unless `count_include_pad` is False; `divisor_override` replaces the number to divide by.
    """

    function = "avg_pool2d"

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode: bool = False, count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    extra_repr = AvgPool1d.extra_repr

    def forward(self, input: Tensor) -> Tensor:
        """The means."""
        pool = getattr(F, self.function)
        return pool(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
            self.divisor_override,
        )  # fmt: skip


class AvgPool3d(AvgPool2d):
    """The mean of every window of (N, C, D, H, W) or (C, D, H, W)."""

    function = "avg_pool3d"


class _Adaptive(Module):
    """Pooling to a given output size."""

    function: str

    def __init__(self, output_size) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        """output_size."""
        return f"output_size={self.output_size}"

    def forward(self, input: Tensor) -> Tensor:
        """The means of windows that cover the input."""
        return getattr(F, self.function)(input, self.output_size)


class AdaptiveAvgPool1d(_Adaptive):
    """Means over `output_size` windows that cover (N, C, L)."""

    function = "adaptive_avg_pool1d"


class AdaptiveAvgPool2d(_Adaptive):
    """Means over `output_size` (H', W') windows that cover (N, C, H, W); one number is a square, None keeps a size."""

    function = "adaptive_avg_pool2d"


class AdaptiveAvgPool3d(_Adaptive):
    """Means over `output_size` windows that cover (N, C, D, H, W)."""

    function = "adaptive_avg_pool3d"


class _AdaptiveMax(_Adaptive):
    def __init__(self, output_size, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor):
        """The largest values of windows that cover the input, with `return_indices` also where they stand."""
        return getattr(F, self.function)(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMax):
    """The largest values of `output_size` windows that cover (N, C, L)."""

    function = "adaptive_max_pool1d"


class AdaptiveMaxPool2d(_AdaptiveMax):
    """The largest values of `output_size` (H', W') windows that cover (N, C, H, W)."""

    function = "adaptive_max_pool2d"


class AdaptiveMaxPool3d(_AdaptiveMax):
    """The largest values of `output_size` windows that cover (N, C, D, H, W)."""

    function = "adaptive_max_pool3d"
