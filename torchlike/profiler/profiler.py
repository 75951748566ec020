"""The profiler: a trace of what XLA ran between two points, written by jax.profiler."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any

from torchlike.core.tape import barrier as _barrier


class ProfilerActivity(Enum):
    """What is traced; jax.profiler always traces the host and every device."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(Enum):
    """What a schedule says about a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def schedule(*, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0,
             skip_first_wait: int = 0) -> Callable[[int], ProfilerAction]:  # fmt: skip
    """After `skip_first` steps, again and again (`repeat` times, 0 for ever): `wait` steps of nothing, `warmup` steps,
    `active` steps of recording, at whose end the trace is ready."""
    if min(wait, warmup, repeat, skip_first) < 0 or active <= 0:
        raise AssertionError("Invalid profiler schedule arguments")

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        length = wait + warmup + active
        if repeat and step // length >= repeat:
            return ProfilerAction.NONE
        place = step % length
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < length - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def _default_schedule_fn(_: int) -> ProfilerAction:
    """Record every step."""
    return ProfilerAction.RECORD


def supported_activities() -> set[ProfilerActivity]:
    """The CPU, and CUDA where JAX sees a GPU."""
    from torchlike.core.device import available

    return {ProfilerActivity.CPU} | ({ProfilerActivity.CUDA} if available("cuda") else set())


def kineto_available() -> bool:
    """False: jax.profiler traces."""
    return False


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None, use_gzip: bool = False) -> Callable:
    """For `on_trace_ready`: puts the trace into a folder that TensorBoard's and XProf's profile page read."""

    def handler(prof: Any) -> None:
        shutil.copytree(prof._folder, dir_name, dirs_exist_ok=True)

    return handler


_TABLE = "operations are fused into programs, so there is no table of them; open the trace from export_chrome_trace()"


class profile:
    """Trace what runs inside the block.

    Args:
        activities: kept; host and devices are always traced.
        schedule: which steps to trace, from `schedule(...)`; then call `step()` at the end of each.
        on_trace_ready: called with this object when a trace is there (`tensorboard_trace_handler(folder)`).
        record_shapes, profile_memory, with_stack, with_flops, with_modules: kept; the trace holds what JAX puts in.

    `export_chrome_trace(path)` writes a file for Perfetto or chrome://tracing. Tables of operations raise
    NotImplementedError: XLA fuses operations into programs.
    """

    def __init__(
        self, *, activities: Iterable[ProfilerActivity] | None = None, schedule: Callable | None = None,
        on_trace_ready: Callable | None = None, record_shapes: bool = False, profile_memory: bool = False,
        with_stack: bool = False, with_flops: bool = False, with_modules: bool = False, **kwargs: Any,
    ):  # fmt: skip
        self.activities = set(activities) if activities else supported_activities()
        self.schedule = schedule or _default_schedule_fn
        self.on_trace_ready = on_trace_ready
        self.record_steps = schedule is not None
        self.step_num = 0
        self._running = False
        self._folder = ""

    def _begin(self) -> None:
        import jax

        _barrier()
        self._folder = tempfile.mkdtemp(prefix="torchlike-trace-")
        jax.profiler.start_trace(self._folder)
        self._running = True

    def _end(self) -> None:
        import jax

        _barrier()
        jax.profiler.stop_trace()
        self._running = False

    def _recording(self) -> bool:
        return self.schedule(self.step_num) in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)

    def start(self) -> None:
        """Begin."""
        if self._recording():
            self._begin()

    def stop(self) -> None:
        """End; a trace in progress is ready then."""
        if self._running:
            self._end()
            if self.on_trace_ready:
                self.on_trace_ready(self)

    def step(self) -> None:
        """The end of a step of the schedule."""
        saves = self.schedule(self.step_num) is ProfilerAction.RECORD_AND_SAVE
        self.step_num += 1
        if self._running and (saves or not self._recording()):
            self.stop()
        if not self._running and self._recording():
            self._begin()

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: Any) -> None:
        self.stop()

    def export_chrome_trace(self, path: str) -> None:
        """Write the trace as JSON for Perfetto or chrome://tracing (compressed if the name ends in .gz)."""
        found = sorted(Path(self._folder).rglob("*.trace.json.gz")) if self._folder else []
        if not found:
            raise RuntimeError("export_chrome_trace(): there is no trace; call it after the block")
        if os.fspath(path).endswith(".gz"):
            shutil.copyfile(found[-1], path)
            return
        with gzip.open(found[-1], "rb") as packed, open(path, "wb") as out:
            shutil.copyfileobj(packed, out)

    def key_averages(self, *args: Any, **kwargs: Any) -> Any:
        """Raises: there is no table of operations."""
        raise NotImplementedError(f"torch.profiler.profile.key_averages(): {_TABLE}")

    def events(self) -> Any:
        """Raises: there is no table of operations."""
        raise NotImplementedError(f"torch.profiler.profile.events(): {_TABLE}")

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Raises: there is no table of operations."""
        raise NotImplementedError(f"torch.profiler.profile.export_stacks(): {_TABLE}")

    def add_metadata(self, key: str, value: str) -> None:
        """Raises: jax.profiler takes none."""
        raise NotImplementedError("torch.profiler.profile.add_metadata(): jax.profiler takes no notes")

    add_metadata_json = add_metadata


class record_function:
    """A block with a name in the trace; a decorator too."""

    def __init__(self, name: str, args: str | None = None):
        self.name = name
        self._block: Any = None

    def __enter__(self) -> record_function:
        import jax

        self._block = jax.profiler.TraceAnnotation(self.name)
        self._block.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._block.__exit__(*exc)

    def __call__(self, fn: Callable) -> Callable:
        import functools

        @functools.wraps(fn)
        def named(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return fn(*args, **kwargs)

        return named
