"""torch.Stream and torch.Event: the queue of work of a device, under the names that fit every device."""

from __future__ import annotations

import time
from typing import Any

from torchlike.core import device as _device
from torchlike.core.tape import barrier as _barrier


class Stream:
    """The one queue of work of a device (the accelerator's, or the CPU's where there is none).

    XLA starts work in the order in which it was recorded, so nothing has to wait for a stream.
    """

    stream_id = 0

    def __init__(self, device: Any = None, *, priority: int = 0):
        from torchlike.accelerator import current_accelerator

        self.device = _device.device(device) if device is not None else current_accelerator() or _device.cpu
        self.device_index = -1 if self.device.type == "cpu" else self.device.index or 0

    def synchronize(self) -> None:
        """Run what is recorded and wait for it."""
        _wait()

    def query(self) -> bool:
        """Whether all is computed: it is after a synchronize, which this makes."""
        _wait()
        return True

    def wait_stream(self, stream: Any) -> None:
        """Nothing to do: there is one queue."""

    def wait_event(self, event: Any) -> None:
        """Nothing to do: there is one queue."""

    def record_event(self, event: Event | None = None) -> Event:
        """Record an event (a new one unless given)."""
        event = event or Event(self.device)
        event.record(self)
        return event

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exc: Any) -> None:
        pass

    def __repr__(self) -> str:
        return f"torch.Stream device_type={self.device.type}, device_index={self.device_index}, stream_id=0"


class Event:
    """A point in the queue; with `enable_timing` recording waits for the device."""

    event_id = 0

    def __init__(self, device: Any = None, *, enable_timing: bool = False, blocking: bool = False,
                 interprocess: bool = False):  # fmt: skip
        if interprocess:
            raise NotImplementedError("torch.Event(interprocess=True): events live in one process here")
        self.device = Stream(device).device
        self.enable_timing = enable_timing
        self._time: float | None = None

    def record(self, stream: Any = None) -> None:
        """Mark this point."""
        if self.enable_timing:
            _wait()
        self._time = time.perf_counter()

    def synchronize(self) -> None:
        """Run what is recorded and wait for it."""
        _wait()

    def wait(self, stream: Any = None) -> None:
        """Nothing to do: there is one queue."""

    def query(self) -> bool:
        """Whether all before it is computed: it is after a synchronize, which this makes."""
        _wait()
        return True

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to another one; both made with `enable_timing`."""
        if self._time is None or end_event._time is None or not (self.enable_timing and end_event.enable_timing):
            raise RuntimeError("Both events must be created with enable_timing=True and recorded.")
        return (end_event._time - self._time) * 1000


def _wait() -> None:
    from torchlike.cuda import synchronize

    _barrier()
    synchronize()
