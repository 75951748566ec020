"""torchlike and PyTorch: an ordinary PyTorch loop's step, the same lines for both."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from tests.benchmarks.models import PIECES, model
from tests.benchmarks.row import Row
from tests.benchmarks.setting import Setting


def step(lib: Any, row: Row, setting: Setting, how: str = "") -> Callable[[], float]:
    """Plain, with `how` "compile" the model compiled, with "fullgraph" the whole step captured."""
    net = model(lib, row).to(setting.device)
    parameters = list(net.parameters())
    optimizer, clip = row.recipe.torch(lib, parameters), row.recipe.clip
    criterion = lib.nn.CrossEntropyLoss()
    if how == "compile":
        net = lib.compile(net)

    def train(x, y):
        optimizer.zero_grad()
        with setting.autocast(lib):
            loss = criterion(net(x).flatten(0, -2), y.flatten())
        loss.backward()
        if clip:
            lib.nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        return loss

    if how == "fullgraph":
        train = lib.compile(train, fullgraph=True)
    data = itertools.cycle([(setting.place(lib, x), setting.place(lib, y)) for x, y in row.batches()])
    return lambda: train(*next(data)).item()


def piece(lib: Any, name: str, setting: Setting, how: str = "") -> Callable[[], float]:
    """A program that trains nothing, plain or compiled."""
    program = PIECES[name].run(lib, setting)
    if how in ("compile", "fullgraph"):
        program = lib.compile(program, fullgraph=how == "fullgraph")
    return lambda: float(program())
