"""SqueezeNet (https://arxiv.org/abs/1602.07360)."""

from __future__ import annotations

from typing import Any

import torchlike as torch
from torchlike import nn
from torchlike.tensor import Tensor
from torchlike.vision.models.builders import builder

__all__ = ["SqueezeNet", "squeezenet1_0", "squeezenet1_1"]


class Fire(nn.Module):
    """Few channels, then 1 by 1 and 3 by 3 convolutions of them side by side."""

    def __init__(self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inplanes, H, W) gives (N, expand1x1_planes + expand3x3_planes, H, W)."""
        x = self.squeeze_activation(self.squeeze(x))
        return torch.cat(
            [self.expand1x1_activation(self.expand1x1(x)), self.expand3x3_activation(self.expand3x3(x))], 1
        )


_POOL = ()  # stands for a pooling between the fires
_LAYERS: dict[str, tuple] = {
    "1_0": (
        (3, 96, 7, 2), _POOL, (96, 16, 64), (128, 16, 64), (128, 32, 128), _POOL, (256, 32, 128), (256, 48, 192),
        (384, 48, 192), (384, 64, 256), _POOL, (512, 64, 256),
    ),
    "1_1": (
        (3, 64, 3, 2), _POOL, (64, 16, 64), (128, 16, 64), _POOL, (128, 32, 128), (256, 32, 128), _POOL,
        (256, 48, 192), (384, 48, 192), (384, 64, 256), (512, 64, 256),
    ),
}  # fmt: skip
"""The first convolution (in, out, kernel, stride), and the fires (in, squeeze, expand) and poolings behind it."""


class SqueezeNet(nn.Module):
    """(N, 3, H, W) gives (N, num_classes); `version` is "1_0" or "1_1"."""

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        if version not in _LAYERS:
            raise ValueError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")
        self.num_classes = num_classes
        (inp, out, kernel, stride), *rest = _LAYERS[version]
        layers: list[nn.Module] = [nn.Conv2d(inp, out, kernel, stride), nn.ReLU(inplace=True)]
        for row in rest:
            if row == _POOL:
                layers.append(nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True))
            else:
                layers.append(Fire(row[0], row[1], row[2], row[2]))
        self.features = nn.Sequential(*layers)
        final = nn.Conv2d(512, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout), final, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1))
        )
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                if m is final:
                    nn.init.normal_(m.weight, mean=0.0, std=0.01)
                else:
                    nn.init.kaiming_uniform_(m.weight)
                if m.bias is not None:
                    nn.init.zeros_(m.bias)

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        return torch.flatten(self.classifier(self.features(x)), 1)


@builder
def squeezenet1_0(**kwargs: Any) -> SqueezeNet:
    """SqueezeNet 1.0."""
    return SqueezeNet("1_0", **kwargs)


@builder
def squeezenet1_1(**kwargs: Any) -> SqueezeNet:
    """SqueezeNet 1.1: 2.4 times less to compute than 1.0."""
    return SqueezeNet("1_1", **kwargs)
