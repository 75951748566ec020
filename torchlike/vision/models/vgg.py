"""VGG (https://arxiv.org/abs/1409.1556), with and without batch normalisation."""

from __future__ import annotations

from typing import Any

import torchlike as torch
from torchlike import nn
from torchlike.tensor import Tensor
from torchlike.vision.models.builders import builder, init_convolutional

__all__ = [
    "VGG", "vgg11", "vgg11_bn", "vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn",
]  # fmt: skip


class VGG(nn.Module):
    """`features`, pooled to 7 by 7, and three linear layers.

    (N, 3, H, W) gives (N, num_classes); H and W are at least 32.
    """

    def __init__(
        self, features: nn.Module, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(512 * 7 * 7, 4096), nn.ReLU(True), nn.Dropout(p=dropout),
            nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(p=dropout),
            nn.Linear(4096, num_classes),
        )  # fmt: skip
        if init_weights:
            init_convolutional(self, linear_std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


_DEPTHS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""How many convolutions there are before each of the five poolings."""


def make_layers(depth: int, batch_norm: bool) -> nn.Sequential:
    """The convolutional part of the net with `depth` layers."""
    layers: list[nn.Module] = []
    channels = 3
    for repeat, wide in zip(_DEPTHS[depth], (64, 128, 256, 512, 512), strict=True):
        for _ in range(repeat):
            layers.append(nn.Conv2d(channels, wide, kernel_size=3, padding=1))
            layers += [nn.BatchNorm2d(wide)] if batch_norm else []
            layers.append(nn.ReLU(inplace=True))
            channels = wide
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)


def _vgg(depth: int, batch_norm: bool = False, **kwargs: Any) -> VGG:
    return VGG(make_layers(depth, batch_norm), **kwargs)


@builder
def vgg11(**kwargs: Any) -> VGG:
    """VGG with 11 layers (configuration A)."""
    return _vgg(11, **kwargs)


@builder
def vgg11_bn(**kwargs: Any) -> VGG:
    """VGG with 11 layers and batch normalisation."""
    return _vgg(11, batch_norm=True, **kwargs)


@builder
def vgg13(**kwargs: Any) -> VGG:
    """VGG with 13 layers (configuration B)."""
    return _vgg(13, **kwargs)


@builder
def vgg13_bn(**kwargs: Any) -> VGG:
    """VGG with 13 layers and batch normalisation."""
    return _vgg(13, batch_norm=True, **kwargs)


@builder
def vgg16(**kwargs: Any) -> VGG:
    """VGG with 16 layers (configuration D)."""
    return _vgg(16, **kwargs)


@builder
def vgg16_bn(**kwargs: Any) -> VGG:
    """VGG with 16 layers and batch normalisation."""
    return _vgg(16, batch_norm=True, **kwargs)


@builder
def vgg19(**kwargs: Any) -> VGG:
    """VGG with 19 layers (configuration E)."""
    return _vgg(19, **kwargs)


@builder
def vgg19_bn(**kwargs: Any) -> VGG:
    """VGG with 19 layers and batch normalisation."""
    return _vgg(19, batch_norm=True, **kwargs)
