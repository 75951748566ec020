"""torch.utils.benchmark: how long a statement takes, results waited for."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable
from typing import Any


class Measurement:
    """Times of one statement, in seconds for one run."""

    def __init__(self, number_per_run: int, raw_times: list[float], label: str):
        self.number_per_run, self.raw_times, self.label = number_per_run, raw_times, label

    @property
    def times(self) -> list[float]:
        """Seconds for one run, in each repetition."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def median(self) -> float:
        """The median of `times`."""
        return statistics.median(self.times)

    @property
    def mean(self) -> float:
        """The mean of `times`."""
        return statistics.fmean(self.times)

    @property
    def iqr(self) -> float:
        """The distance of the quartiles of `times`."""
        if len(self.times) < 2:
            return 0.0
        quarters = statistics.quantiles(self.times, n=4, method="inclusive")
        return quarters[2] - quarters[0]

    def __repr__(self) -> str:
        runs = f"{len(self.times)} x {self.number_per_run}"
        return f"<Measurement {self.label}: median {self.median * 1e6:.2f} us, {runs}>"


class Timer:
    """Times a statement; what it records is run and waited for at the end of each repetition.

    Args:
        stmt, setup, globals: as for timeit.Timer.
        label, sub_label, description: names in the report.
        num_threads: only 1 (see `torch.set_num_threads`).
    """

    def __init__(
        self, stmt: str = "pass", setup: str = "pass", global_setup: str = "", timer: Callable = timeit.default_timer,
        globals: dict[str, Any] | None = None, label: str | None = None, sub_label: str | None = None,
        description: str | None = None, env: str | None = None, num_threads: int = 1, language: Any = "python",
    ):  # fmt: skip
        if str(language).lower().endswith(("c++", "cpp")):
            raise NotImplementedError("torch.utils.benchmark.Timer(language='c++'): only Python statements")
        import torchlike
        from torchlike.core.tape import barrier
        from torchlike.cuda import synchronize

        def wait() -> None:
            barrier()
            synchronize()

        space = {"torch": torchlike, **(globals or {}), "__wait": wait}
        self._label = " ".join(x for x in (label or stmt, sub_label, description) if x)
        self._timer = timeit.Timer(f"{stmt}\n__wait()", setup, timer, space)
        self._many = lambda n: timeit.Timer(
            "for _ in range(__n):\n" + "\n".join(f"    {line}" for line in stmt.splitlines()) + "\n__wait()",
            setup, timer, {**space, "__n": n},
        )  # fmt: skip

    def timeit(self, number: int = 1000000) -> Measurement:
        """One repetition of `number` runs."""
        self._timer.timeit(1)
        return Measurement(number, [self._many(number).timeit(1)], self._label)

    def blocked_autorange(self, callback: Any = None, min_run_time: float = 0.2) -> Measurement:
        """Repetitions of so many runs that one is worth timing, for `min_run_time` seconds together."""
        self._timer.timeit(2)
        number, taken = 1, 0.0
        while True:
            taken = self._many(number).timeit(1)
            if taken > min_run_time / 1000 or number >= 10**6:
                break
            number *= 10
        times: list[float] = []
        while sum(times) < min_run_time:
            times.append(self._many(number).timeit(1))
        return Measurement(number, times, self._label)

    adaptive_autorange = blocked_autorange
