"""MiB that a training row takes over what its imports take, in a process of its own.

    python -m tests.benchmarks.memory [wide lenet128 gpt resnet32] [--rounds 3] [--steps 30] [--json FILE]

Measured is the most memory that was resident while the model was built and so many steps were trained, compilation
included, less what was resident after the imports. Printed are medians and ratios to the hand-written JAX step, which
gives its buffers away; it gets its first values from a file, so that it does not pay for another library's model.
`wide` has 80 MiB of parameters and Adam's state of twice that, so that a copy too many shows; where a step is small,
the compiler's own memory is most of the figure. torchlike's disk cache is off: a hit would spare only it the compiler.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import os
import resource
import sys
import tempfile

import numpy as np

from tests.benchmarks import report
from tests.benchmarks.contenders import CONTENDERS, EAGER, HAND
from tests.benchmarks.models import ROWS, initial, row
from tests.benchmarks.setting import Setting

COMPARED = (HAND, "torchlike", "torchlike fullgraph", EAGER)
CHOSEN = ("wide", "lenet128", "gpt", "resnet32")


def _resident() -> float:
    """MiB now; without Linux's /proc the most so far, which after imports is about the same."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return _peak()


def _peak() -> float:
    """The most MiB so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _values(folder: str) -> tuple[dict, dict]:
    return tuple(dict(np.load(os.path.join(folder, f"{part}.npz"))) for part in ("parameters", "buffers"))


def work(which: str, name: str, folder: str, steps: int, setting: Setting) -> None:
    """A contender's process: prints MiB over its imports."""
    chosen = row(name, setting)
    if which == HAND:
        by_hand = importlib.import_module("tests.benchmarks.contenders.by_hand")
        importlib.import_module("jax").devices()
        before = _resident()
        step = by_hand.step(chosen, setting, _values(folder))
    else:
        pytorch_style = importlib.import_module("tests.benchmarks.contenders.pytorch_style")
        lib = importlib.import_module(CONTENDERS[which])
        lib.zeros(1).numpy()
        before = _resident()
        step = pytorch_style.step(lib, chosen, setting, which.split()[-1])
    for _ in range(steps):
        step()
    print(json.dumps(_peak() - before))


def measure(name: str, rounds: int, steps: int, setting: Setting) -> dict[str, float]:
    """{contender: median MiB}, taking turns."""
    environment = {**setting.environment, "TORCHLIKE_CACHE": "off"}
    compared = [which for which in COMPARED if report.installed(CONTENDERS[which])]
    with tempfile.TemporaryDirectory() as folder:
        for part, values in zip(("parameters", "buffers"), initial(row(name, setting)), strict=True):
            np.savez(os.path.join(folder, f"{part}.npz"), **values)
        arguments = [name, folder, str(steps)]
        return report.medians(rounds, {
            which: functools.partial(
                report.run, "memory", "--work", which, *arguments, *setting.flags, environment=environment
            )
            for which in compared
        })  # fmt: skip


def table(names: list[str], rounds: int, steps: int, setting: Setting) -> dict[str, dict[str, float]]:
    """Measure the rows and print them: {row: {contender: median MiB}}."""
    results = {}
    for name in names:
        results[name] = medians = measure(name, rounds, steps, setting)
        report.table(
            f"memory of {name} over the imports",
            ("MiB", "/ hand-written", "/ PyTorch"),
            [(which, (taken, report.ratio(taken, medians[HAND]), report.ratio(taken, medians.get(EAGER))))
             for which, taken in medians.items()],
        )  # fmt: skip
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; by default {', '.join(CHOSEN)}")
    report.options(parser, rounds=3)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--small", action="store_true", help="shrink the rows, to try the command out")
    parser.add_argument("--device", choices=("cpu",), default="cpu", help=argparse.SUPPRESS)
    parser.add_argument("--dtype", choices=("float32",), default="float32", help=argparse.SUPPRESS)
    parser.add_argument("--work", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    setting = Setting(small=args.small)
    if args.work:
        which, name, folder, steps = args.work
        work(which, name, folder, int(steps), setting)
        return
    report.announce()
    report.write(args.json, table(args.rows or list(CHOSEN), args.rounds, args.steps, setting))


if __name__ == "__main__":
    main()
