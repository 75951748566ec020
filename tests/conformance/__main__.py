"""Runs the database and prints what fails and the shares that pass.

    python -m tests.conformance                          everything, on two cores
    python -m tests.conformance --ops 'linalg\\..*'       only names that match a pattern
    python -m tests.conformance --aspects forward,int64  only these aspects
    python -m tests.conformance --limit 3                at most so many samples of each
    python -m tests.conformance --write                  bring failures.tsv up to date
    python -m tests.conformance --listed --write         take out of failures.tsv what passes now
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
from collections import Counter


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__.splitlines()[0])
    parser.add_argument("--ops", default=".*", help="a regular expression that a whole name must match")
    parser.add_argument("--aspects", default="", help="only these aspects, separated by commas")
    parser.add_argument("--limit", type=int, default=None, help="at most so many samples for each aspect")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes; 0 runs in this one")
    parser.add_argument("--write", action="store_true", help="bring failures.tsv up to date")
    parser.add_argument("--listed", action="store_true", help="only what failures.tsv lists")
    parser.add_argument("--verbose", type=int, default=2, help="failures shown for each aspect")
    parser.add_argument("--words", action="store_true", help="show errors in other words than PyTorch's")
    parser.add_argument("--slow", action="store_true", help="show the operators that took longest")
    options = parser.parse_args()

    from . import database
    from .runner import examined, known, write

    names = [n for n in database.in_scope() if re.fullmatch(options.ops, n)]
    only = set(filter(None, options.aspects.split(",")))
    jobs = [(n, options.limit, only) for n in names]
    if options.listed:
        jobs = [(n, options.limit, {a for m, a in known() if m == n}) for n in names]
        jobs = [job for job in jobs if job[2]]
    if options.jobs:
        pool = multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=60)
        results = pool.imap_unordered(examined, jobs, chunksize=1)
    else:
        results = map(examined, jobs)
    passed: Counter = Counter()
    asked: Counter = Counter()
    failing, words, times, ran = {}, [], {}, {}
    for name, found, other_words, seconds in results:
        words += other_words
        times[name], ran[name] = seconds, list(found)
        if len(times) % 25 == 0:
            print(f"{len(times)} of {len(jobs)} operators", file=sys.stderr, flush=True)
        for aspect, (samples, failures) in found.items():
            asked[aspect] += 1
            passed[aspect] += not failures
            if failures:
                failing[name, aspect] = " ".join(failures[0][2].split())[:160]
                for _, sample, what in failures[: options.verbose]:
                    print(f"{name} [{aspect}] {len(failures)} of {samples}: {sample}\n    {what}", flush=True)
    print(f"\n{len(names)} operators in {sum(times.values()):.0f} s of work")
    for aspect in asked:
        print(f"  {aspect:<10} {passed[aspect]:4} of {asked[aspect]:4}  {100 * passed[aspect] / asked[aspect]:6.2f} %")
    whole = sum(not any((n, a) in failing for a in asked) for n in names)
    print(f"  everything {whole:4} of {len(names):4}  {100 * whole / max(len(names), 1):6.2f} %")
    print(f"  {len(words)} errors of the right class in other words")
    if options.words:
        for row in words:
            print("   ", *row, sep=" | ")
    if options.slow:
        for name, seconds in sorted(times.items(), key=lambda x: -x[1])[:40]:
            print(f"  {seconds:7.1f} s  {name}")
    if options.write:
        run = {(name, aspect) for name, wanted in ran.items() for aspect in wanted}
        kept = {k: v for k, v in known().items() if k not in run and k[0] in database.in_scope()}
        write(kept | failing)
    return 1 if set(failing) - set(known()) else 0


if __name__ == "__main__":
    sys.exit(main())
