"""MobileNetV3 (https://arxiv.org/abs/1905.02244)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torchlike as torch
from torchlike import nn
from torchlike.tensor import Tensor
from torchlike.vision.models.builders import builder, init_convolutional, make_divisible
from torchlike.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation

__all__ = ["MobileNetV3", "mobilenet_v3_large", "mobilenet_v3_small"]


class InvertedResidualConfig:
    """One row of the paper's tables 1 and 2; `activation` is "RE" (ReLU) or "HS" (hard swish)."""

    def __init__(
        self, input_channels: int, kernel: int, expanded_channels: int, out_channels: int, use_se: bool,
        activation: str, stride: int, dilation: int, width_mult: float,
    ) -> None:  # fmt: skip
        self.input_channels = make_divisible(input_channels * width_mult, 8)
        self.kernel = kernel
        self.expanded_channels = make_divisible(expanded_channels * width_mult, 8)
        self.out_channels = make_divisible(out_channels * width_mult, 8)
        self.use_se = use_se
        self.use_hs = activation == "HS"
        self.stride = stride
        self.dilation = dilation


_SQUEEZE = partial(SqueezeExcitation, scale_activation=nn.Hardsigmoid)


class InvertedResidual(nn.Module):
    """A block after one row of the tables."""

    def __init__(
        self, cnf: InvertedResidualConfig, norm_layer: Callable[..., nn.Module],
        se_layer: Callable[..., nn.Module] = _SQUEEZE,
    ) -> None:  # fmt: skip
        super().__init__()
        if not 1 <= cnf.stride <= 2:
            raise ValueError("illegal stride value")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        wide = cnf.expanded_channels
        made = partial(Conv2dNormActivation, norm_layer=norm_layer)
        activation = nn.Hardswish if cnf.use_hs else nn.ReLU
        layers: list[nn.Module] = []
        if wide != cnf.input_channels:
            layers.append(made(cnf.input_channels, wide, 1, activation_layer=activation))
        layers.append(
            made(
                wide, wide, cnf.kernel, stride=1 if cnf.dilation > 1 else cnf.stride, dilation=cnf.dilation,
                groups=wide, activation_layer=activation,
            )
        )  # fmt: skip
        if cnf.use_se:
            layers.append(se_layer(wide, make_divisible(wide // 4, 8)))
        layers.append(made(wide, cnf.out_channels, 1, activation_layer=None))
        self.block = nn.Sequential(*layers)
        self.out_channels = cnf.out_channels

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, H, W) gives (N, out, H / stride, W / stride)."""
        return self.block(input) + input if self.use_res_connect else self.block(input)


class MobileNetV3(nn.Module):
    """(N, 3, H, W) gives (N, num_classes).

    Args:
        inverted_residual_setting: the rows, one block each.
        last_channel: the width of the layer before the last.
    """

    def __init__(
        self, inverted_residual_setting: Sequence[InvertedResidualConfig], last_channel: int, num_classes: int = 1000,
        block: Callable[..., nn.Module] | None = None, norm_layer: Callable[..., nn.Module] | None = None,
        dropout: float = 0.2,
    ) -> None:  # fmt: skip
        super().__init__()
        rows = inverted_residual_setting
        if not rows:
            raise ValueError("The inverted_residual_setting should not be empty")
        norm = norm_layer or partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)
        made = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.Hardswish)
        narrow = rows[-1].out_channels
        layers: list[nn.Module] = [made(3, rows[0].input_channels, kernel_size=3, stride=2)]
        layers += [(block or InvertedResidual)(row, norm) for row in rows]
        layers.append(made(narrow, 6 * narrow, kernel_size=1))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(6 * narrow, last_channel), nn.Hardswish(inplace=True),
            nn.Dropout(p=dropout, inplace=True), nn.Linear(last_channel, num_classes),
        )  # fmt: skip
        init_convolutional(self, linear_std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def _large(half: int) -> list[tuple]:
    return [
        (16, 3, 16, 16, False, "RE", 1), (16, 3, 64, 24, False, "RE", 2), (24, 3, 72, 24, False, "RE", 1),
        (24, 5, 72, 40, True, "RE", 2), (40, 5, 120, 40, True, "RE", 1), (40, 5, 120, 40, True, "RE", 1),
        (40, 3, 240, 80, False, "HS", 2), (80, 3, 200, 80, False, "HS", 1), (80, 3, 184, 80, False, "HS", 1),
        (80, 3, 184, 80, False, "HS", 1), (80, 3, 480, 112, True, "HS", 1), (112, 3, 672, 112, True, "HS", 1),
        (112, 5, 672, 160 // half, True, "HS", 2), (160 // half, 5, 960 // half, 160 // half, True, "HS", 1),
        (160 // half, 5, 960 // half, 160 // half, True, "HS", 1),
    ]  # fmt: skip


def _small(half: int) -> list[tuple]:
    return [
        (16, 3, 16, 16, True, "RE", 2), (16, 3, 72, 24, False, "RE", 2), (24, 3, 88, 24, False, "RE", 1),
        (24, 5, 96, 40, True, "HS", 2), (40, 5, 240, 40, True, "HS", 1), (40, 5, 240, 40, True, "HS", 1),
        (40, 5, 120, 48, True, "HS", 1), (48, 5, 144, 48, True, "HS", 1), (48, 5, 288, 96 // half, True, "HS", 2),
        *[(96 // half, 5, 576 // half, 96 // half, True, "HS", 1)] * 2,
    ]  # fmt: skip


def _mobilenet_v3(
    rows: Callable[[int], list[tuple]], last: int, width_mult: float = 1.0, reduced_tail: bool = False,
    dilated: bool = False, **kwargs: Any,
) -> MobileNetV3:  # fmt: skip
    half = 2 if reduced_tail else 1
    table = rows(half)
    tail = len(table) - 3  # the last stage, which `dilated` dilates by 2
    make: Any = InvertedResidualConfig
    setting = [make(*row, 2 if dilated and i >= tail else 1, width_mult) for i, row in enumerate(table)]
    return MobileNetV3(setting, make_divisible(last // half * width_mult, 8), **kwargs)


@builder
def mobilenet_v3_large(**kwargs: Any) -> MobileNetV3:
    """MobileNetV3 after table 1; `width_mult`, `reduced_tail` and `dilated` vary it."""
    return _mobilenet_v3(_large, 1280, **kwargs)


@builder
def mobilenet_v3_small(**kwargs: Any) -> MobileNetV3:
    """MobileNetV3 after table 2; `width_mult`, `reduced_tail` and `dilated` vary it."""
    return _mobilenet_v3(_small, 1024, **kwargs)
