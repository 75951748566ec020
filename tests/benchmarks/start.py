"""Seconds until a beginner sees something, each in a process of its own.

    python -m tests.benchmarks.start [import step page] [--rounds 3] [--json FILE]

`import` is the import alone, `step` the import and the first training step of LeNet at batch 4, `page` the import and a
page of 60 different operations, each printed. Cold is without compiled programs on disk, warm the run after one that
kept them there. The contenders take turns; printed are medians, and ratios to PyTorch where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

ROWS = ("import", "step", "page")
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
    if row == "step":
        from tests.benchmarks.models import steps

        print(steps(lib, "lenet4")())
    elif row == "page":
        lib.manual_seed(0)
        names = {"x": lib.randn(4, 4), "y": lib.randn(4, 4), "lib": lib}
        for line in PAGE.split():
            print(eval(line, names))


def seconds(row: str, library: str, cache: str) -> float:
    environment = {**os.environ, "TORCHLIKE_CACHE": cache}
    command = [sys.executable, "-m", "tests.benchmarks.start", "--work", row, library]
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def measure(row: str, rounds: int) -> dict[str, float]:
    """{contender: median seconds}, taking turns."""
    times: dict[str, list[float]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:  # cold fills it, warm finds it full
            for library, state in CONTENDERS:
                if importlib.util.find_spec(library) and not (row == "import" and state == "warm"):
                    times.setdefault(f"{library} {state}".strip(), []).append(seconds(row, library, cache))
    return {which: statistics.median(t) for which, t in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; all by default")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", help="also write the medians to this file")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(*args.work)
        return
    results = {row: measure(row, args.rounds) for row in args.rows or ROWS}
    print(f"{'':8} {'seconds':>24} {'/ PyTorch':>10}")
    for row, medians in results.items():
        for which, taken in medians.items():
            ratio = f"{taken / medians['torch']:10.2f}" if "torch" in medians else ""
            print(f"{row:8} {which:16} {taken:7.2f} {ratio}")
    if args.json:
        with open(args.json, "w") as f:
            json.dump(results, f, indent=1)


if __name__ == "__main__":
    main()
