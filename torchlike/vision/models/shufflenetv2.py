"""ShuffleNetV2 (https://arxiv.org/abs/1807.11164)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torchlike as torch
from torchlike import nn
from torchlike.tensor import Tensor
from torchlike.vision.models.builders import builder

__all__ = [
    "ShuffleNetV2", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0",
]  # fmt: skip


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """The channels of `groups` groups in turn, one of each."""
    n, channels, height, width = x.size()
    x = x.view(n, groups, channels // groups, height, width)
    return torch.transpose(x, 1, 2).contiguous().view(n, channels, height, width)


class InvertedResidual(nn.Module):
    """Half of the channels pass, the other half is convolved (at stride 2 all are, twice); then they are shuffled."""

    def __init__(self, inp: int, oup: int, stride: int) -> None:
        super().__init__()
        if not 1 <= stride <= 3:
            raise ValueError("illegal stride value")
        self.stride = stride
        half = oup // 2
        if stride == 1 and inp != half << 1:
            raise ValueError(f"Invalid combination of stride {stride}, inp {inp} and oup {oup} values.")

        def depthwise(channels: int) -> list[nn.Module]:
            conv = nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False)
            return [conv, nn.BatchNorm2d(channels)]

        def pointwise(channels: int) -> list[nn.Module]:
            conv = nn.Conv2d(channels, half, kernel_size=1, bias=False)
            return [conv, nn.BatchNorm2d(half), nn.ReLU(inplace=True)]

        self.branch1 = nn.Sequential(*depthwise(inp), *pointwise(inp)) if stride > 1 else nn.Sequential()
        self.branch2 = nn.Sequential(*pointwise(inp if stride > 1 else half), *depthwise(half), *pointwise(half))

    def forward(self, x: Tensor) -> Tensor:
        """(N, inp, H, W) gives (N, oup, H / stride, W / stride)."""
        first, second = x.chunk(2, dim=1) if self.stride == 1 else (self.branch1(x), x)
        return channel_shuffle(torch.cat((first, self.branch2(second)), dim=1), 2)


class ShuffleNetV2(nn.Module):
    """(N, 3, H, W) gives (N, num_classes).

    Args:
        stages_repeats: how many blocks each of the three stages has.
        stages_out_channels: five widths: of the stem, the stages and the last convolution.
    """

    def __init__(
        self, stages_repeats: Sequence[int], stages_out_channels: Sequence[int], num_classes: int = 1000,
        inverted_residual: Callable[..., nn.Module] = InvertedResidual,
    ) -> None:  # fmt: skip
        super().__init__()
        if len(stages_repeats) != 3:
            raise ValueError("expected stages_repeats as list of 3 positive ints")
        if len(stages_out_channels) != 5:
            raise ValueError("expected stages_out_channels as list of 5 positive ints")
        self._stage_out_channels = stages_out_channels
        stem, *stages, last = stages_out_channels

        def convolved(inp: int, out: int, kernel: int, stride: int) -> nn.Sequential:
            conv = nn.Conv2d(inp, out, kernel, stride, kernel // 2, bias=False)
            return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU(inplace=True))

        self.conv1 = convolved(3, stem, 3, 2)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        width = stem
        for i, (repeats, out) in enumerate(zip(stages_repeats, stages, strict=True), 2):
            blocks = [inverted_residual(width if j == 0 else out, out, 2 if j == 0 else 1) for j in range(repeats)]
            setattr(self, f"stage{i}", nn.Sequential(*blocks))
            width = out
        self.conv5 = convolved(width, last, 1, 1)
        self.fc = nn.Linear(last, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """The logits."""
        x = self.maxpool(self.conv1(x))
        x = self.conv5(self.stage4(self.stage3(self.stage2(x))))
        return self.fc(x.mean([2, 3]))


@builder
def shufflenet_v2_x0_5(**kwargs: Any) -> ShuffleNetV2:
    """ShuffleNetV2, half as wide."""
    return ShuffleNetV2([4, 8, 4], [24, 48, 96, 192, 1024], **kwargs)


@builder
def shufflenet_v2_x1_0(**kwargs: Any) -> ShuffleNetV2:
    """ShuffleNetV2."""
    return ShuffleNetV2([4, 8, 4], [24, 116, 232, 464, 1024], **kwargs)


@builder
def shufflenet_v2_x1_5(**kwargs: Any) -> ShuffleNetV2:
    """ShuffleNetV2, half as wide again."""
    return ShuffleNetV2([4, 8, 4], [24, 176, 352, 704, 1024], **kwargs)


@builder
def shufflenet_v2_x2_0(**kwargs: Any) -> ShuffleNetV2:
    """ShuffleNetV2, twice as wide."""
    return ShuffleNetV2([4, 8, 4], [24, 244, 488, 976, 2048], **kwargs)
