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


cfgs: dict[str, list[str | int]] = {
    "A": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "B": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "D": [64, 64, "M", 128, 128, "M", *[256] * 3, "M", *[512] * 3, "M", *[512] * 3, "M"],
    "E": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
}
"""The paper's configurations: the channels of each convolution, and "M" for a pooling."""


def make_layers(cfg: list[str | int], batch_norm: bool = False) -> nn.Sequential:
    """The convolutional part of a net from such a list."""
    layers: list[nn.Module] = []
    channels = 3
    for step in cfg:
        if isinstance(step, str):
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
            continue
        layers.append(nn.Conv2d(channels, step, kernel_size=3, padding=1))
        layers += [nn.BatchNorm2d(step)] if batch_norm else []
        layers.append(nn.ReLU(inplace=True))
        channels = step
    return nn.Sequential(*layers)


def _vgg(cfg: str, batch_norm: bool = False, **kwargs: Any) -> VGG:
    return VGG(make_layers(cfgs[cfg], batch_norm), **kwargs)


@builder
def vgg11(**kwargs: Any) -> VGG:
    """VGG with 11 layers (configuration A)."""
    return _vgg("A", **kwargs)


@builder
def vgg11_bn(**kwargs: Any) -> VGG:
    """VGG with 11 layers and batch normalisation."""
    return _vgg("A", batch_norm=True, **kwargs)


@builder
def vgg13(**kwargs: Any) -> VGG:
    """VGG with 13 layers (configuration B)."""
    return _vgg("B", **kwargs)


@builder
def vgg13_bn(**kwargs: Any) -> VGG:
    """VGG with 13 layers and batch normalisation."""
    return _vgg("B", batch_norm=True, **kwargs)


@builder
def vgg16(**kwargs: Any) -> VGG:
    """VGG with 16 layers (configuration D)."""
    return _vgg("D", **kwargs)


@builder
def vgg16_bn(**kwargs: Any) -> VGG:
    """VGG with 16 layers and batch normalisation."""
    return _vgg("D", batch_norm=True, **kwargs)


@builder
def vgg19(**kwargs: Any) -> VGG:
    """VGG with 19 layers (configuration E)."""
    return _vgg("E", **kwargs)


@builder
def vgg19_bn(**kwargs: Any) -> VGG:
    """VGG with 19 layers and batch normalisation."""
    return _vgg("E", batch_norm=True, **kwargs)
