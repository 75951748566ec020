"""Rows `mlp` and `cnn`: models whose step takes about a millisecond, so that what a library adds to it shows."""

from __future__ import annotations

import numpy as np

BATCH = 32


def _batches(shape: tuple[int, ...]) -> list:
    rng = np.random.default_rng(0)
    return [
        (rng.standard_normal((BATCH, *shape)).astype(np.float32), rng.integers(0, 10, BATCH).astype(np.int64))
        for _ in range(8)
    ]


class mlp:
    """64-128-128-10."""

    @staticmethod
    def batches() -> list:
        return _batches((64,))

    @staticmethod
    def model(lib):
        nn = lib.nn
        return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))

    @staticmethod
    def forward(p, state, x):
        import jax

        x = jax.nn.relu(_linear(x, p, 0))
        return _linear(jax.nn.relu(_linear(x, p, 2)), p, 4), state


class cnn:
    """Two convolutions with pooling and two linear layers, on 8 x 8 images."""

    @staticmethod
    def batches() -> list:
        return _batches((1, 8, 8))

    @staticmethod
    def model(lib):
        nn = lib.nn
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10),
        )  # fmt: skip

    @staticmethod
    def forward(p, state, x):
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
