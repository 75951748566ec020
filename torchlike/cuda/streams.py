"""Streams and events of torch.cuda. XLA has one queue of work for each device, and this is it.

Work is started in the order in which it was recorded, so waiting for a stream or an event is never needed for a right
result. Streams that a script makes are all the one queue; events say when the queue had been worked off.
"""

from __future__ import annotations

import time
from typing import Any

from torchlike.core import device as _device
from torchlike.core.tape import barrier as _barrier


def _need_gpu(what: str) -> None:
    if not _device.available("cuda"):
        raise RuntimeError(f"{what} requires CUDA support: JAX finds no NVIDIA GPU here")


def synchronize(device: Any = None) -> None:
    """Run what is recorded and wait until the device has computed it."""
    _barrier()
    for d in _devices(device):
        import jax
        import numpy as np

        jax.device_put(np.zeros(()), d).block_until_ready()


def _devices(device: Any) -> list:
    if not _device.available("cuda"):
        return []
    from torchlike.cuda import _jax

    return [_jax(device)]


class Stream:
    """The one queue of work of a GPU; `priority` changes nothing in it."""

    cuda_stream = 0

    def __init__(self, device: Any = None, priority: int = 0, **kwargs: Any):
        _need_gpu("torch.cuda.Stream")
        from torchlike.cuda import _index

        self.device = _device.device("cuda", _index(device))
        self.device_index = self.device.index
        self.priority = priority

    def synchronize(self) -> None:
        """Run what is recorded and wait until the device has computed it."""
        synchronize(self.device)

    def query(self) -> bool:
        """Whether all is computed: it is after a synchronize, which this makes."""
        self.synchronize()
        return True

    def wait_stream(self, stream: Any) -> None:
        """Nothing to do: there is one queue."""

    def wait_event(self, event: Any) -> None:
        """Nothing to do: there is one queue."""

    def record_event(self, event: Event | None = None) -> Event:
        """Record an event (a new one unless given)."""
        event = event or Event()
        event.record(self)
        return event

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Stream) and other.device == self.device

    def __hash__(self) -> int:
        return hash(self.device)

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self.device} cuda_stream=0x0>"

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exc: Any) -> None:
        pass


ExternalStream = Stream


class Event:
    """A point in the queue. With `enable_timing` recording waits for the device, so that the time is a real one."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False, **kwargs: Any):
        _need_gpu("torch.cuda.Event")
        if interprocess:
            raise NotImplementedError("torch.cuda.Event(interprocess=True): events live in one process here")
        self.enable_timing = enable_timing
        self._time: float | None = None

    def record(self, stream: Any = None) -> None:
        """Mark this point."""
        if self.enable_timing:
            synchronize()
        self._time = time.perf_counter()

    def synchronize(self) -> None:
        """Run what is recorded and wait until the device has computed it."""
        synchronize()

    def wait(self, stream: Any = None) -> None:
        """Nothing to do: there is one queue."""

    def query(self) -> bool:
        """Whether all before it is computed: it is after a synchronize, which this makes."""
        synchronize()
        return True

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to another one; both must have been made with `enable_timing`."""
        if not (self.enable_timing and end_event.enable_timing):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if self._time is None or end_event._time is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return (end_event._time - self._time) * 1000


class StreamContext:
    """`with torch.cuda.stream(s):`; there is one queue, so work goes where it goes anyway."""

    def __init__(self, stream: Stream | None):
        self.stream = stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: Any) -> None:
        pass


def stream(stream: Stream | None) -> StreamContext:
    """A block whose work goes to `stream`; see `StreamContext`."""
    return StreamContext(stream)


def set_stream(stream: Stream | None) -> None:
    """Nothing to do: there is one queue."""


def current_stream(device: Any = None) -> Stream:
    """The one queue of a GPU."""
    _device.device("cuda", 0).jax  # noqa: B018  raises PyTorch's error where there is none
    return Stream(device)


default_stream = current_stream


def is_current_stream_capturing() -> bool:
    """False: there are no CUDA graphs here."""
    return False


_GRAPHS = "CUDA graphs are XLA's business (it makes them itself); use torch.compile(fullgraph=True) instead"


class CUDAGraph:
    """Raises when made: see `torch.compile(fullgraph=True)`."""

    def __init__(self, *args: Any, **kwargs: Any):
        raise NotImplementedError(f"torch.cuda.CUDAGraph(): {_GRAPHS}")


class graph:
    """Raises when made: see `torch.compile(fullgraph=True)`."""

    def __init__(self, *args: Any, **kwargs: Any):
        raise NotImplementedError(f"torch.cuda.graph(): {_GRAPHS}")


def graph_pool_handle() -> Any:
    """Raises: there are no CUDA graphs here."""
    raise NotImplementedError(f"torch.cuda.graph_pool_handle(): {_GRAPHS}")


def make_graphed_callables(*args: Any, **kwargs: Any) -> Any:
    """Raises: see `torch.compile(fullgraph=True)`."""
    raise NotImplementedError(f"torch.cuda.make_graphed_callables(): {_GRAPHS}")
