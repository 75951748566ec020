"""What PyTorch gave for some cases of each kind, so that they are checked where PyTorch is not installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.random_draws.kinds import KINDS
from tests.random_draws.verdict import Drawn, run

FILE = Path(__file__).parents[1] / "data" / "random_draws.npz"
CASES = range(12)
MOST = 300
"""Elements of a recorded result; a larger case is left out."""


def record() -> None:
    """Write the file from the PyTorch that is installed."""
    import torch

    kept = {}
    for kind in KINDS:
        for number in CASES:
            drawn = run(torch, kind, number)
            if drawn.values.size <= MOST:
                kept[f"{kind}|{number}|{drawn.dtype}|{drawn.state}|{drawn.error}"] = drawn.values
    np.savez_compressed(FILE, **kept)


def load() -> dict[tuple[str, int], Drawn]:
    """{(kind, number): what PyTorch gave}."""
    found = {}
    with np.load(FILE) as kept:
        for name in kept.files:
            kind, number, dtype, state, error = name.split("|")
            found[kind, int(number)] = Drawn(kept[name], dtype, state, error)
    return found
