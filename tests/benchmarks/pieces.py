"""Rows `chain`, `tiny`, `reads` and `persample`: no training, but what a line of an interactive session or of a metric
costs, and a function transform.

`run(lib, setting)` gives the program for torchlike or PyTorch, `by_hand(setting)` the same in JAX, each a function of
nothing that returns a number.
"""

from __future__ import annotations

import numpy as np

from tests.benchmarks.setting import Setting

CHAIN, TINY, READS = 20, 300, 50


def _numbers(n: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(n).astype(np.float32)


def _jax(array: np.ndarray, setting: Setting):
    import jax.numpy as jnp

    return jnp.asarray(array, setting.dtype)


class chain:
    """20 element-wise operations on a million elements, then the mean; in JAX one jit."""

    @staticmethod
    def _chained(x, tanh):
        for _ in range(CHAIN // 4):
            x = tanh(x * 1.01 + 0.1) * 0.9
        return x.mean()

    @classmethod
    def run(cls, lib, setting: Setting):
        x = setting.number(lib, _numbers(1_000_000))
        return lambda: cls._chained(x, lib.tanh)

    @classmethod
    def by_hand(cls, setting: Setting):
        import jax

        x = _jax(_numbers(1_000_000), setting)
        compiled = jax.jit(lambda x: cls._chained(x, jax.numpy.tanh))
        return lambda: compiled(x)


class tiny:
    """300 operations on 8 elements, each on the result of the last; in JAX one by one, as somebody types them."""

    @staticmethod
    def _dependent(x):
        for _ in range(TINY // 3):
            x = (x * 0.9 + 0.1) - 0.01
        return x.sum()

    @classmethod
    def run(cls, lib, setting: Setting):
        x = setting.number(lib, _numbers(8))
        return lambda: cls._dependent(x)

    @classmethod
    def by_hand(cls, setting: Setting):
        x = _jax(_numbers(8), setting)
        return lambda: cls._dependent(x)


class reads:
    """50 elements of a tensor read one by one."""

    @classmethod
    def run(cls, lib, setting: Setting):
        x = setting.number(lib, _numbers(READS))
        return lambda: sum(x[i].item() for i in range(READS))

    @classmethod
    def by_hand(cls, setting: Setting):
        x = _jax(_numbers(READS), setting)
        return lambda: sum(float(x[i]) for i in range(READS))


class persample:
    """The mean norm of 32 samples' gradients of a CNN's loss, `vmap(grad(loss))`, what private training clips by."""

    @staticmethod
    def _model(lib):
        nn = lib.nn
        lib.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(),
            nn.Linear(256, 10),
        )  # fmt: skip

    @staticmethod
    def _data() -> tuple[np.ndarray, np.ndarray]:
        images = np.random.default_rng(0).standard_normal((32, 1, 14, 14)).astype(np.float32)
        return images, np.arange(32) % 10

    @classmethod
    def run(cls, lib, setting: Setting):
        func, model = lib.func, cls._model(lib).to(setting.device, getattr(lib, setting.dtype))
        parameters = {name: p.detach() for name, p in model.named_parameters()}
        images, labels = cls._data()
        x, y = setting.number(lib, images), setting.place(lib, labels)

        def loss(p, image, label):
            scores = func.functional_call(model, p, (image.unsqueeze(0),))
            return lib.nn.functional.cross_entropy(scores, label.unsqueeze(0))

        each = lib.vmap(func.grad(loss), in_dims=(None, 0, 0))

        def norm():
            squares = [g.flatten(1).square().sum(1) for g in each(parameters, x, y).values()]
            return sum(squares).sqrt().mean()

        return norm

    @classmethod
    def by_hand(cls, setting: Setting):
        import jax
        import jax.numpy as jnp
        import optax

        import torchlike

        p = {name: _jax(p.detach().numpy(), setting) for name, p in cls._model(torchlike).named_parameters()}
        images, labels = cls._data()
        x, y = _jax(images, setting), jnp.asarray(labels)

        def loss(p, image, label):
            def conv(x, i):
                layout = ("NCHW", "OIHW", "NCHW")
                y = jax.lax.conv_general_dilated(x, p[f"{i}.weight"], (1, 1), "VALID", dimension_numbers=layout)
                return jax.nn.relu(y + p[f"{i}.bias"][:, None, None])

            x = jax.lax.reduce_window(conv(image[None], 0), -jnp.inf, jax.lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")
            scores = conv(x, 3).reshape(-1) @ p["6.weight"].T + p["6.bias"]
            return optax.softmax_cross_entropy_with_integer_labels(scores, label)

        @jax.jit
        def norm(p, x, y):
            gradients = jax.vmap(jax.grad(loss), (None, 0, 0))(p, x, y)
            squares = [jnp.square(g.reshape(len(g), -1)).sum(1) for g in gradients.values()]
            return jnp.sqrt(sum(squares)).mean()

        return lambda: norm(p, x, y)
