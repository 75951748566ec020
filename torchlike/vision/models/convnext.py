"""ConvNeXt (https://arxiv.org/abs/2201.03545)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torchlike as torch
from torchlike import nn
from torchlike.nn import functional as F
from torchlike.tensor import Tensor
from torchlike.vision.models.builders import builder
from torchlike.vision.ops.misc import Conv2dNormActivation, Permute
from torchlike.vision.ops.stochastic_depth import StochasticDepth

__all__ = ["ConvNeXt", "convnext_base", "convnext_large", "convnext_small", "convnext_tiny"]

_Layer = Callable[..., nn.Module]


class LayerNorm2d(nn.LayerNorm):
    """Layer normalisation over the channels of (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        x = x.permute(0, 2, 3, 1)
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps).permute(0, 3, 1, 2)


class CNBlock(nn.Module):
    """A 7 by 7 convolution channel by channel and two linear layers, scaled, beside the identity."""

    def __init__(
        self, dim: int, layer_scale: float, stochastic_depth_prob: float, norm_layer: _Layer | None = None
    ) -> None:
        super().__init__()
        norm = norm_layer or partial(nn.LayerNorm, eps=1e-6)
        self.block = nn.Sequential(
            nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim, bias=True),
            Permute([0, 2, 3, 1]),
            norm(dim),
            nn.Linear(dim, 4 * dim, bias=True),
            nn.GELU(),
            nn.Linear(4 * dim, dim, bias=True),
            Permute([0, 3, 1, 2]),
        )
        self.layer_scale = nn.Parameter(torch.ones(dim, 1, 1) * layer_scale)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")

    def forward(self, input: Tensor) -> Tensor:
        """(N, dim, H, W) gives the same shape."""
        return self.stochastic_depth(self.layer_scale * self.block(input)) + input


class CNBlockConfig(NamedTuple):
    """One stage: its width, that of the next one (None for the last), its number of blocks."""

    input_channels: int
    out_channels: int | None
    num_layers: int


class ConvNeXt(nn.Module):
    """(N, 3, H, W) gives (N, num_classes); H and W are at least 32.

    Args:
        block_setting: the stages.
        stochastic_depth_prob: of the last block; it grows evenly from 0 at the first.
        layer_scale: the first value of what every block's output is multiplied by.
        block: the class of a block; `CNBlock` by default.
        norm_layer: what normalises between the stages; `LayerNorm2d` by default.
    """

    def __init__(
        self, block_setting: Sequence[CNBlockConfig], stochastic_depth_prob: float = 0.0, layer_scale: float = 1e-6,
        num_classes: int = 1000, block: _Layer | None = None, norm_layer: _Layer | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if not block_setting:
            raise ValueError("The block_setting should not be empty")
        block, norm = block or CNBlock, norm_layer or partial(LayerNorm2d, eps=1e-6)
        layers: list[nn.Module] = [
            Conv2dNormActivation(
                3, block_setting[0].input_channels, kernel_size=4, stride=4, padding=0, norm_layer=norm,
                activation_layer=None, bias=True,
            )
        ]  # fmt: skip
        total, done = sum(c.num_layers for c in block_setting), 0
        for config in block_setting:
            stage = []
            for _ in range(config.num_layers):
                stage.append(block(config.input_channels, layer_scale, stochastic_depth_prob * done / (total - 1.0)))
                done += 1
            layers.append(nn.Sequential(*stage))
            if config.out_channels is not None:
                down = nn.Conv2d(config.input_channels, config.out_channels, kernel_size=2, stride=2)
                layers.append(nn.Sequential(norm(config.input_channels), down))
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        last = block_setting[-1].out_channels or block_setting[-1].input_channels
        self.classifier = nn.Sequential(norm(last), nn.Flatten(1), nn.Linear(last, num_classes))
        for m in self.modules():
            if isinstance(m, nn.Conv2d | nn.Linear):
                nn.init.trunc_normal_(m.weight, std=0.02)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        return self.classifier(self.avgpool(self.features(x)))


def _convnext(widths: tuple, depths: tuple, probability: float, kwargs: dict) -> ConvNeXt:
    setting = [CNBlockConfig(*row) for row in zip(widths, (*widths[1:], None), depths, strict=True)]
    return ConvNeXt(setting, kwargs.pop("stochastic_depth_prob", probability), **kwargs)


@builder
def convnext_tiny(**kwargs: Any) -> ConvNeXt:
    """ConvNeXt, tiny."""
    return _convnext((96, 192, 384, 768), (3, 3, 9, 3), 0.1, kwargs)


@builder
def convnext_small(**kwargs: Any) -> ConvNeXt:
    """ConvNeXt, small."""
    return _convnext((96, 192, 384, 768), (3, 3, 27, 3), 0.4, kwargs)


@builder
def convnext_base(**kwargs: Any) -> ConvNeXt:
    """ConvNeXt, base."""
    return _convnext((128, 256, 512, 1024), (3, 3, 27, 3), 0.5, kwargs)


@builder
def convnext_large(**kwargs: Any) -> ConvNeXt:
    """ConvNeXt, large."""
    return _convnext((192, 384, 768, 1536), (3, 3, 27, 3), 0.5, kwargs)
