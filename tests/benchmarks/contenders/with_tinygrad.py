"""tinygrad: rows that are a sequence of layers, in its own layers under `TinyJit`, float32."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from tinygrad import Context, Tensor, TinyJit, nn

from tests.benchmarks.contenders import Absent
from tests.benchmarks.models import model
from tests.benchmarks.row import Row
from tests.benchmarks.setting import Setting


def _layer(layer) -> Callable:
    kind = type(layer).__name__
    if kind == "Linear":
        made = nn.Linear(layer.in_features, layer.out_features)
    elif kind == "Conv2d":
        made = nn.Conv2d(layer.in_channels, layer.out_channels, layer.kernel_size, padding=layer.padding[0])
    else:
        return {"ReLU": Tensor.relu, "MaxPool2d": Tensor.max_pool2d, "Flatten": lambda x: x.flatten(1)}[kind]
    made.weight.assign(Tensor(layer.weight.detach().numpy())).realize()
    made.bias.assign(Tensor(layer.bias.detach().numpy())).realize()
    return made


def step(row: Row, setting: Setting) -> Callable[[], float]:
    import torchlike

    net = model(torchlike, row)
    recipe = row.recipe
    if not isinstance(net, torchlike.nn.Sequential) or recipe.clip or recipe.decay or setting.dtype != "float32":
        raise Absent
    layers = [_layer(layer) for layer in net]
    optimizer = nn.optim.Adam(nn.state.get_parameters(layers), lr=recipe.lr)

    @TinyJit
    @Context(TRAINING=1)
    def train(x, y):
        optimizer.zero_grad()
        loss = x.sequential(layers).sparse_categorical_crossentropy(y).backward()
        optimizer.step()
        return loss.realize()

    data = itertools.cycle([(Tensor(x).realize(), Tensor(y.astype(np.int32)).realize()) for x, y in row.batches()])
    return lambda: train(*next(data)).item()
