"""Run many random programs: `python -m tests.random_programs --help`."""

from __future__ import annotations

import argparse
import re
import sys
import time
from pathlib import Path

from tests.random_programs import aliasing, interpret, operators
from tests.random_programs.program import shortened

ROOT = Path(__file__).parents[2]
KINDS = {"aliasing": aliasing, "operators": operators}


def _sort(error: str) -> str:
    """What kind of error it is: its first words without names and numbers."""
    return re.sub(r"\bt\d+|[-\d.]+", "", error)[:40]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.random_programs", description=__doc__)
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("--count", type=int, default=1000, help="how many programs")
    parser.add_argument("--seed", type=int, default=0, help="of the first program; the others follow it")
    parser.add_argument("--stop", type=int, default=20, help="stop after so many failures")
    parser.add_argument("--xla", action="store_true", help="compile with XLA: slow, and much memory")
    parser.add_argument("--show", action="store_true", help="print every program before it runs")
    given = parser.parse_args()
    if not given.xla:
        interpret.switch_on()
    kind = KINDS[given.kind]
    start, failed = time.process_time(), 0

    def error_of(lines: list[str]) -> str:
        try:
            kind.check(lines)
        except Exception as error:  # noqa: BLE001  a crash of the check is a finding too
            return f"{type(error).__name__}: {error}"
        return ""

    for n, seed in enumerate(range(given.seed, given.seed + given.count)):
        lines = kind.generate(seed)
        if given.show:
            print(f"seed {seed}\n  " + "\n  ".join(lines), flush=True)
        error = error_of(lines)
        if error:
            failed += 1
            sort = _sort(error)
            lines = shortened(lines, lambda fewer, sort=sort: _sort(error_of(fewer)) == sort)
            print(f"seed {seed}\n  " + "\n  ".join(lines) + f"\n  -> {error_of(lines)}\n", flush=True)
            if failed >= given.stop:
                break
        if n % 500 == 499:
            interpret.forget()
            took = time.process_time() - start
            print(f"{n + 1} programs, {failed} failed, {(n + 1) / took:.1f}/s", file=sys.stderr, flush=True)
    took = time.process_time() - start
    print(f"{n + 1} programs from seed {given.seed}: {failed} failed; {(n + 1) / took:.1f} a second of processor time")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
