"""Does a long loop stay as quick and as small as it was?

    python -m tests.benchmarks.flat [--steps 1000]

Trains the MLP for so many steps, reading every loss, and prints the median step time, the live JAX arrays and the
process's memory after each tenth.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time

import jax

import torchlike
from tests.benchmarks.contenders.pytorch_style import step as make
from tests.benchmarks.models import ROWS
from tests.benchmarks.setting import Setting


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=1000)
    n = parser.parse_args().steps
    step = make(torchlike, ROWS["mlp"], Setting())
    for _ in range(10):
        step()
    torchlike.explain.counts.reset()
    print(f"{'steps':>10} {'ms per step':>12} {'live arrays':>12} {'peak MiB':>9}")
    for tenth in range(10):
        times = []
        for _ in range(n // 10):
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        median, arrays = 1000 * statistics.median(times), len(jax.live_arrays())
        print(f"{(tenth + 1) * n // 10:10} {median:12.3f} {arrays:12} {peak:9.0f}")
    print(torchlike.explain.counts())


if __name__ == "__main__":
    main()
