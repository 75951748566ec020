"""Contenders in processes of their own that take turns: seconds per step."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time

from tests.benchmarks.contenders import Absent, contender
from tests.benchmarks.models import PIECES, row
from tests.benchmarks.report import command, reason
from tests.benchmarks.setting import Setting

WARM = 20
"""Steps before the first turn: programs are compiled in them."""

TOLERANCE = {"float32": 5e-3, "bfloat16": 5e-2}
"""How far a contender's loss after the warm-up may be from the first contender's, as a part of it. Rounding alone makes
1e-5 in float32, 1.3e-3 in PyTorch's compiled `gpt`; a wrong rate, decay or gradient makes more than 1e-2. In bfloat16 a
number has 8 bits."""


def work(which: str, name: str, setting: Setting) -> None:
    """A contender's process: reads numbers of steps, answers with seconds per step."""
    try:
        step = contender(which, name, setting)
    except Absent:
        print("null", flush=True)
        return
    for _ in range(WARM):
        step()
    start = time.perf_counter()
    last = step()
    print(json.dumps({"last": last, "seconds": time.perf_counter() - start}), flush=True)
    for line in sys.stdin:
        n = int(line)
        start = time.perf_counter()
        for _ in range(n):
            step()
        print((time.perf_counter() - start) / n, flush=True)


class Running:
    """One contender's process, past its warm-up; `ready` is what it said then, None where it has no such row."""

    def __init__(self, which: str, name: str, setting: Setting):
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  read when the process has failed
        self.process = subprocess.Popen(
            command("train_step", "--work", which, name, *setting.flags), env=setting.environment,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
        )  # fmt: skip
        said = self.process.stdout.readline()
        self.failed = not said
        self.ready = json.loads(said) if said else None
        if self.ready is None:
            self.process.wait()

    def reason(self) -> str:
        """The last line of its errors."""
        self.errors.seek(0)
        return reason(self.errors.read())

    def turn(self, steps: int) -> float:
        """Seconds per step."""
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def measure(name: str, contenders: list[str], rounds: int, seconds: float, setting: Setting) -> dict[str, float]:
    """{contender: median seconds per step}, interleaved; a turn is as many of its steps as fit in `seconds`.

    Where a row is large each contender has the device for itself and takes all its turns before the next one starts.
    """
    apart = name not in PIECES and row(name, setting).large
    results: dict[str, float] = {}
    losses: dict[str, float] = {}
    for together in [[which] for which in contenders] if apart else [contenders]:
        running = {}
        for which in together:
            process = Running(which, name, setting)
            if process.failed:
                print(f"  {name}, {which}: does not run here: {process.reason()}", flush=True)
            elif process.ready:
                running[which] = process
                losses[which] = process.ready["last"]
        times: dict[str, list[float]] = {which: [] for which in running}
        for _ in range(rounds):
            for which, process in running.items():
                times[which].append(process.turn(max(2, int(seconds / process.ready["seconds"]))))
        for process in running.values():
            process.end()
        results |= {which: statistics.median(taken) for which, taken in times.items()}
    _agree(losses, TOLERANCE[setting.dtype])
    return results


def _agree(losses: dict[str, float], tolerance: float) -> None:
    """Raise where a contender computes something else than the first."""
    first, *others = losses
    for which in others:
        if not abs(losses[which] - losses[first]) <= tolerance * abs(losses[first]):
            raise SystemExit(f"{which} computes something else: loss {losses[which]}, {first} has {losses[first]}")
