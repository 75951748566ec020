"""Rows `resnet`, `resnet32`: a stem and three stages of one block each, 16 to 64 channels, with batch norms.

On 16 images of 16 x 16, and on 32 of 32 x 32.
"""

from __future__ import annotations

import numpy as np

STAGES = ((16, 1), (32, 2), (64, 2))  # (channels, stride)


class Row:
    def __init__(self, batch: int, side: int):
        self.batch, self.side = batch, side

    def batches(self) -> list:
        rng = np.random.default_rng(0)
        return [
            (rng.standard_normal((self.batch, 3, self.side, self.side)).astype(np.float32),
             rng.integers(0, 10, self.batch).astype(np.int64))
            for _ in range(4)
        ]  # fmt: skip

    def model(self, lib):
        nn, F = lib.nn, lib.nn.functional

        class Block(nn.Module):
            def __init__(self, inputs, channels, stride):
                super().__init__()
                self.conv1 = nn.Conv2d(inputs, channels, 3, stride, 1, bias=False)
                self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
                self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
                self.skip = nn.Conv2d(inputs, channels, 1, stride, bias=False) if stride > 1 else nn.Identity()

            def forward(self, x):
                y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
                return F.relu(y + self.skip(x))

        class ResNet(nn.Module):
            def __init__(self):
                super().__init__()
                self.stem, self.bn = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
                inputs = [16, 16, 32]
                self.blocks = nn.Sequential(*[Block(i, c, s) for i, (c, s) in zip(inputs, STAGES, strict=True)])
                self.head = nn.Linear(64, 10)

            def forward(self, x):
                x = self.blocks(F.relu(self.bn(self.stem(x))))
                return self.head(x.mean((2, 3)))

        return ResNet()

    def forward(self, p, state, x):
        import jax

        new = dict(state)

        def conv(x, name, stride=1):
            kernel = p[f"{name}.weight"]
            pad, layout = [(kernel.shape[-1] // 2,) * 2] * 2, ("NCHW", "OIHW", "NCHW")
            return jax.lax.conv_general_dilated(x, kernel, (stride, stride), pad, dimension_numbers=layout)

        def norm(x, name):
            mean = x.mean((0, 2, 3))
            d = x - mean[:, None, None]
            var = (d * d).mean((0, 2, 3))
            n = x.size // x.shape[1]
            for key, value in (("running_mean", mean), ("running_var", var * (n / (n - 1)))):
                new[f"{name}.{key}"] = 0.9 * state[f"{name}.{key}"] + 0.1 * value
            new[f"{name}.num_batches_tracked"] = state[f"{name}.num_batches_tracked"] + 1
            scale = p[f"{name}.weight"] * jax.lax.rsqrt(var + 1e-5)
            return d * scale[:, None, None] + p[f"{name}.bias"][:, None, None]

        x = jax.nn.relu(norm(conv(x, "stem"), "bn"))
        for i, (_, stride) in enumerate(STAGES):
            b = f"blocks.{i}"
            y = jax.nn.relu(norm(conv(x, f"{b}.conv1", stride), f"{b}.bn1"))
            y = norm(conv(y, f"{b}.conv2"), f"{b}.bn2")
            x = jax.nn.relu(y + (conv(x, f"{b}.skip", stride) if stride > 1 else x))
        return x.mean((2, 3)) @ p["head.weight"].T + p["head.bias"], new
