"""torchax: PyTorch's modules on JAX arrays, the step of its own `torchax.train` under one jit, optax.

That step leaves buffers as they are, so a row with batch norms has no version here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
import torchax
from torchax import interop, train

from tests.benchmarks.contenders import Absent
from tests.benchmarks.models import model
from tests.benchmarks.row import Row
from tests.benchmarks.setting import Setting


def step(row: Row, setting: Setting) -> Callable[[], float]:
    net = model(torch, row)
    if any(True for _ in net.buffers()) or setting.dtype != "float32":
        raise Absent
    torchax.enable_globally()
    module = interop.JittableModule(net.to("jax"))
    criterion, tx = torch.nn.CrossEntropyLoss(), row.recipe.optax()

    def forward(weights, buffers, x):
        return module.functional_call("forward", weights, buffers, x)

    def objective(logits, y):
        return criterion(logits.flatten(0, -2), y.flatten())

    compiled = interop.jax_jit(
        train.make_train_step(forward, objective, tx), kwargs_for_jax_jit={"donate_argnums": (0, 2)}
    )
    held = [module.params, interop.call_jax(tx.init, module.params)]
    data = itertools.cycle([(torch.from_numpy(x).to("jax"), torch.from_numpy(y).to("jax")) for x, y in row.batches()])

    def run() -> float:
        value, *held[:] = compiled(held[0], module.buffers, held[1], *next(data))
        return value.item()

    return run
