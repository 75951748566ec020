"""All that docs/performance.md promises to measure, or chosen parts of it.

    python -m tests.benchmarks [steps start memory lengths recording] [--rounds 5] [--json FILE]
        [--picture FILE] [--device cuda] [--dtype bfloat16] [--small]

`steps` is the table of training steps and small programs (with `--device cuda` ResNet-50 and GPT-2 as well), `start`
the import, the first result and the hundredth step with a cold and a warm disk cache, `memory` the peak of training
rows, `lengths` a loop whose batches differ in length, `recording` the cost of an operation without XLA. Each part is a
command of its own with more arguments, `python -m tests.benchmarks.train_step` and so on. The first lines, and the
JSON, name the machine that the figures belong to.
"""

from __future__ import annotations

import argparse

from tests.benchmarks import lengths, memory, recording, report, setting, start, train_step
from tests.benchmarks.contenders import present
from tests.benchmarks.models import EVERYDAY, ROWS
from tests.benchmarks.picture import draw

PARTS = ("steps", "start", "memory", "lengths", "recording")
ON_GPU = ("steps",)
"""The other parts are about the processor."""


def measure(part: str, rounds: int, given: setting.Setting) -> dict:
    """Print a part's tables and give its figures."""
    if part == "steps":
        large = [name for name, row in ROWS.items() if row.large] if given.device == "cuda" else []
        return train_step.table(EVERYDAY + large, rounds, 0.2, given, present())
    if part == "start":
        return start.table(start.ROWS, rounds)
    if part == "memory":
        return memory.table(list(memory.CHOSEN), rounds, 30, given)
    if part == "lengths":
        return lengths.table(200, rounds)
    return recording.table(rounds)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all by default")
    report.options(parser, rounds=5)
    setting.options(parser)
    parser.add_argument("--picture", metavar="FILE", help="draw the steps' ratios to PyTorch eager (needs matplotlib)")
    args = parser.parse_args()
    given = setting.of(args)
    usual = given == setting.Setting(small=given.small)
    parts = args.parts or (PARTS if usual else ON_GPU)
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if not usual and set(parts) - set(ON_GPU):
        parser.error(f"--device and --dtype are for {', '.join(ON_GPU)} alone")
    if args.picture and "steps" not in parts:
        parser.error("--picture draws the steps, which are not among the chosen parts")
    report.announce()
    figures = {part: measure(part, args.rounds, given) for part in parts}
    report.write(args.json, figures)
    if args.picture:
        draw(figures["steps"], args.picture)


if __name__ == "__main__":
    main()
