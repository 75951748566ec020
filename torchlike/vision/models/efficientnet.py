"""EfficientNet (https://arxiv.org/abs/1905.11946) and EfficientNetV2 (https://arxiv.org/abs/2104.00298)."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torchlike as torch
from torchlike import nn
from torchlike.tensor import Tensor
from torchlike.vision.models.builders import builder, make_divisible
from torchlike.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation
from torchlike.vision.ops.stochastic_depth import StochasticDepth

__all__ = [
    "EfficientNet", "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4",
    "efficientnet_b5", "efficientnet_b6", "efficientnet_b7", "efficientnet_v2_s", "efficientnet_v2_m",
    "efficientnet_v2_l",
]  # fmt: skip

_Layer = Callable[..., nn.Module]


def _adjust_channels(channels: int, width_mult: float) -> int:
    return make_divisible(channels * width_mult, 8)


@dataclasses.dataclass
class _StageConfig:
    expand_ratio: float
    kernel: int
    stride: int
    input_channels: int
    out_channels: int
    num_layers: int


@dataclasses.dataclass
class MBConvConfig(_StageConfig):
    """One stage of an EfficientNet: widths and the number of blocks are given for b0 and multiplied."""

    width_mult: float = 1.0
    depth_mult: float = 1.0
    block: _Layer | None = None

    def __post_init__(self) -> None:
        self.input_channels = _adjust_channels(self.input_channels, self.width_mult)
        self.out_channels = _adjust_channels(self.out_channels, self.width_mult)
        self.num_layers = math.ceil(self.num_layers * self.depth_mult)
        self.block = self.block or MBConv


@dataclasses.dataclass
class FusedMBConvConfig(_StageConfig):
    """One stage of blocks whose convolutions are not separated into channels and places."""

    block: _Layer | None = None

    def __post_init__(self) -> None:
        self.block = self.block or FusedMBConv


class _Block(nn.Module):
    """Layers beside the identity, where shapes allow, with stochastic depth."""

    def __init__(
        self, cnf: MBConvConfig | FusedMBConvConfig, layers: list[nn.Module], stochastic_depth_prob: float
    ) -> None:
        super().__init__()
        if not 1 <= cnf.stride <= 2:
            raise ValueError("illegal stride value")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        self.block = nn.Sequential(*layers)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.out_channels = cnf.out_channels

    def forward(self, input: Tensor) -> Tensor:
        """(N, in, H, W) gives (N, out, H / stride, W / stride)."""
        result = self.block(input)
        return self.stochastic_depth(result) + input if self.use_res_connect else result


class MBConv(_Block):
    """Widen, convolve channel by channel, squeeze and excite, narrow."""

    def __init__(
        self, cnf: MBConvConfig, stochastic_depth_prob: float, norm_layer: _Layer,
        se_layer: _Layer = SqueezeExcitation,
    ) -> None:  # fmt: skip
        made = partial(Conv2dNormActivation, norm_layer=norm_layer)
        narrow, wide = cnf.input_channels, _adjust_channels(cnf.input_channels, cnf.expand_ratio)
        layers: list[nn.Module] = []
        if wide != narrow:
            layers.append(made(narrow, wide, 1, activation_layer=nn.SiLU))
        layers += [
            made(wide, wide, cnf.kernel, stride=cnf.stride, groups=wide, activation_layer=nn.SiLU),
            se_layer(wide, max(1, narrow // 4), activation=partial(nn.SiLU, inplace=True)),
            made(wide, cnf.out_channels, 1, activation_layer=None),
        ]
        super().__init__(cnf, layers, stochastic_depth_prob)


class FusedMBConv(_Block):
    """Widen by a full convolution, narrow."""

    def __init__(self, cnf: FusedMBConvConfig, stochastic_depth_prob: float, norm_layer: _Layer) -> None:
        made = partial(Conv2dNormActivation, norm_layer=norm_layer)
        narrow, wide = cnf.input_channels, _adjust_channels(cnf.input_channels, cnf.expand_ratio)
        out = cnf.out_channels if wide == narrow else wide
        layers: list[nn.Module] = [made(narrow, out, cnf.kernel, stride=cnf.stride, activation_layer=nn.SiLU)]
        if wide != narrow:
            layers.append(made(wide, cnf.out_channels, 1, activation_layer=None))
        super().__init__(cnf, layers, stochastic_depth_prob)


class EfficientNet(nn.Module):
    """(N, 3, H, W) gives (N, num_classes).

    Args:
        inverted_residual_setting: the stages.
        dropout: before the last layer.
        stochastic_depth_prob: of the last block; it grows evenly from 0 at the first.
        norm_layer: what normalises; BatchNorm2d by default.
        last_channel: the width before the classifier; four times the last stage's by default.
    """

    def __init__(
        self, inverted_residual_setting: Sequence[MBConvConfig | FusedMBConvConfig], dropout: float,
        stochastic_depth_prob: float = 0.2, num_classes: int = 1000, norm_layer: _Layer | None = None,
        last_channel: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if not inverted_residual_setting:
            raise ValueError("The inverted_residual_setting should not be empty")
        norm = norm_layer or nn.BatchNorm2d
        made = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.SiLU)
        layers: list[nn.Module] = [made(3, inverted_residual_setting[0].input_channels, kernel_size=3, stride=2)]
        total, done = sum(c.num_layers for c in inverted_residual_setting), 0
        for config in inverted_residual_setting:
            stage = []
            for i in range(config.num_layers):
                block = config
                if i:  # the stage's second block and those behind it keep the size
                    block = copy.copy(config)
                    block.input_channels, block.stride = config.out_channels, 1
                assert config.block is not None
                stage.append(config.block(block, stochastic_depth_prob * float(done) / total, norm))
                done += 1
            layers.append(nn.Sequential(*stage))
        narrow = inverted_residual_setting[-1].out_channels
        wide = 4 * narrow if last_channel is None else last_channel
        layers.append(made(narrow, wide, kernel_size=1))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout, inplace=True), nn.Linear(wide, num_classes))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)
            elif isinstance(m, nn.BatchNorm2d | nn.GroupNorm):
                nn.init.ones_(m.weight)  # type: ignore[arg-type]
                nn.init.zeros_(m.bias)
            elif isinstance(m, nn.Linear):
                bound = 1.0 / math.sqrt(m.out_features)
                nn.init.uniform_(m.weight, -bound, bound)
                nn.init.zeros_(m.bias)

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


_V1 = (
    (1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3), (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4), (6, 3, 1, 192, 320, 1),
)  # fmt: skip
"""(expansion, kernel, stride, width in, width out, blocks) of the stages of b0: table 1 of the first paper."""

_V2 = {
    "s": (
        ((1, 3, 1, 24, 24, 2), (4, 3, 2, 24, 48, 4), (4, 3, 2, 48, 64, 4)),
        ((4, 3, 2, 64, 128, 6), (6, 3, 1, 128, 160, 9), (6, 3, 2, 160, 256, 15)),
    ),
    "m": (
        ((1, 3, 1, 24, 24, 3), (4, 3, 2, 24, 48, 5), (4, 3, 2, 48, 80, 5)),
        ((4, 3, 2, 80, 160, 7), (6, 3, 1, 160, 176, 14), (6, 3, 2, 176, 304, 18), (6, 3, 1, 304, 512, 5)),
    ),
    "l": (
        ((1, 3, 1, 32, 32, 4), (4, 3, 2, 32, 64, 7), (4, 3, 2, 64, 96, 7)),
        ((4, 3, 2, 96, 192, 10), (6, 3, 1, 192, 224, 19), (6, 3, 2, 224, 384, 25), (6, 3, 1, 384, 640, 7)),
    ),
}
"""The fused stages and the others of EfficientNetV2."""

_LATE_NORM = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01)


def _b(width: float, depth: float, dropout: float, kwargs: dict) -> EfficientNet:
    setting = [MBConvConfig(*row, width_mult=width, depth_mult=depth) for row in _V1]
    return EfficientNet(setting, kwargs.pop("dropout", dropout), **kwargs)


def _v2(size: str, dropout: float, kwargs: dict) -> EfficientNet:
    fused, others = _V2[size]
    setting: list = [*(FusedMBConvConfig(*row) for row in fused), *(MBConvConfig(*row) for row in others)]
    kwargs = {"norm_layer": partial(nn.BatchNorm2d, eps=1e-03), "last_channel": 1280, **kwargs}
    return EfficientNet(setting, kwargs.pop("dropout", dropout), **kwargs)


@builder
def efficientnet_b0(**kwargs: Any) -> EfficientNet:
    """EfficientNet b0, meant for images of 224."""
    return _b(1.0, 1.0, 0.2, kwargs)


@builder
def efficientnet_b1(**kwargs: Any) -> EfficientNet:
    """EfficientNet b1, meant for images of 240."""
    return _b(1.0, 1.1, 0.2, kwargs)


@builder
def efficientnet_b2(**kwargs: Any) -> EfficientNet:
    """EfficientNet b2, meant for images of 288."""
    return _b(1.1, 1.2, 0.3, kwargs)


@builder
def efficientnet_b3(**kwargs: Any) -> EfficientNet:
    """EfficientNet b3, meant for images of 300."""
    return _b(1.2, 1.4, 0.3, kwargs)


@builder
def efficientnet_b4(**kwargs: Any) -> EfficientNet:
    """EfficientNet b4, meant for images of 380."""
    return _b(1.4, 1.8, 0.4, kwargs)


@builder
def efficientnet_b5(**kwargs: Any) -> EfficientNet:
    """EfficientNet b5, meant for images of 456."""
    return _b(1.6, 2.2, 0.4, {"norm_layer": _LATE_NORM, **kwargs})


@builder
def efficientnet_b6(**kwargs: Any) -> EfficientNet:
    """EfficientNet b6, meant for images of 528."""
    return _b(1.8, 2.6, 0.5, {"norm_layer": _LATE_NORM, **kwargs})


@builder
def efficientnet_b7(**kwargs: Any) -> EfficientNet:
    """EfficientNet b7, meant for images of 600."""
    return _b(2.0, 3.1, 0.5, {"norm_layer": _LATE_NORM, **kwargs})


@builder
def efficientnet_v2_s(**kwargs: Any) -> EfficientNet:
    """EfficientNetV2, small."""
    return _v2("s", 0.2, kwargs)


@builder
def efficientnet_v2_m(**kwargs: Any) -> EfficientNet:
    """EfficientNetV2, medium."""
    return _v2("m", 0.3, kwargs)


@builder
def efficientnet_v2_l(**kwargs: Any) -> EfficientNet:
    """EfficientNetV2, large."""
    return _v2("l", 0.4, kwargs)
