"""What the suites over PyTorch's own databases share: running entries, shares that pass, the list of what does not.

A suite is a package with a `database` (`in_scope()`: its entries by name) and `aspects` (`examine(entry, limit, only)`
gives a report for each aspect, `aspects_of(entry)` names them). Beside them lies failures.tsv with what does not pass
yet. It can only shrink: an entry that passes fails the suite.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import itertools
import re
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from types import ModuleType

from tests import workers

HEAD = "name\taspect\twhat differs first"
FORGET = 20
"""After so many entries everything compiled and traced is given back: all of an entry's samples are gigabytes."""

_examinations = itertools.count(1)


class Suite:
    """The suite of a package, `Suite("tests.conformance")` for one."""

    def __init__(self, package: str):
        self.package = package
        self.file = Path(__file__).parent / package.rpartition(".")[2] / "failures.tsv"

    @property
    def database(self) -> ModuleType:
        return importlib.import_module(f"{self.package}.database")

    @property
    def aspects(self) -> ModuleType:
        return importlib.import_module(f"{self.package}.aspects")

    def known(self) -> dict[tuple[str, str], str]:
        """What is known not to pass: {(name, aspect): why}."""
        rows = [line.split("\t") for line in self.file.read_text().splitlines()[1:]] if self.file.exists() else []
        return {(name, aspect): why for name, aspect, why in rows}

    def listed(self, name: str) -> set[str]:
        """The aspects of an entry that are known not to pass."""
        return {aspect for other, aspect in self.known() if other == name}

    def write(self, entries: dict[tuple[str, str], str]) -> None:
        rows = [f"{name}\t{aspect}\t{why}" for (name, aspect), why in sorted(entries.items())]
        self.file.write_text("\n".join([HEAD, *rows]) + "\n")

    def examine(self, name: str, limit: int | None, only: set[str]) -> dict:
        """The reports of an entry by aspect."""
        import jax

        from torchlike.core import program

        reports = self.aspects.examine(self.database.in_scope()[name], limit, only)
        if next(_examinations) % FORGET == 0:
            program.forget()
            jax.clear_caches()
        return reports

    def failing(self, name: str, limit: int | None, only: set[str]) -> dict[str, str]:
        """The aspects of an entry that do not pass, with the first difference; of no aspects none."""
        reports = self.examine(name, limit, only) if only else {}
        return {a: f"{r.failures[0].sample}: {r.failures[0].what}" for a, r in reports.items() if r.failures}

    def hold(self, name: str, limit: int) -> None:
        """Assert that an entry passes on `limit` samples of each aspect, but for what is listed.

        What is listed must fail on some sample.
        """
        listed = self.listed(name)
        others = set(self.aspects.aspects_of(self.database.in_scope()[name])) - listed
        assert not self.failing(name, limit, others)
        passing = sorted(listed - set(self.failing(name, None, listed)))
        assert not passing, f"{name} {passing} pass now: take them out of failures.tsv"

    def strangers(self) -> list[str]:
        """What failures.tsv lists though there is no such entry or aspect."""
        scope = self.database.in_scope()
        return [f"{n} {a}" for n, a in self.known() if n not in scope or a not in self.aspects.aspects_of(scope[n])]


def _examined(package: str, job):
    """({aspect: (samples, failures)}, other words, seconds) of a job (name, limit, aspects), in a worker."""
    warnings.simplefilter("ignore")
    suite, (name, limit, only) = Suite(package), job
    words = getattr(suite.aspects, "WORDS", [])
    words.clear()
    start = time.perf_counter()
    reports = suite.examine(name, limit, only)
    found = {a: (r.samples, [tuple(f) for f in r.failures]) for a, r in reports.items()}
    return found, list(words), time.perf_counter() - start


def main(package: str, doc: str, groups: tuple[str, ...] = ("",)) -> int:
    """The command of a suite. `groups` are beginnings of names whose shares are printed by themselves."""
    parser = argparse.ArgumentParser(prog=f"python -m {package}", description=doc.splitlines()[0])
    parser.add_argument("--only", "--ops", default=".*", help="a regular expression that a whole name must match")
    parser.add_argument("--aspects", default="", help="only these aspects, separated by commas")
    parser.add_argument("--limit", type=int, default=None, help="at most so many samples for each aspect")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes; 0 runs in this one")
    parser.add_argument("--write", action="store_true", help="bring failures.tsv up to date")
    parser.add_argument("--listed", action="store_true", help="only what failures.tsv lists")
    parser.add_argument("--verbose", type=int, default=2, help="failures shown for each aspect")
    parser.add_argument("--words", action="store_true", help="show errors in other words than PyTorch's")
    parser.add_argument("--slow", action="store_true", help="show what took longest")
    options = parser.parse_args()

    suite = Suite(package)
    names = [n for n in suite.database.in_scope() if re.fullmatch(options.only, n)]
    only = set(filter(None, options.aspects.split(",")))
    jobs = [(n, options.limit, suite.listed(n) if options.listed else only) for n in names]
    jobs = [job for job in jobs if job[2] or not options.listed]
    examined = functools.partial(_examined, package)
    here = ((job, examined(job)) for job in jobs)
    results = workers.over(examined, jobs, options.jobs) if options.jobs else here
    passed: Counter = Counter()
    asked: Counter = Counter()
    failing, words, times, ran = {}, [], {}, {}
    for (name, *_), result in results:
        if isinstance(result, workers.Died):
            result = {"crash": (1, [("crash", "its process", f"ended with code {result.code}")])}, [], 0.0
        found, other_words, seconds = result
        words += other_words
        times[name], ran[name] = seconds, list(found)
        if len(times) % 25 == 0:
            print(f"{len(times)} of {len(jobs)}", file=sys.stderr, flush=True)
        for aspect, (samples, failures) in found.items():
            asked[aspect] += 1
            passed[aspect] += not failures
            if failures:
                failing[name, aspect] = " ".join(failures[0][2].split())[:160]
                for _, sample, what in failures[: options.verbose]:
                    print(f"{name} [{aspect}] {len(failures)} of {samples}: {sample}\n    {what}", flush=True)
    print(f"\n{len(names)} entries in {sum(times.values()):.0f} s of work")
    for aspect in asked:
        print(f"  {aspect:<10} {passed[aspect]:4} of {asked[aspect]:4}  {100 * passed[aspect] / asked[aspect]:6.2f} %")
    for group in groups:
        some = [n for n in names if n.startswith(group)]
        whole = sum(not any((n, a) in failing for a in asked) for n in some)
        print(f"  everything {whole:4} of {len(some):4}  {100 * whole / max(len(some), 1):6.2f} %  {group.rstrip('.')}")
    if options.words:
        print(f"  {len(words)} errors of the right class in other words")
        for row in words:
            print("   ", *row, sep=" | ")
    if options.slow:
        for name, seconds in sorted(times.items(), key=lambda x: -x[1])[:40]:
            print(f"  {seconds:7.1f} s  {name}")
    if options.write:
        run = {(name, aspect) for name, aspects in ran.items() for aspect in aspects}
        kept = {k: v for k, v in suite.known().items() if k not in run and k[0] in suite.database.in_scope()}
        suite.write(kept | failing)
    return 1 if set(failing) - set(suite.known()) else 0
