"""torch.autograd.profiler: the older names of torch.profiler."""

from __future__ import annotations

from typing import Any

from torchlike import absent as _absent
from torchlike.profiler.profiler import profile as _profile
from torchlike.profiler.profiler import record_function as record_function

EventList: Any = _absent.kind("torch.autograd.profiler.EventList", "there is no table of operations", list)
_absent.fill(globals(), "use torch.profiler.profile", kinds="emit_itt FunctionEvent KinetoStepTracker",
             functions="load_nvprof")  # fmt: skip


class profile(_profile):
    """`torch.profiler.profile`; `enabled=False` does nothing."""

    def __init__(self, enabled: bool = True, **kwargs: Any):
        super().__init__()
        self.enabled = enabled

    def start(self) -> None:
        """Begin."""
        if self.enabled:
            super().start()


class emit_nvtx:
    """A block whose operations have names for NVIDIA's profiler: XLA gives them to its own. Entering it raises."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False):
        self.enabled = enabled

    def __enter__(self) -> emit_nvtx:
        if self.enabled:
            raise NotImplementedError("torch.autograd.profiler.emit_nvtx(): use torch.profiler.profile")
        return self

    def __exit__(self, *exc: Any) -> None:
        pass
