"""python -m tests.random_draws: see the package."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from typing import Any

from tests.random_draws import goldens
from tests.random_draws.kinds import KINDS
from tests.random_draws.verdict import NEAR, distance, judge, run


def table(kinds: list[str], count: int, show: int) -> int:
    """Print a line for each kind; returns how many cases differ."""
    import torch

    import torchlike

    names = ("equal", "1 ulp", "near", "differ")
    print(f"{'draw':22}{'cases':>7}" + "".join(f"{n:>7}" for n in (*names, "s")))
    totals: Counter = Counter()
    for kind in kinds:
        begin, found, bad = time.perf_counter(), Counter(), []
        for number in range(count):
            ours, theirs = run(torchlike, kind, number), run(torch, kind, number)
            verdict = judge(kind, ours, theirs)
            found[verdict] += 1
            if verdict == "differ":
                bad.append((number, distance(ours, theirs), ours.dtype, ours.values.shape, ours.error, theirs.error,
                            "state differs" if ours.state != theirs.state else ""))  # fmt: skip
        totals += found
        cells = [*[found[n] for n in names], round(time.perf_counter() - begin)]
        print(f"{kind:22}{count:7}" + "".join(f"{c:7}" for c in cells), NEAR.get(kind, [""])[0], flush=True)
        for line in bad[:show]:
            print("   ", *line)
    print(f"{'all':22}{count * len(kinds):7}" + "".join(f"{totals[n]:7}" for n in names))
    return totals["differ"]


def main(arguments: Any = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.random_draws", description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], default=[], help="the kinds of draws; all by default")
    parser.add_argument("--count", type=int, default=1000, help="cases of each")
    parser.add_argument("--show", type=int, default=3, help="how many cases that differ are named")
    parser.add_argument("--record", action="store_true", help="write what PyTorch gives to the file of the goldens")
    chosen = parser.parse_args(arguments)
    if chosen.record:
        goldens.record()
        return 0
    return 1 if table(chosen.kinds or list(KINDS), chosen.count, chosen.show) else 0


if __name__ == "__main__":
    raise SystemExit(main())
