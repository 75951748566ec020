"""What the benchmark commands share: the machine's description, contenders' processes, tables, JSON."""

from __future__ import annotations

import argparse
import functools
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

PACKAGES = ("jax", "flax", "optax", "torch", "torchax", "tinygrad")


def installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def medians(rounds: int, measures: dict[str, Callable[[], float]]) -> dict[str, float]:
    """{name: median of what its function gave}; the functions take turns, so that all meet the machine's moods."""
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            taken[name].append(measure())
    return {name: statistics.median(values) for name, values in taken.items()}


def command(module: str, *arguments: str) -> list[str]:
    """The command line of a contender's process; `module` is a file's name in this folder."""
    return [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]


def reason(errors: str) -> str:
    """The last line of what a process wrote to its standard error, which says why it failed."""
    return ([line.strip() for line in errors.splitlines() if line.strip()] or ["no reason given"])[-1][:160]


def run(module: str, *arguments: str, environment: dict[str, str] | None = None) -> Any:
    """What a contender's process prints last, from JSON; None, said on a line, where it fails."""
    done = subprocess.run(command(module, *arguments), capture_output=True, text=True, env=environment)
    if done.returncode:
        print(f"  {module} {' '.join(arguments)}: does not run here: {reason(done.stderr)}", flush=True)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def _first(path: str, key: str) -> str | None:
    """The value of the first line `key: value` of a file of the system, None where there is no such line."""
    try:
        with open(path) as lines:
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(key)), None)
    except OSError:
        return None


@functools.cache
def gpu() -> str | None:
    """The name of the first NVIDIA GPU."""
    try:
        query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        names = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        return None
    return names[0].strip() if names else None


@functools.cache
def machine() -> dict[str, Any]:
    """The processor, its cores, memory in GiB, a GPU if there is one, and the versions of what is compared."""
    memory = _first("/proc/meminfo", "MemTotal")
    versions = {"Python": platform.python_version()}
    versions |= {name: importlib.metadata.version(name) for name in PACKAGES if installed(name)}
    return {
        "processor": _first("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "GiB": round(int(memory.split()[0]) / 2**20, 1) if memory else None,
        "GPU": gpu(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": versions,
    }


def announce() -> None:
    """Print the machine that the figures belong to."""
    m = machine()
    parts = [m["processor"], f"{m['cores']} cores", f"{m['GiB']} GiB" if m["GiB"] else "", m["GPU"], m["system"]]
    print(", ".join(part for part in parts if part))
    print(", ".join(f"{name} {version}" for name, version in m["versions"].items()), flush=True)


def table(title: str, columns: Sequence[str], rows: Iterable[tuple[str, Sequence[float | None]]]) -> None:
    """Print numbers under their names, three digits where it matters; None is left blank."""
    print(f"\n{title:42}" + "".join(f"{name:>16}" for name in columns))
    for name, values in rows:
        print(f"{name:42}" + "".join(f"{_digits(v):>16}" for v in values).rstrip(), flush=True)


def _digits(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 100 else f"{value:.3f}"


def ratio(value: float | None, base: float | None) -> float | None:
    """value / base, None where one is missing or there is nothing to divide by."""
    return value / base if value is not None and base else None


def options(parser: argparse.ArgumentParser, rounds: int) -> None:
    """The arguments of every command."""
    parser.add_argument("--rounds", type=int, default=rounds, help="printed are medians over so many")
    parser.add_argument("--json", metavar="FILE", help="also write the figures and the machine to this file")


def write(path: str | None, figures: Any) -> None:
    """The figures and the machine they belong to as JSON, if there is a path."""
    if path:
        with open(path, "w") as file:
            json.dump({"machine": machine(), "figures": figures}, file, indent=1)
