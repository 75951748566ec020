"""How long may a graph be, and does a long loop keep anything?

    python -m tests.benchmarks.long_graph [--operations 100000] [--steps 10000] [--batch 2000]

Prints, for one graph of so many operations, microseconds per operation of the forward and the backward pass and of
freeing it, and the process's memory before, after the forward pass and after the backward pass; then the memory and the
live arrays during a loop of so many small training steps whose gradients are kept for a step and freed. `--batch` is
the length of a batch of the tape: the first batches include the time to compile a program of that length.
"""

from __future__ import annotations

import argparse
import resource
import time

import jax

import torchlike
from torchlike.core import tape


def resident() -> float:
    """MiB that the process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20


def graph(operations: int) -> None:
    x = torchlike.ones(16, requires_grad=True)
    before, start = resident(), time.perf_counter()
    y = x
    for _ in range(operations):
        y = y * 1.00001
    forward, held = time.perf_counter() - start, resident()
    start = time.perf_counter()
    y.sum().backward()
    x.grad.tolist()
    backward, after = time.perf_counter() - start, resident()
    start = time.perf_counter()
    del y
    freed = time.perf_counter() - start
    each = [f"{1e6 * t / operations:8.1f}" for t in (forward, backward, freed)]
    print(f"{operations:10} {' '.join(each)} {before:9.0f} {held:9.0f} {after:9.0f}", flush=True)


def loop(steps: int) -> None:
    w = torchlike.ones(64, requires_grad=True)
    kept = None
    for tenth in range(10):
        start = time.perf_counter()
        for _ in range(steps // 10):
            (w * w).sin().sum().backward()
            kept = w.grad
            with torchlike.no_grad():
                w -= 0.01 * kept
            w.grad = None
        w.tolist()
        each = 1e6 * (time.perf_counter() - start) / (steps // 10)
        print(f"{(tenth + 1) * steps // 10:10} {each:8.1f} {resident():9.0f} {len(jax.live_arrays()):9}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--operations", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=tape.LIMIT)
    given = parser.parse_args()
    tape.LIMIT = given.batch
    print("operations  forward backward    freed MiB before   forward  backward   (times in µs per operation)")
    for n in (given.operations // 100, given.operations // 10, given.operations, given.operations):
        graph(n)
    print("     steps  µs/step       MiB    arrays")
    loop(given.steps)


if __name__ == "__main__":
    main()
