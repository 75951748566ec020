"""Flax NNX: modules of `flax.nnx`, `nnx.Optimizer` and one `nnx.jit` of the step.

A model that is a sequence of layers is one of NNX's own layers, channels last; the others hold their parameters as
`nnx.Param` and compute the row's forward pass. The step is called through `nnx.cached_partial` and gives its buffers
away, which Flax's performance guide recommends (https://flax.readthedocs.io/en/latest/guides/performance.html): on the
MLP it takes a third of the time of a plain `nnx.jit`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from tests.benchmarks.contenders.by_hand import batches, cast, loss
from tests.benchmarks.models import initial, model
from tests.benchmarks.row import Row
from tests.benchmarks.setting import Setting


class Functional(nnx.Module):
    """The row's forward pass over `nnx.Param`s; its buffers are `nnx.BatchStat`s."""

    def __init__(self, row: Row, setting: Setting):
        self.row, self.setting = row, setting
        params, buffers = initial(row)
        self.params = nnx.Dict({k: nnx.Param(jnp.array(v)) for k, v in params.items()})
        self.buffers = nnx.Dict({k: nnx.BatchStat(jnp.array(v)) for k, v in buffers.items()})

    def __call__(self, x: jax.Array) -> jax.Array:
        params = cast({k: v[...] for k, v in self.params.items()}, self.setting)
        logits, new = self.row.forward(params, {k: v[...] for k, v in self.buffers.items()}, cast(x, self.setting))
        for name, value in new.items():
            self.buffers[name][...] = value
        return logits


class Sequence(nnx.Module):
    """A `torchlike.nn.Sequential` in NNX's layers."""

    def __init__(self, net: Any, setting: Setting):
        self.images = any(type(layer).__name__ == "Conv2d" for layer in net)
        channels, layers = 0, []
        for layer in net:
            channels = getattr(layer, "out_channels", channels)
            layers.append(_layer(layer, channels, setting))
        self.layers = nnx.Sequential(*layers)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.layers(x.transpose(0, 2, 3, 1) if self.images else x)


def _layer(layer: Any, channels: int, setting: Setting) -> Callable:
    kind, common = type(layer).__name__, {"dtype": setting.dtype, "rngs": nnx.Rngs(0)}
    if kind == "Linear":
        made = nnx.Linear(layer.in_features, layer.out_features, **common)
        weight = layer.weight.detach().numpy().T
    elif kind == "Conv2d":
        window, padding = layer.kernel_size, [(p, p) for p in layer.padding]
        made = nnx.Conv(layer.in_channels, layer.out_channels, window, padding=padding, **common)
        weight = layer.weight.detach().numpy().transpose(2, 3, 1, 0)
    elif kind == "MaxPool2d":
        return lambda x: nnx.max_pool(x, (2, 2), (2, 2))
    elif kind == "Flatten":  # in PyTorch's order, for which the next layer's weight is meant
        return lambda x: x.transpose(0, 3, 1, 2).reshape(len(x), -1)
    else:
        return {"ReLU": nnx.relu}[kind]
    made.kernel[...] = jnp.array(weight)
    made.bias[...] = jnp.array(layer.bias.detach().numpy())
    return made


def step(row: Row, setting: Setting) -> Callable[[], float]:
    import torchlike

    net = model(torchlike, row)
    built = Sequence(net, setting) if isinstance(net, torchlike.nn.Sequential) else Functional(row, setting)
    optimizer = nnx.Optimizer(built, row.recipe.optax(), wrt=nnx.Param)

    def train(net, optimizer, x, y):
        value, grads = nnx.value_and_grad(lambda net: loss(net(x), y))(net)
        optimizer.update(net, grads)
        return value

    compiled = nnx.cached_partial(nnx.jit(train, donate_argnums=(0, 1)), built, optimizer)
    data = batches(row)
    return lambda: float(compiled(*next(data)))
