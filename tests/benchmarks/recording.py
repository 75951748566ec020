"""Microseconds that torchlike's own Python takes for an operation, whatever XLA does with it.

    python -m tests.benchmarks.recording [--rounds 9] [--json FILE]

`record` is one element-wise operation with a Python number, noted on the tape and not run; `with history` the same on a
tensor that requires a gradient. `key and call` is a barrier over a hundred such operations on 8 elements whose program
is compiled already: finding it, giving it its arrays and taking its results, in which XLA's own part is a few
microseconds. All three are the least of many repetitions in a round, as other work only adds to them; printed are
medians over the rounds, beside what is aimed at.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from tests.benchmarks import report

OPERATIONS, REPETITIONS = 100, 50
AIMS = {"record": 3.0, "record with history": 3.0, "key and call, 100 entries": 50.0}


def _costs(requires_grad: bool) -> tuple[float, float]:
    """Microseconds of (an operation's recording, the barrier after a hundred of them), each the least."""
    import torchlike
    from torchlike.core import tape

    x = torchlike.ones(8, requires_grad=requires_grad)
    recording, running = [], []
    for _ in range(REPETITIONS):
        tape.barrier()
        y = x
        start = time.perf_counter()
        for _ in range(OPERATIONS):
            y = y * 0.99
        recorded = time.perf_counter()
        tape.barrier()
        running.append(time.perf_counter() - recorded)
        recording.append((recorded - start) / OPERATIONS)
    return 1e6 * min(recording), 1e6 * min(running)


def measure(rounds: int) -> dict[str, float]:
    """{what: median microseconds}."""
    measures: dict[str, Callable[[], float]] = {
        "record": lambda: _costs(False)[0],
        "record with history": lambda: _costs(True)[0],
        "key and call, 100 entries": lambda: _costs(False)[1],
    }
    return report.medians(rounds, measures)


def table(rounds: int) -> dict[str, float]:
    """Measure and print."""
    costs = measure(rounds)
    report.table("recording", ("µs", "aim"), [(what, (taken, AIMS[what])) for what, taken in costs.items()])
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    report.options(parser, rounds=9)
    args = parser.parse_args()
    report.announce()
    report.write(args.json, table(args.rounds))


if __name__ == "__main__":
    main()
