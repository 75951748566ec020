"""MiB at the peak of a training step above what the process held after its imports.

    python -m tests.benchmarks.memory [wide lenet128 resnet32 gpt lstm] [--rounds 1] [--device cuda] [--json FILE]

Each contender has a process of its own. `peak` is the most that was resident during ten steps after five that compiled
(Linux; on a GPU the most that JAX's or PyTorch's allocator gave, from the start), `whole` the most since the imports,
compilers included, `arrays` the live JAX arrays after a step. Printed are medians and the peaks' ratios to hand-written
JAX, which gives its buffers away. `wide` is an MLP whose parameters and Adam's state make 72 MiB, so that a buffer that
is not given away shows.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import resource
import statistics
import sys

from tests.benchmarks import report, setting
from tests.benchmarks.contenders import CONTENDERS, HAND, Absent, contender, present
from tests.benchmarks.models import ROWS

EVERYDAY = ("wide", "lenet128", "resnet32", "gpt", "lstm")
FIGURES = ("peak", "whole", "arrays")
WARM, STEPS = 5, 10


def _resident() -> float | None:
    """MiB resident now, None where the system does not say."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        return None


def _most() -> float:
    """The most MiB that were resident since the start or since `_forget_peak`."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used / (2**20 if sys.platform == "darwin" else 2**10)


def _forget_peak() -> bool:
    """Let the peak start again from what is resident now (Linux: proc_pid_clear_refs(5)); False where it cannot."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return False
    return True


def _allocated(package: str) -> float:
    """MiB at the peak of the allocator of the process's GPU."""
    if package == "torch":
        return importlib.import_module("torch").cuda.max_memory_allocated() / 2**20
    import jax

    return jax.local_devices()[0].memory_stats()["peak_bytes_in_use"] / 2**20


def work(which: str, name: str, given: setting.Setting) -> dict[str, float | None] | None:
    """The figures of one contender, measured in its own process; None where it has no such row."""
    package = CONTENDERS[which]
    importlib.import_module(package)
    if package != "torch":  # these take the first values from torchlike
        importlib.import_module("torchlike")
        importlib.import_module("optax")
    gc.collect()
    _forget_peak()
    before = _resident() or _most()
    try:
        step = contender(which, name, given)
    except Absent:
        return None
    for _ in range(WARM):
        step()
    gc.collect()
    whole = _most()
    again = _forget_peak()
    for _ in range(STEPS):
        step()
    peak = _most() - before if again else None
    arrays = None
    if "jax" in sys.modules:
        arrays = sum(a.nbytes for a in sys.modules["jax"].live_arrays()) / 2**20
    if given.device == "cuda":
        peak = _allocated(package)
    return {"peak": peak, "whole": max(whole, _most()) - before, "arrays": arrays}


def measure(name: str, contenders: list[str], rounds: int, given: setting.Setting) -> dict[str, dict]:
    """{contender: {figure: median}}, taking turns; who fails is left out."""
    taken: dict[str, list[dict]] = {}
    for _ in range(rounds):
        for which in contenders:
            found = report.run("memory", "--work", which, name, *given.flags, environment=given.environment)
            if found:
                taken.setdefault(which, []).append(found)
    return {
        which: {f: statistics.median(r[f] for r in runs) if runs[0][f] is not None else None for f in FIGURES}
        for which, runs in taken.items()
    }


def table(names: list[str], rounds: int, given: setting.Setting, contenders: list[str]) -> dict:
    """Measure the rows and print them: {row: {contender: {figure: MiB}}}."""
    results = {}
    for name in names:
        results[name] = found = measure(name, contenders, rounds, given)
        hand = found.get(HAND, {}).get("peak")
        report.table(
            f"{name}, MiB ({given.dtype}, {given.device})", ("peak", "/ hand-written", "whole", "arrays"),
            [(which, (f["peak"], report.ratio(f["peak"], hand), f["whole"], f["arrays"])) for which, f in found.items()],
        )  # fmt: skip
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(ROWS)}; by default {EVERYDAY}")
    report.options(parser, rounds=1)
    setting.options(parser)
    parser.add_argument("--contenders", nargs="+", metavar="NAME", help=f"of {', '.join(present())}; all by default")
    parser.add_argument("--work", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    given = setting.of(args)
    if args.work:
        print(json.dumps(work(*args.work, given)))
        return
    report.announce()
    report.write(args.json, table(args.rows or list(EVERYDAY), args.rounds, given, args.contenders or present()))


if __name__ == "__main__":
    main()
