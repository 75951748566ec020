"""Convolutional layers."""

from __future__ import annotations

import math
import types
from typing import Any

from torchlike import creation
from torchlike.nn import functional as F
from torchlike.nn import init
from torchlike.nn.modules.module import Module
from torchlike.nn.parameter import Parameter
from torchlike.ops.checks import check
from torchlike.tensor import Tensor

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


def tuple_of(value, n: int) -> tuple:
    """`n` numbers, given once or one by one."""
    return tuple(value) if isinstance(value, tuple | list) else (value,) * n


class _ConvNd(Module):
    """What all convolutions have: sizes, a weight, perhaps a bias, both uniform in ±1 / sqrt(fan_in) at first."""

    n: int  # spatial dimensions
    bias: Tensor | None

    def __init_subclass__(cls) -> None:
        """Each public class has a constructor of its own name, which Python's errors about arguments show."""
        if "n" in vars(cls):
            shared: Any = cls.__init__
            cls.__init__ = types.FunctionType(  # type: ignore[method-assign]
                shared.__code__, shared.__globals__, "__init__", shared.__defaults__, shared.__closure__
            )
            cls.__init__.__qualname__ = f"{cls.__name__}.__init__"

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size, stride, padding, dilation, transposed: bool,
        output_padding, groups: int, bias: bool, padding_mode: str, device=None, dtype=None,
    ) -> None:  # fmt: skip
        super().__init__()
        check(groups > 0, "groups must be a positive integer", ValueError)
        check(in_channels % groups == 0, "in_channels must be divisible by groups", ValueError)
        check(out_channels % groups == 0, "out_channels must be divisible by groups", ValueError)
        kernel_size, stride, dilation = (tuple_of(v, self.n) for v in (kernel_size, stride, dilation))
        if isinstance(padding, str):
            check(
                padding in ("same", "valid"),
                f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}",
                ValueError,
            )
            check(
                padding == "valid" or all(s == 1 for s in stride),
                "padding='same' is not supported for strided convolutions",
                ValueError,
            )
        else:
            padding = tuple_of(padding, self.n)
        modes = ("reflect", "replicate", "zeros", "circular")
        check(
            padding_mode in modes,
            f"padding_mode must be one of {{{', '.join(map(repr, modes))}}}, but got padding_mode={padding_mode!r}",
            ValueError,
        )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        if padding == "same":
            totals = [d * (k - 1) for k, d in zip(kernel_size, dilation, strict=True)]
            pairs = [(t // 2, t - t // 2) for t in totals]
        else:
            pairs = [(0, 0)] * self.n if padding == "valid" else [(p, p) for p in padding]
        # as F.pad takes it: the last dimension first
        self._reversed_padding_repeated_twice = [p for pair in reversed(pairs) for p in pair]
        first, second = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        self.weight = Parameter(
            creation.empty((first, second // groups, *kernel_size), device=device, dtype=dtype)
        )
        if bias:
            self.bias = Parameter(creation.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        # without inputs there is no bound for the bias, and its values stay
        init._layer_defaults(self.weight, self.bias if math.prod(self.weight.shape[1:]) else None)

    def extra_repr(self) -> str:
        """The sizes, and what differs from the defaults."""
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        zeros = (0,) * self.n
        parts += [f"padding={self.padding}"] if self.padding != zeros else []
        parts += [f"dilation={self.dilation}"] if self.dilation != (1,) * self.n else []
        parts += [f"output_padding={self.output_padding}"] if self.output_padding != zeros else []
        parts += [f"groups={self.groups}"] if self.groups != 1 else []
        parts += ["bias=False"] if self.bias is None else []
        parts += [f"padding_mode={self.padding_mode}"] if self.padding_mode != "zeros" else []
        return ", ".join(parts)


class _Conv(_ConvNd):
    function: str  # in nn.functional

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size, stride=1, padding=0, dilation=1, groups: int = 1,
        bias: bool = True, padding_mode: str = "zeros", device=None, dtype=None,
    ) -> None:  # fmt: skip
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, False, (0,) * self.n, groups, bias,
            padding_mode, device, dtype,
        )  # fmt: skip

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = (0,) * self.n
        convolve = getattr(F, self.function)
        return convolve(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        """The convolution with this layer's weight and bias."""
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Conv):
    """Cross-correlation over (N, in_channels, L) or (in_channels, L).

    `weight` is (out_channels, in_channels / groups, k). `padding` is a number, "same" or "valid"; `padding_mode` says
    what stands in it: zeros, reflect, replicate or circular. Its body is flax.linen.Conv.
    """

    n = 1
    function = "conv1d"


class Conv2d(_Conv):
    """Cross-correlation over (N, in_channels, H, W) or (in_channels, H, W); gives (N, out_channels, H', W').

    `weight` is (out_channels, in_channels / groups, kH, kW). H' = (H + 2 · padding - dilation · (kH - 1) - 1) // stride
    + 1. `padding` is a number, one for each dimension, "same" or "valid"; `padding_mode` says what stands in it. Its
    body is flax.linen.Conv.

    >>> import torchlike as torch
    >>> conv = torch.nn.Conv2d(1, 6, 5)
    >>> conv
    Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
    >>> conv(torch.ones(4, 1, 28, 28)).shape
    torch.Size([4, 6, 24, 24])
    """

    n = 2
    function = "conv2d"


class Conv3d(_Conv):
    """Cross-correlation over (N, in_channels, D, H, W) or (in_channels, D, H, W). See `Conv2d`.

    Its body is flax.linen.Conv.
    """

    n = 3
    function = "conv3d"


class _ConvTranspose(_ConvNd):
    function: str

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size, stride=1, padding=0, output_padding=0,
        groups: int = 1, bias: bool = True, dilation=1, padding_mode: str = "zeros", device=None, dtype=None,
    ) -> None:  # fmt: skip
        check(
            padding_mode == "zeros",
            f'Only "zeros" padding mode is supported for {type(self).__name__}',
            ValueError,
        )
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, True, tuple_of(output_padding, self.n),
            groups, bias, padding_mode, device, dtype,
        )  # fmt: skip

    def _output_padding(self, input: Tensor, output_size) -> tuple:
        """What has to be added at the ends to get the sizes asked for."""
        if output_size is None:
            return self.output_padding
        size = output_size
        spatial = input.size()[input.dim() - self.n :]
        if len(size) == input.dim():
            size = size[input.dim() - self.n :]
        check(
            len(size) == self.n,
            f"ConvTranspose{self.n}D: for {input.dim()}D input, output_size must have {self.n} or {input.dim()} "
            f"elements (got {len(size)})",
            ValueError,
        )
        least = [
            (i - 1) * s - 2 * p + d * (k - 1) + 1
            for i, s, p, d, k in zip(spatial, self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        ]
        most = [m + s - 1 for m, s in zip(least, self.stride, strict=True)]
        check(
            all(lo <= o <= hi for o, lo, hi in zip(size, least, most, strict=True)),
            f"requested an output size of {size}, but valid sizes range from {least} to {most} (for an input of "
            f"{spatial})",
            ValueError,
        )
        return tuple(o - m for o, m in zip(size, least, strict=True))

    def forward(self, input: Tensor, output_size=None) -> Tensor:
        """The transposed convolution; `output_size` decides among the sizes that are possible with a stride."""
        convolve = getattr(F, self.function)
        extra = self._output_padding(input, output_size)
        return convolve(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose1d(_ConvTranspose):
    """The gradient of `Conv1d` towards its input, as a layer. See `ConvTranspose2d`.

    Its body is flax.linen.Conv.
    """

    n = 1
    function = "conv_transpose1d"


class ConvTranspose2d(_ConvTranspose):
    """The gradient of `Conv2d` towards its input, as a layer: with a stride it makes images larger.

    `weight` is (in_channels, out_channels / groups, kH, kW).
    H' = (H - 1) · stride - 2 · padding + dilation · (kH - 1) + output_padding + 1.
    Its body is flax.linen.Conv on the input spread out by the stride: flax.linen.ConvTranspose knows no groups.
    """

    n = 2
    function = "conv_transpose2d"


class ConvTranspose3d(_ConvTranspose):
    """The gradient of `Conv3d` towards its input, as a layer. See `ConvTranspose2d`.

    Its body is flax.linen.Conv.
    """

    n = 3
    function = "conv_transpose3d"
