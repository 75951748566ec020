"""AlexNet, as in "One weird trick for parallelizing convolutional neural networks" (https://arxiv.org/abs/1404.5997)."""

from __future__ import annotations

from typing import Any

import torchlike as torch
from torchlike import nn
from torchlike.tensor import Tensor
from torchlike.vision.models.builders import builder

__all__ = ["AlexNet", "alexnet"]


class AlexNet(nn.Module):
    """(N, 3, H, W) gives (N, num_classes); H and W are at least 63, meant to be 224."""

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        relu, pool = (lambda: nn.ReLU(inplace=True)), (lambda: nn.MaxPool2d(3, 2))
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2), relu(), pool(),
            nn.Conv2d(64, 192, 5, padding=2), relu(), pool(),
            nn.Conv2d(192, 384, 3, padding=1), relu(),
            nn.Conv2d(384, 256, 3, padding=1), relu(),
            nn.Conv2d(256, 256, 3, padding=1), relu(), pool(),
        )  # fmt: skip
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(256 * 6 * 6, 4096), relu(),
            nn.Dropout(dropout), nn.Linear(4096, 4096), relu(),
            nn.Linear(4096, num_classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


@builder
def alexnet(**kwargs: Any) -> AlexNet:
    """AlexNet."""
    return AlexNet(**kwargs)
