"""Milliseconds per training step, torchlike against hand-written JAX and PyTorch.

    python -m tests.benchmarks.train_step [mlp cnn lenet4 ... chain tiny reads] [--rounds 15] [--seconds 0.2]
        [--json FILE] [--picture FILE]

Each contender lives in a process of its own; they take turns, a fraction of a second each, so that a change of the
machine's mood meets all of them. Printed are medians over the rounds and ratios to the hand-written JAX step and to
PyTorch eager. The ratios count; the milliseconds belong to the machine named in the first line. What is not installed
or cannot run a row (a captured step cannot read a value midway) is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time

from tests.benchmarks.models import CONTENDERS, PIECES, ROWS, contender


def work(which: str, name: str) -> None:
    """A contender's process: reads numbers of steps, answers with seconds per step."""
    step = contender(which, name)
    losses = [step() for _ in range(20)]
    start = time.perf_counter()
    losses.append(step())
    print(json.dumps({"last": losses[-1], "seconds": time.perf_counter() - start}), flush=True)
    for line in sys.stdin:
        n = int(line)
        start = time.perf_counter()
        for _ in range(n):
            step()
        print((time.perf_counter() - start) / n, flush=True)


def start(which: str, name: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "tests.benchmarks.train_step", "--work", which, name]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def measure(name: str, contenders: list[str], rounds: int, seconds: float) -> dict:
    """{contender: median seconds per step}, interleaved; a turn is as many of its steps as fit in `seconds`."""
    running = {}
    for which in contenders:
        process = start(which, name)
        ready = process.stdout.readline()
        if not ready:
            print(f"  {which}: does not run here")
            continue
        running[which] = (process, json.loads(ready))
    steps = {which: max(2, int(seconds / ready["seconds"])) for which, (_, ready) in running.items()}
    times: dict[str, list[float]] = {which: [] for which in running}
    for _ in range(rounds):
        for which, (process, _) in running.items():
            process.stdin.write(f"{steps[which]}\n")
            process.stdin.flush()
            times[which].append(float(process.stdout.readline()))
    for process, _ in running.values():
        process.stdin.close()
        process.wait()
    reference = running["hand-written JAX"][1]
    for which, (_, losses) in running.items():
        if abs(losses["last"] - reference["last"]) > 1e-3 * abs(reference["last"]):
            raise SystemExit(f"{which} computes something else: loss {losses} against {reference}")
    return {which: statistics.median(t) for which, t in times.items()}


def main() -> None:
    rows = [*ROWS, *PIECES]
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="model", help=f"of {', '.join(rows)}; all by default")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.2, help="about how long one contender's turn is")
    parser.add_argument("--json", help="also write the medians to this file")
    parser.add_argument("--picture", help="also draw the ratios to PyTorch eager to this file (needs matplotlib)")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        work(*args.work)
        return
    contenders = [c for c in CONTENDERS if not c.startswith("PyTorch") or importlib.util.find_spec("torch")]
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    results = {}
    for name in args.rows or rows:
        results[name] = medians = measure(name, contenders, args.rounds, args.seconds)
        hand, eager = medians["hand-written JAX"], medians.get("PyTorch")
        print(f"\n{name.upper():22} {'ms per step':>12} {'/ hand-written':>15} {'/ PyTorch eager':>16}")
        for which, seconds in medians.items():
            last = f"{seconds / eager:16.2f}" if eager else ""
            print(f"{which:22} {1000 * seconds:12.3f} {seconds / hand:15.2f} {last}")
    if args.json:
        with open(args.json, "w") as f:
            json.dump(results, f, indent=1)
    if args.picture:
        draw(results, args.picture)


def draw(results: dict, path: str) -> None:
    """Bars of the time of a step by PyTorch eager's, or by the hand-written step's where PyTorch is missing."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    base = "PyTorch" if any("PyTorch" in medians for medians in results.values()) else "hand-written JAX"
    figure, axes = plt.subplots(figsize=(max(6, 1.2 + 1.1 * len(results)), 4), layout="constrained")
    for i, which in enumerate(CONTENDERS):
        places = [(at + 0.13 * (i - 2.5), medians[which] / medians[base])
                  for at, medians in enumerate(results.values()) if which in medians and base in medians]  # fmt: skip
        if places and which != base:
            at, ratios = zip(*places, strict=True)
            axes.bar(at, [r - 1 for r in ratios], width=0.13, bottom=1, label=which)  # up: slower, down: faster
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xticks(range(len(results)), results)
    axes.set_ylabel(f"time / {base}")
    figure.legend(loc="outside upper center", fontsize="small", ncols=3)
    figure.savefig(path, dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
