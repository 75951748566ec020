"""Layers that several vision models are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torchlike as torch
from torchlike import nn
from torchlike.tensor import Tensor

__all__ = ["Conv2dNormActivation", "Conv3dNormActivation", "FrozenBatchNorm2d", "MLP", "Permute", "SqueezeExcitation"]


class FrozenBatchNorm2d(nn.Module):
    """Batch normalisation with fixed statistics, weight and bias: all four are buffers, nothing is trained.

    (N, C, H, W) gives the same shape. Its state_dict has no `num_batches_tracked`; one that has is read all the same.

    >>> import torchlike as torch
    >>> from torchlike.vision.ops import FrozenBatchNorm2d
    >>> FrozenBatchNorm2d(3)
    FrozenBatchNorm2d(3, eps=1e-05)
    """

    weight: Tensor
    bias: Tensor
    running_mean: Tensor
    running_var: Tensor

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", torch.ones(num_features))
        self.register_buffer("bias", torch.zeros(num_features))
        self.register_buffer("running_mean", torch.zeros(num_features))
        self.register_buffer("running_var", torch.ones(num_features))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest: Any) -> None:
        state_dict.pop(f"{prefix}num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def forward(self, x: Tensor) -> Tensor:
        """The input times one number for each channel, plus one number for each channel."""
        columns = (b.reshape(1, -1, 1, 1) for b in (self.weight, self.bias, self.running_var, self.running_mean))
        weight, bias, var, mean = columns
        scale = weight * (var + self.eps).rsqrt()
        return x * scale + (bias - mean * scale)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.weight.shape[0]}, eps={self.eps})"


class _ConvNormActivation(nn.Sequential):
    convolution: type[nn.Module]
    default_norm: type[nn.Module]
    n: int

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: Any = 3, stride: Any = 1, padding: Any = None,
        groups: int = 1, norm_layer: Callable[..., nn.Module] | None = nn.BatchNorm2d,
        activation_layer: Callable[..., nn.Module] | None = nn.ReLU, dilation: Any = 1, inplace: bool | None = True,
        bias: bool | None = None,
    ) -> None:  # fmt: skip
        if norm_layer is nn.BatchNorm2d:
            norm_layer = self.default_norm
        if padding is None:
            if isinstance(kernel_size, int) and isinstance(dilation, int):
                padding = (kernel_size - 1) // 2 * dilation
            else:
                kernels = (kernel_size,) * self.n if isinstance(kernel_size, int) else kernel_size
                dilations = (dilation,) * self.n if isinstance(dilation, int) else dilation
                padding = tuple((k - 1) // 2 * d for k, d in zip(kernels, dilations, strict=True))
        layers: list[nn.Module] = [
            self.convolution(
                in_channels, out_channels, kernel_size, stride, padding, dilation=dilation, groups=groups,
                bias=norm_layer is None if bias is None else bias,
            )
        ]  # fmt: skip
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer(**({} if inplace is None else {"inplace": inplace})))
        super().__init__(*layers)
        self.out_channels = out_channels


class Conv2dNormActivation(_ConvNormActivation):
    """A convolution, a normalisation, an activation, one after the other; the last two may be None.

    `padding` keeps the size (at stride 1) unless given; there is a bias where there is no normalisation, unless said.

    >>> from torchlike.vision.ops import Conv2dNormActivation
    >>> len(Conv2dNormActivation(3, 8, activation_layer=None))
    2
    """

    convolution, default_norm, n = nn.Conv2d, nn.BatchNorm2d, 2


class Conv3dNormActivation(_ConvNormActivation):
    """`Conv2dNormActivation` in three dimensions."""

    convolution, default_norm, n = nn.Conv3d, nn.BatchNorm3d, 3


class SqueezeExcitation(nn.Module):
    """Each channel times a number in 0 ... 1 computed from the means of all channels (https://arxiv.org/abs/1709.01507).

    (N, input_channels, H, W) gives the same shape.
    """

    def __init__(
        self, input_channels: int, squeeze_channels: int, activation: Callable[..., nn.Module] = nn.ReLU,
        scale_activation: Callable[..., nn.Module] = nn.Sigmoid,
    ) -> None:  # fmt: skip
        super().__init__()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1)
        self.activation = activation()
        self.scale_activation = scale_activation()

    def forward(self, input: Tensor) -> Tensor:
        """The input, its channels scaled."""
        inner = self.activation(self.fc1(self.avgpool(input)))
        return self.scale_activation(self.fc2(inner)) * input


class MLP(nn.Sequential):
    """Linear layers of the sizes `hidden_channels`, each but the last with an activation, all with dropout.

    >>> from torchlike.vision.ops import MLP
    >>> [type(layer).__name__ for layer in MLP(2, [4, 1])]
    ['Linear', 'ReLU', 'Dropout', 'Linear', 'Dropout']
    """

    def __init__(
        self, in_channels: int, hidden_channels: Sequence[int], norm_layer: Callable[..., nn.Module] | None = None,
        activation_layer: Callable[..., nn.Module] | None = nn.ReLU, inplace: bool | None = None, bias: bool = True,
        dropout: float = 0.0,
    ) -> None:  # fmt: skip
        option: dict = {} if inplace is None else {"inplace": inplace}
        layers: list[nn.Module] = []
        for size in hidden_channels[:-1]:
            layers.append(nn.Linear(in_channels, size, bias=bias))
            if norm_layer is not None:
                layers.append(norm_layer(size))
            if activation_layer is not None:
                layers.append(activation_layer(**option))
            layers.append(nn.Dropout(dropout, **option))
            in_channels = size
        layers += [nn.Linear(in_channels, hidden_channels[-1], bias=bias), nn.Dropout(dropout, **option)]
        super().__init__(*layers)


class Permute(nn.Module):
    """`x.permute(dims)` as a layer."""

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        self.dims = list(dims)

    def forward(self, x: Tensor) -> Tensor:
        """The dimensions in the new order."""
        return x.permute(self.dims)
