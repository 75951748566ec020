"""Seconds and memory until a beginner sees something, each in a process of its own.

    python -m tests.benchmarks.start [import step hundred page] [--rounds 3] [--json FILE]

`import` is the import alone, `step` the import and the first training step of LeNet at batch 4, `hundred` the import
and the first hundred of them, `page` the import and a page of 60 different operations, each printed. Cold is without
compiled programs on disk, warm the run after one that kept them there. The contenders take turns; printed are medians
of the seconds and of the most memory that was resident, and ratios to PyTorch where it is installed.
"""

from __future__ import annotations

import argparse
import importlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from tests.benchmarks import report

ROWS = ("import", "step", "hundred", "page")
CONTENDERS = (("torchlike", "cold"), ("torchlike", "warm"), ("torch", ""))

PAGE = """
x+y x-y x*y x/y x**2 x@y x>y x==y x.T x[0] x[:,1] x[1,2] x.sum() x.mean() x.std() x.max() x.min() x.argmax() x.abs()
x.exp() x.sin() x.cos() x.tanh() x.sigmoid() x.relu() x.softmax(1) x.log_softmax(1) x.cumsum(0) x.prod() x.norm()
x.sort()[0] x.topk(2)[0] x.flatten() x.reshape(2,8) x.unsqueeze(0) x.clamp(-1,1) x.round() x.floor() x.ceil() x.sign()
x.sqrt() x.log() x.sum(0) x.mean(1) x.var(0) x.any() x.all() x.int() x.double() x.diag() x.triu() x.tril() x.trace()
x.roll(1) x.flip(0) lib.cat([x,y]) lib.stack([x,y]) lib.where(x>0,x,y) lib.eye(3) lib.arange(6)
"""


def work(row: str, library: str) -> None:
    """Do the row's work; only the clock of whoever started this process counts."""
    lib = importlib.import_module(library)
    if row in ("step", "hundred"):
        from tests.benchmarks.contenders import pytorch_style
        from tests.benchmarks.models import ROWS
        from tests.benchmarks.setting import Setting

        step = pytorch_style.step(lib, ROWS["lenet4"], Setting())
        print([step() for _ in range(100 if row == "hundred" else 1)])
    elif row == "page":
        lib.manual_seed(0)
        names = {"x": lib.randn(4, 4), "y": lib.randn(4, 4), "lib": lib}
        for line in PAGE.split():
            print(eval(line, names))


def cost(row: str, library: str, cache: str) -> tuple[float, float]:
    """(seconds, MiB) of the row's process."""
    environment = {**os.environ, "TORCHLIKE_CACHE": cache}
    command = report.command("start", "--work", row, library)
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    taken = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return taken, used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def measure(row: str, rounds: int) -> dict[str, tuple[float, float]]:
    """{contender: (median seconds, median MiB)}, taking turns."""
    costs: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:  # cold fills it, warm finds it full
            for library, state in CONTENDERS:
                if report.installed(library) and not (row == "import" and state == "warm"):
                    costs.setdefault(f"{library} {state}".strip(), []).append(cost(row, library, cache))
    return {which: tuple(map(statistics.median, zip(*c, strict=True))) for which, c in costs.items()}


def table(rows: Sequence[str], rounds: int) -> dict[str, dict[str, tuple[float, float]]]:
    """Measure the rows and print them: {row: {contender: (median seconds, median MiB)}}."""
    results = {}
    for row in rows:
        results[row] = medians = measure(row, rounds)
        seconds, memory = medians.get("torch", (None, None))
        report.table(
            f"start: {row}",
            ("seconds", "/ PyTorch", "MiB", "/ PyTorch"),
            [(which, (s, report.ratio(s, seconds), m, report.ratio(m, memory))) for which, (s, m) in medians.items()],
        )
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; all by default")
    report.options(parser, rounds=3)
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(*args.work)
        return
    report.announce()
    report.write(args.json, table(args.rows or ROWS, args.rounds))


if __name__ == "__main__":
    main()
