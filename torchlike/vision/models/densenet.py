"""DenseNet (https://arxiv.org/abs/1608.06993): every layer reads all layers before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torchlike as torch
from torchlike import nn
from torchlike.nn import functional as F
from torchlike.tensor import Tensor
from torchlike.utils.checkpoint import checkpoint
from torchlike.vision.models.builders import builder, init_convolutional

__all__ = ["DenseNet", "densenet121", "densenet161", "densenet169", "densenet201"]


class _DenseLayer(nn.Module):
    def __init__(
        self, num_input_features: int, growth_rate: int, bn_size: int, drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, bn_size * growth_rate, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(bn_size * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(bn_size * growth_rate, growth_rate, kernel_size=3, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def _narrow(self, *inputs: Tensor) -> Tensor:
        return self.conv1(self.relu1(self.norm1(torch.cat(inputs, 1))))

    def forward(self, input: Tensor | Sequence[Tensor]) -> Tensor:
        inputs = [input] if isinstance(input, Tensor) else list(input)
        if self.memory_efficient and any(x.requires_grad for x in inputs):
            narrow = checkpoint(self._narrow, *inputs, use_reentrant=False)
        else:
            narrow = self._narrow(*inputs)
        new = self.conv2(self.relu2(self.norm2(narrow)))
        return F.dropout(new, p=self.drop_rate, training=self.training) if self.drop_rate > 0 else new


class _DenseBlock(nn.ModuleDict):
    def __init__(
        self, num_layers: int, num_input_features: int, bn_size: int, growth_rate: int, drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        for i in range(num_layers):
            self.add_module(
                f"denselayer{i + 1}",
                _DenseLayer(num_input_features + i * growth_rate, growth_rate, bn_size, drop_rate, memory_efficient),
            )

    def forward(self, init_features: Tensor) -> Tensor:
        features = [init_features]
        for layer in self.values():
            features.append(layer(features))
        return torch.cat(features, 1)


class _Transition(nn.Sequential):
    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, kernel_size=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """(N, 3, H, W) gives (N, num_classes).

    Args:
        growth_rate: how many channels each layer adds (k in the paper).
        block_config: how many layers each block has.
        num_init_features: the channels of the first convolution.
        bn_size: a layer's inner width, in multiples of k.
        drop_rate: of dropout after each layer.
        memory_efficient: compute the inner layers again in the backward pass instead of keeping them.
    """

    def __init__(
        self, growth_rate: int = 32, block_config: Sequence[int] = (6, 12, 24, 16), num_init_features: int = 64,
        bn_size: int = 4, drop_rate: float = 0, num_classes: int = 1000, memory_efficient: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        width = num_init_features
        self.features = nn.Sequential()
        add = self.features.add_module
        add("conv0", nn.Conv2d(3, width, kernel_size=7, stride=2, padding=3, bias=False))
        add("norm0", nn.BatchNorm2d(width))
        add("relu0", nn.ReLU(inplace=True))
        add("pool0", nn.MaxPool2d(kernel_size=3, stride=2, padding=1))
        for i, layers in enumerate(block_config, 1):
            add(f"denseblock{i}", _DenseBlock(layers, width, bn_size, growth_rate, drop_rate, memory_efficient))
            width += layers * growth_rate
            if i < len(block_config):
                add(f"transition{i}", _Transition(width, width // 2))
                width //= 2
        add("norm5", nn.BatchNorm2d(width))
        self.classifier = nn.Linear(width, num_classes)
        init_convolutional(self, mode="fan_in")
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        features = F.relu(self.features(x))
        return self.classifier(torch.flatten(F.adaptive_avg_pool2d(features, (1, 1)), 1))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest: Any) -> None:
        # torchvision's first files have "denselayer1.norm.1.weight" where the layer is called norm1 today
        for key in [k for k in state_dict if k.startswith(prefix)]:
            new = re.sub(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)", r"\1\2", key)
            if new != key:
                state_dict[new] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *rest)


@builder
def densenet121(**kwargs: Any) -> DenseNet:
    """DenseNet with 121 layers."""
    return DenseNet(32, (6, 12, 24, 16), 64, **kwargs)


@builder
def densenet161(**kwargs: Any) -> DenseNet:
    """DenseNet with 161 layers, which grow by 48."""
    return DenseNet(48, (6, 12, 36, 24), 96, **kwargs)


@builder
def densenet169(**kwargs: Any) -> DenseNet:
    """DenseNet with 169 layers."""
    return DenseNet(32, (6, 12, 32, 32), 64, **kwargs)


@builder
def densenet201(**kwargs: Any) -> DenseNet:
    """DenseNet with 201 layers."""
    return DenseNet(32, (6, 12, 48, 32), 64, **kwargs)
