"""Rows `mlp`, `cnn` and `wide`: an MLP and a small CNN, whose steps take about a millisecond, so that what a library
adds to them shows, and an MLP whose parameters and optimizer state take most of its memory.
"""

from __future__ import annotations

from tests.benchmarks.row import Row, classified


class MLP(Row):
    """Linear layers of these widths with ReLU between them; 64-128-128-10 by default."""

    def __init__(self, batch: int = 32, widths: tuple[int, ...] = (64, 128, 128, 10)):
        self.batch, self.widths = batch, widths

    def batches(self) -> list:
        return classified(8, (self.batch, self.widths[0]))

    def model(self, lib):
        layers = []
        for inputs, outputs in zip(self.widths, self.widths[1:], strict=False):
            layers += [lib.nn.Linear(inputs, outputs), lib.nn.ReLU()]
        return lib.nn.Sequential(*layers[:-1])

    def forward(self, p, state, x):
        import jax

        last = 2 * (len(self.widths) - 2)
        for i in range(0, last, 2):
            x = jax.nn.relu(_linear(x, p, i))
        return _linear(x, p, last), state


class CNN(Row):
    """Two convolutions with pooling and two linear layers, on 8 x 8 images."""

    def batches(self) -> list:
        return classified(8, (32, 1, 8, 8))

    def model(self, lib):
        nn = lib.nn
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10),
        )  # fmt: skip

    def forward(self, p, state, x):
        import jax
        import jax.numpy as jnp

        def conv(x, i):
            y = jax.lax.conv_general_dilated(
                x, p[f"{i}.weight"], (1, 1), "SAME", dimension_numbers=("NCHW", "OIHW", "NCHW")
            )
            return jax.nn.relu(y + p[f"{i}.bias"][:, None, None])

        def pool(x):
            return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")

        x = pool(conv(pool(conv(x, 0)), 3))
        return _linear(jax.nn.relu(_linear(x.reshape(x.shape[0], -1), p, 7)), p, 9), state


def _linear(x, p, i):
    return x @ p[f"{i}.weight"].T + p[f"{i}.bias"]
