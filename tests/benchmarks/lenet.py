"""Rows `lenet4` and `lenet128`: LeNet on 3 x 32 x 32 images, the CIFAR-10 tutorial's classifier, at two batches."""

from __future__ import annotations

import numpy as np

from tests.benchmarks.row import Row, classified


class LeNet(Row):
    """Two 5 x 5 convolutions with pooling, three linear layers."""

    def __init__(self, batch: int):
        self.batch = batch

    def batches(self) -> list:
        return classified(8, (self.batch, 3, 32, 32))

    def model(self, lib):
        nn = lib.nn
        return nn.Sequential(
            nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip

    def forward(self, p, state, x):
        import jax

        def conv(x, i):
            layout = ("NCHW", "OIHW", "NCHW")
            y = jax.lax.conv_general_dilated(x, p[f"{i}.weight"], (1, 1), "VALID", dimension_numbers=layout)
            return jax.nn.relu(y + p[f"{i}.bias"][:, None, None])

        def pool(x):
            return jax.lax.reduce_window(x, -np.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

        x = pool(conv(pool(conv(x, 0)), 3))
        x = x.reshape(x.shape[0], -1)
        for i in (7, 9, 11):
            x = x @ p[f"{i}.weight"].T + p[f"{i}.bias"]
            x = jax.nn.relu(x) if i < 11 else x
        return x, state
