"""Milliseconds per training step, torchlike against hand-written JAX, Flax NNX, PyTorch and others.

    python -m tests.benchmarks.train_step [mlp cnn lenet4 ... chain tiny reads persample] [--rounds 15] [--seconds 0.2]
        [--device cuda] [--dtype bfloat16] [--json FILE] [--picture FILE]

Each contender lives in a process of its own; they take turns, a fraction of a second each, so that a change of the
machine's mood meets all of them. Printed are medians over the rounds, ratios to the hand-written JAX step and to
PyTorch eager, and, where the row's floating-point operations are counted and the GPU's peak is known, the utilisation.
The ratios count; the milliseconds belong to the machine named in the first lines. What is not installed or has no
version of a row is left out; what fails (a captured step cannot read a value midway) says so. The rows `resnet50` and
`gpt2` are for a GPU.
"""

from __future__ import annotations

import argparse

from tests.benchmarks import report, setting, turns
from tests.benchmarks.contenders import EAGER, HAND, present
from tests.benchmarks.models import EVERYDAY, PIECES, ROWS, row
from tests.benchmarks.picture import draw
from tests.benchmarks.utilisation import utilisation


def table(names: list[str], rounds: int, seconds: float, given: setting.Setting, contenders: list[str]) -> dict:
    """Measure the rows and print them: {row: {contender: median seconds per step}}."""
    results = {}
    for name in names:
        results[name] = medians = turns.measure(name, contenders, rounds, seconds, given)
        hand, eager = medians.get(HAND), medians.get(EAGER)
        flops = None if name in PIECES else row(name, given).flops()
        columns = ["ms per step", "/ hand-written", "/ PyTorch"] + ["utilisation"] * (given.device == "cuda")
        lines = [
            (which, (1000 * taken, report.ratio(taken, hand), report.ratio(taken, eager),
                     utilisation(flops, taken, given))[: len(columns)])
            for which, taken in medians.items()
        ]  # fmt: skip
        report.table(f"{name} ({given.dtype}, {given.device})", columns, lines)
    return results


def main() -> None:
    names = [*ROWS, *PIECES]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(names)}; by default {EVERYDAY}")
    report.options(parser, rounds=15)
    setting.options(parser)
    parser.add_argument("--seconds", type=float, default=0.2, help="about how long one contender's turn is")
    parser.add_argument("--contenders", nargs="+", metavar="NAME", help=f"of {', '.join(present())}; all by default")
    parser.add_argument("--picture", metavar="FILE", help="also draw the ratios to PyTorch eager (needs matplotlib)")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    given = setting.of(args)
    if args.work:
        turns.work(*args.work, given)
        return
    report.announce()
    results = table(args.rows or EVERYDAY, args.rounds, args.seconds, given, args.contenders or present())
    report.write(args.json, results)
    if args.picture:
        draw(results, args.picture)


if __name__ == "__main__":
    main()
