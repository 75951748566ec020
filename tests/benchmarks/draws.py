"""Milliseconds per draw and per step with dropout, torchlike against PyTorch, taking turns.

    python -m tests.benchmarks.draws [--rounds 15] [--cpu]

Printed are medians over the rounds and their ratios. With --cpu the milliseconds are those of all processor cores
together, which other work on the machine changes less; threads that wait for each other count as well.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any


def _step(lib: Any, dropout: bool) -> Callable:
    nn = lib.nn
    model = nn.Sequential(
        nn.Linear(256, 1024), nn.ReLU(), nn.Dropout(0.5) if dropout else nn.Identity(), nn.Linear(1024, 10)
    )
    optimizer = lib.optim.SGD(model.parameters(), lr=1e-2)
    x, y = lib.randn(128, 256), lib.randint(0, 10, (128,))

    def step() -> None:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def _read(make: Callable) -> Callable:
    return lambda: make().numpy()


ROWS: dict[str, Callable] = {
    "step with dropout": lambda lib: _step(lib, True),
    "step without": lambda lib: _step(lib, False),
    "rand(1e6)": lambda lib: _read(lambda: lib.rand(1_000_000)),
    "randn(1e6)": lambda lib: _read(lambda: lib.randn(1_000_000)),
    "randint(10, 1e6)": lambda lib: _read(lambda: lib.randint(0, 10, (1_000_000,))),
    "bernoulli_(1e6)": lambda lib: _read(lambda: lib.empty(1_000_000).bernoulli_(0.5)),
    "exponential_(1e6)": lambda lib: _read(lambda: lib.empty(1_000_000).exponential_()),
    "randperm(1e5)": lambda lib: _read(lambda: lib.randperm(100_000)),
    "poisson(1e4)": lambda lib: _read(lambda: lib.poisson(lib.full((10_000,), 30.0))),
    "binomial(1e4)": lambda lib: _read(lambda: lib.binomial(lib.full((10_000,), 60.0), lib.full((10_000,), 0.4))),
    "gamma(1e4)": lambda lib: _read(lambda: lib._standard_gamma(lib.full((10_000,), 2.5))),
}


def main() -> None:
    """The command."""
    import torch

    import torchlike

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", help="of the names in the table; all by default")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--cpu", action="store_true", help="processor time instead of time on the wall")
    chosen = parser.parse_args()
    clock = time.process_time if chosen.cpu else time.perf_counter
    print(f"{'ms':20}{'torchlike':>11}{'PyTorch':>11}{'ratio':>8}")
    for name in chosen.rows or ROWS:
        contenders = [ROWS[name](torchlike), ROWS[name](torch)]
        for run in contenders:
            for _ in range(4):
                run()
        times: list[list[float]] = [[], []]
        for _ in range(chosen.rounds):
            for run, taken in zip(contenders, times, strict=True):
                start = clock()
                run()
                taken.append(clock() - start)
        ours, theirs = (1e3 * statistics.median(t) for t in times)
        print(f"{name:20}{ours:11.3f}{theirs:11.3f}{ours / theirs:8.2f}", flush=True)


if __name__ == "__main__":
    main()
