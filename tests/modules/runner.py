"""Examines entries, each in a fresh state, and keeps the list of what does not pass."""

from __future__ import annotations

import time
import warnings
from pathlib import Path

FAILURES = Path(__file__).with_name("failures.tsv")


def known() -> dict[tuple[str, str], str]:
    """What is known not to pass: {(name, aspect): why}."""
    rows = [line.split("\t") for line in FAILURES.read_text().splitlines()[1:]] if FAILURES.exists() else []
    return {(name, aspect): why for name, aspect, why in rows}


def write(entries: dict[tuple[str, str], str]) -> None:
    rows = [f"{name}\t{aspect}\t{why}" for (name, aspect), why in sorted(entries.items())]
    FAILURES.write_text("\n".join(["layer\taspect\twhat differs first", *rows]) + "\n")


def examined(job):
    """(name, {aspect: (samples, failures)}, seconds) of a job (name, limit, aspects)."""
    name, limit, only = job
    warnings.simplefilter("ignore")
    import jax

    from torchlike.core import program

    from . import aspects, database

    start = time.perf_counter()
    reports = aspects.examine(database.everything()[name], limit, only)
    program.forget()
    jax.clear_caches()
    found = {a: (r.samples, [tuple(f) for f in r.failures]) for a, r in reports.items()}
    return name, found, time.perf_counter() - start
