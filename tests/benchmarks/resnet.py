"""Rows `resnet`, `resnet32` and `resnet50`: residual networks with batch norms.

The first two have a 3 x 3 stem and three stages of one basic block each, 16 to 64 channels, on 16 images of 16 x 16 and
on 32 of 32 x 32. The last is ResNet-50 (https://arxiv.org/abs/1512.03385; the stride in the 3 x 3 convolution, as
everybody trains it) on 256 images of 224 x 224.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.row import Row, classified

SMALL = ((16, 1, 1), (32, 1, 2), (64, 1, 2))
FIFTY = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))


@dataclass(frozen=True)
class ResNet(Row):
    batch: int
    side: int
    stages: tuple[tuple[int, int, int], ...] = SMALL  # (channels, blocks, stride of the first)
    stem: tuple[int, int, int] = (16, 3, 1)  # channels, window, stride; a stride is followed by pooling
    wider: int = 1  # 1: blocks of two 3 x 3 convolutions; otherwise bottlenecks whose output is so many times wider
    classes: int = 10
    large: bool = False

    def batches(self) -> list:
        return classified(4, (self.batch, 3, self.side, self.side), self.classes)

    def blocks(self) -> list[list[tuple[int, int, int, int]]]:
        """The convolutions of each block, (inputs, outputs, window, stride), its shortcut's last if it has one."""
        blocks, inputs = [], self.stem[0]
        for channels, count, first in self.stages:
            for i in range(count):
                stride, outputs = first if i == 0 else 1, channels * self.wider
                convs = [(inputs, channels, 3, stride), (channels, channels, 3, 1)]
                if self.wider > 1:
                    convs = [(inputs, channels, 1, 1), (channels, channels, 3, stride), (channels, outputs, 1, 1)]
                if stride > 1 or inputs != outputs:
                    convs.append((inputs, outputs, 1, stride))
                blocks.append(convs)
                inputs = outputs
        return blocks

    @property
    def length(self) -> int:
        """Convolutions on a block's long way."""
        return 3 if self.wider > 1 else 2

    def flops(self) -> float:
        """3 x 2 for each weight of a convolution at each place of its output, and for the last layer's weights."""
        channels, window, stride = self.stem
        side = self.side // stride
        total = 3 * channels * window**2 * side**2
        side //= 2 if stride > 1 else 1
        for convs in self.blocks():
            smaller = side // max(conv[3] for conv in convs)
            now = side
            for i, (inputs, outputs, window, stride) in enumerate(convs):
                now = smaller if i >= self.length else now // stride
                total += inputs * outputs * window**2 * now**2
            side = smaller
        return 6.0 * self.batch * (total + self.classes * self.stages[-1][0] * self.wider)

    def model(self, lib):
        nn, F, row = lib.nn, lib.nn.functional, self

        def conv(inputs, outputs, window, stride):
            return nn.Conv2d(inputs, outputs, window, stride, window // 2, bias=False)

        class Block(nn.Module):
            def __init__(self, convs):
                super().__init__()
                self.convs = nn.ModuleList([conv(*c) for c in convs])
                self.norms = nn.ModuleList([nn.BatchNorm2d(c[1]) for c in convs])

            def forward(self, x):
                y = x
                for i in range(row.length):
                    y = self.norms[i](self.convs[i](y))
                    y = F.relu(y) if i + 1 < row.length else y
                if len(self.convs) > row.length:
                    x = self.norms[-1](self.convs[-1](x))
                return F.relu(y + x)

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                channels, window, stride = row.stem
                self.conv, self.norm = conv(3, channels, window, stride), nn.BatchNorm2d(channels)
                self.pool = nn.MaxPool2d(3, 2, 1) if stride > 1 else nn.Identity()
                self.blocks = nn.Sequential(*[Block(convs) for convs in row.blocks()])
                self.head = nn.Linear(row.stages[-1][0] * row.wider, row.classes)

            def forward(self, x):
                x = self.blocks(self.pool(F.relu(self.norm(self.conv(x)))))
                return self.head(x.mean((2, 3)))

        return Net()

    def forward(self, p, state, x):
        import jax
        import jax.numpy as jnp

        new = dict(state)
        x = x.transpose(0, 2, 3, 1)  # channels last, what an accelerator's convolutions take

        def conv(x, name, stride):
            kernel = p[f"{name}.weight"]
            pad, layout = [(kernel.shape[-1] // 2,) * 2] * 2, ("NHWC", "OIHW", "NHWC")
            return jax.lax.conv_general_dilated(x, kernel, (stride, stride), pad, dimension_numbers=layout)

        def norm(x, name):
            mean = x.mean((0, 1, 2), dtype=jnp.float32)
            d = x - mean
            var = (d * d).mean((0, 1, 2))
            n = x.size // x.shape[-1]
            for key, value in (("running_mean", mean), ("running_var", var * (n / (n - 1)))):
                new[f"{name}.{key}"] = 0.9 * state[f"{name}.{key}"] + 0.1 * value
            new[f"{name}.num_batches_tracked"] = state[f"{name}.num_batches_tracked"] + 1
            y = d * (p[f"{name}.weight"] * jax.lax.rsqrt(var + 1e-5)) + p[f"{name}.bias"]
            return y.astype(x.dtype)

        x = jax.nn.relu(norm(conv(x, "conv", self.stem[2]), "norm"))
        if self.stem[2] > 1:
            pad = [(0, 0), (1, 1), (1, 1), (0, 0)]
            x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 3, 3, 1), (1, 2, 2, 1), pad)
        for b, convs in enumerate(self.blocks()):
            y = x
            for i in range(len(convs)):
                long = i < self.length
                z = conv(y if long else x, f"blocks.{b}.convs.{i}", convs[i][3])
                z = norm(z, f"blocks.{b}.norms.{i}")
                if long:
                    y = jax.nn.relu(z) if i + 1 < self.length else z
                else:
                    x = z
            x = jax.nn.relu(y + x)
        return x.mean((1, 2)) @ p["head.weight"].T + p["head.bias"], new
