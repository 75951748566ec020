"""The layers of torch.nn that take their number of inputs from the first batch. See `lazy.LazyModuleMixin`."""

from __future__ import annotations

from typing import Any

from torchlike import creation
from torchlike.core import dtype as _dtype
from torchlike.nn.modules import batchnorm, conv
from torchlike.nn.modules.lazy import LazyModuleMixin
from torchlike.nn.modules.linear import Linear
from torchlike.nn.parameter import UninitializedBuffer, UninitializedParameter
from torchlike.ops.checks import check
from torchlike.tensor import Tensor

__all__ = [
    "LazyBatchNorm1d", "LazyBatchNorm2d", "LazyBatchNorm3d", "LazyConv1d", "LazyConv2d", "LazyConv3d",
    "LazyConvTranspose1d", "LazyConvTranspose2d", "LazyConvTranspose3d", "LazyInstanceNorm1d", "LazyInstanceNorm2d",
    "LazyInstanceNorm3d", "LazyLinear",
]  # fmt: skip


class LazyLinear(LazyModuleMixin, Linear):
    """A `Linear` that takes `in_features` from the last dimension of its first input.

    >>> import torchlike as torch
    >>> layer = torch.nn.LazyLinear(30)
    >>> layer(torch.ones(128, 20)).shape, layer.in_features
    (torch.Size([128, 30]), 20)
    """

    cls_to_become = Linear

    def __init__(self, out_features: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, if they have a shape already."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:  # type: ignore[override]
        """Shapes for an input (*, in_features)."""
        if self.has_uninitialized_params():
            weight, bias = _waiting(self)
            self.in_features = input.shape[-1]
            weight.materialize((self.out_features, self.in_features))
            if bias is not None:
                bias.materialize((self.out_features,))
            self.reset_parameters()


def _waiting(layer: Any) -> tuple[Any, Any]:
    return layer.weight, layer.bias


class _LazyConvolution(LazyModuleMixin):
    """What all convolutions share that take `in_channels` from their first input."""

    def reset_parameters(self: Any) -> None:
        """Draw weight and bias anew, if they have a shape already."""
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()  # type: ignore[misc]  # of the convolution

    def initialize_parameters(self: Any, input: Tensor, *args, **kwargs) -> None:
        """Shapes for an input (N, in_channels, *) or (in_channels, *)."""
        if not self.has_uninitialized_params():
            return
        dims = input.dim()
        check(
            dims in (self.n + 1, self.n + 2),
            f"Expected {self.n + 1}D (unbatched) or {self.n + 2}D (batched) input to {type(self).__name__}, but got "
            f"input of size: {input.shape}",
        )
        self.in_channels = input.shape[dims - self.n - 1]
        check(self.in_channels % self.groups == 0, "in_channels must be divisible by groups", ValueError)
        first, second = (
            (self.in_channels, self.out_channels) if self.transposed else (self.out_channels, self.in_channels)
        )
        self.weight.materialize((first, second // self.groups, *self.kernel_size))
        if self.bias is not None:
            self.bias.materialize((self.out_channels,))
        self.reset_parameters()

    def _wait(self: Any, out_channels: int, bias: bool, device, dtype) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)


class _LazyConv(_LazyConvolution, conv._Conv):
    def __init__(
        self, out_channels: int, kernel_size, stride=1, padding=0, dilation=1, groups: int = 1, bias: bool = True,
        padding_mode: str = "zeros", device=None, dtype=None,
    ) -> None:  # fmt: skip
        super().__init__(
            0, 0, kernel_size, stride, padding, dilation, groups, False, padding_mode, device=device, dtype=dtype
        )
        self._wait(out_channels, bias, device, dtype)


class _LazyConvTranspose(_LazyConvolution, conv._ConvTranspose):
    def __init__(
        self, out_channels: int, kernel_size, stride=1, padding=0, output_padding=0, groups: int = 1,
        bias: bool = True, dilation=1, padding_mode: str = "zeros", device=None, dtype=None,
    ) -> None:  # fmt: skip
        super().__init__(
            0, 0, kernel_size, stride, padding, output_padding, groups, False, dilation, padding_mode, device=device,
            dtype=dtype,
        )  # fmt: skip
        self._wait(out_channels, bias, device, dtype)


class LazyConv1d(_LazyConv, conv.Conv1d):
    """A `Conv1d` that takes `in_channels` from its first input."""

    cls_to_become = conv.Conv1d


class LazyConv2d(_LazyConv, conv.Conv2d):
    """A `Conv2d` that takes `in_channels` from its first input.

    >>> import torchlike as torch
    >>> layer = torch.nn.LazyConv2d(6, 5)
    >>> _ = layer(torch.ones(4, 3, 28, 28))
    >>> layer
    Conv2d(3, 6, kernel_size=(5, 5), stride=(1, 1))
    """

    cls_to_become = conv.Conv2d


class LazyConv3d(_LazyConv, conv.Conv3d):
    """A `Conv3d` that takes `in_channels` from its first input."""

    cls_to_become = conv.Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, conv.ConvTranspose1d):
    """A `ConvTranspose1d` that takes `in_channels` from its first input."""

    cls_to_become = conv.ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, conv.ConvTranspose2d):
    """A `ConvTranspose2d` that takes `in_channels` from its first input."""

    cls_to_become = conv.ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, conv.ConvTranspose3d):
    """A `ConvTranspose3d` that takes `in_channels` from its first input."""

    cls_to_become = conv.ConvTranspose3d


class _LazyNorm(LazyModuleMixin, batchnorm._NormBase):
    """What batch and instance normalisation share that take `num_features` from dimension 1 of their first input."""

    def __init__(
        self, eps: float = 1e-5, momentum: float | None = 0.1, affine: bool = True, track_running_stats: bool = True,
        device=None, dtype=None, *, bias: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        where = {"device": device, "dtype": dtype}
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(**where)
            if bias:
                self.bias = UninitializedParameter(**where)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(**where)
            self.running_var = UninitializedBuffer(**where)
            self.num_batches_tracked = creation.tensor(0, dtype=_dtype.int64, device=device)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, running statistics as at first, if they have a shape already."""
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:  # type: ignore[override]
        """Shapes for an input (N, num_features, *)."""
        if self.has_uninitialized_params():
            self.num_features = input.shape[1]
            for name in ("weight", "bias", "running_mean", "running_var"):
                waiting = getattr(self, name)
                if waiting is not None:
                    waiting.materialize((self.num_features,))
            self.reset_parameters()


class LazyBatchNorm1d(_LazyNorm, batchnorm._BatchNorm):
    """A `BatchNorm1d` that takes `num_features` from its first input."""

    cls_to_become = batchnorm.BatchNorm1d
    dims = cls_to_become.dims


class LazyBatchNorm2d(_LazyNorm, batchnorm._BatchNorm):
    """A `BatchNorm2d` that takes `num_features` from its first input.

    >>> import torchlike as torch
    >>> norm = torch.nn.LazyBatchNorm2d()
    >>> _ = norm(torch.ones(2, 3, 4, 4))
    >>> norm.num_features
    3
    """

    cls_to_become = batchnorm.BatchNorm2d
    dims = cls_to_become.dims


class LazyBatchNorm3d(_LazyNorm, batchnorm._BatchNorm):
    """A `BatchNorm3d` that takes `num_features` from its first input."""

    cls_to_become = batchnorm.BatchNorm3d
    dims = cls_to_become.dims


class LazyInstanceNorm1d(_LazyNorm, batchnorm._InstanceNorm):
    """An `InstanceNorm1d` that takes `num_features` from dimension 1 of its first input.

    Unlike `InstanceNorm1d` it has weight, bias and running statistics unless told otherwise.
    """

    cls_to_become = batchnorm.InstanceNorm1d
    dims = cls_to_become.dims


class LazyInstanceNorm2d(_LazyNorm, batchnorm._InstanceNorm):
    """An `InstanceNorm2d` that takes `num_features` from dimension 1 of its first input. See `LazyInstanceNorm1d`."""

    cls_to_become = batchnorm.InstanceNorm2d
    dims = cls_to_become.dims


class LazyInstanceNorm3d(_LazyNorm, batchnorm._InstanceNorm):
    """An `InstanceNorm3d` that takes `num_features` from dimension 1 of its first input. See `LazyInstanceNorm1d`."""

    cls_to_become = batchnorm.InstanceNorm3d
    dims = cls_to_become.dims
