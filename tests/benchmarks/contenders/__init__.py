"""The columns of the tables, one file for each library: who they are, what they need, what they can run.

A contender gives, for a row and a setting, a step: a function of nothing that returns the next loss, or a program's
number. Every training step takes the next of a few prepared batches and reads its loss, as training loops do.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

from tests.benchmarks.models import PIECES, row
from tests.benchmarks.report import installed
from tests.benchmarks.setting import Setting

HAND, EAGER = "hand-written JAX", "PyTorch"

CONTENDERS = {
    HAND: "jax", "torchlike": "torchlike", "torchlike compile": "torchlike", "torchlike fullgraph": "torchlike",
    "Flax NNX": "flax", EAGER: "torch", "PyTorch compile": "torch", "torchax": "torchax", "tinygrad": "tinygrad",
}  # fmt: skip
"""Their names and the packages they need."""


class Absent(Exception):
    """The contender has no version of this row."""


def present() -> list[str]:
    """The contenders whose packages are installed."""
    return [name for name, package in CONTENDERS.items() if installed(package)]


def contender(which: str, name: str, setting: Setting) -> Callable[[], float]:
    """The step of one column for one row, ready to be called."""
    library, how = which.split()[0], which.split()[-1]
    if library in ("torchlike", EAGER):
        from tests.benchmarks.contenders import pytorch_style

        lib = importlib.import_module(CONTENDERS[which])
        setting.prepare(lib)
        if name in PIECES:
            return pytorch_style.piece(lib, name, setting, how)
        return pytorch_style.step(lib, row(name, setting), setting, how)
    if name in PIECES:
        if which != HAND:
            raise Absent
        program = PIECES[name].by_hand(setting)
        return lambda: float(program())
    file = {HAND: "by_hand", "Flax NNX": "flax_nnx", "torchax": "with_torchax", "tinygrad": "with_tinygrad"}[which]
    return importlib.import_module(f"tests.benchmarks.contenders.{file}").step(row(name, setting), setting)
