"""Runs PyTorch's database of modules and prints what fails and the shares that pass.

    python -m tests.modules                          everything, on two cores
    python -m tests.modules --only 'nn\\..*Norm.*'    only names that match a pattern
    python -m tests.modules --aspects train,gradient  only these aspects
    python -m tests.modules --limit 3                at most so many samples of each
    python -m tests.modules --write                  bring failures.tsv up to date
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import sys
from collections import Counter


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.modules", description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=".*", help="a regular expression that a whole name must match")
    parser.add_argument("--aspects", default="", help="only these aspects, separated by commas")
    parser.add_argument("--limit", type=int, default=None, help="at most so many samples for each aspect")
    parser.add_argument("--jobs", type=int, default=2, help="worker processes; 0 runs in this one")
    parser.add_argument("--write", action="store_true", help="bring failures.tsv up to date")
    parser.add_argument("--verbose", type=int, default=2, help="failures shown for each aspect")
    parser.add_argument("--slow", action="store_true", help="show what took longest")
    options = parser.parse_args()

    from . import database
    from .runner import examined, known, write

    names = [n for n in database.everything() if re.fullmatch(options.only, n)]
    jobs = [(n, options.limit, set(filter(None, options.aspects.split(",")))) for n in names]
    if options.jobs:
        pool = multiprocessing.get_context("spawn").Pool(options.jobs, maxtasksperchild=60)
        results = pool.imap_unordered(examined, jobs, chunksize=1)
    else:
        results = map(examined, jobs)
    passed: Counter = Counter()
    asked: Counter = Counter()
    failing, times, ran = {}, {}, {}
    for name, found, seconds in results:
        times[name], ran[name] = seconds, list(found)
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
    for kind in ("nn.", "table.", "criterion.", ""):
        some = [n for n in names if n.startswith(kind)]
        whole = sum(not any((n, a) in failing for a in asked) for n in some)
        label = f"everything in {kind[:-1]}" if kind else "everything"
        print(f"  {label:<24} {whole:4} of {len(some):4}  {100 * whole / max(len(some), 1):6.2f} %")
    if options.slow:
        for name, seconds in sorted(times.items(), key=lambda x: -x[1])[:30]:
            print(f"  {seconds:7.1f} s  {name}")
    if options.write:
        run = {(name, aspect) for name, wanted in ran.items() for aspect in wanted}
        kept = {k: v for k, v in known().items() if k not in run and k[0] in database.everything()}
        write(kept | failing)
    return 1 if set(failing) - set(known()) else 0


if __name__ == "__main__":
    sys.exit(main())
