"""torch.mps: Apple GPUs, which JAX does not serve here. What can be asked is answered, what needs one raises."""

from __future__ import annotations

from torchlike import absent as _absent

_INNER = {
    "empty_cache": "emptyCache", "synchronize": "deviceSynchronize",
    "current_allocated_memory": "getCurrentAllocatedMemory", "driver_allocated_memory": "getDriverAllocatedMemory",
    "recommended_max_memory": "getRecommendedMaxMemory", "set_per_process_memory_fraction": "setMemoryFraction",
    "get_rng_state": "getDefaultMPSGenerator", "set_rng_state": "getDefaultMPSGenerator",
}  # fmt: skip


def _error(function: str) -> RuntimeError:
    return RuntimeError(f"Cannot execute {_INNER.get(function, function)}() without MPS backend.")


def _raising(function: str):
    def fn(*args, **kwargs):
        raise _error(function)

    fn.__doc__ = "Raises: there is no mps device here."
    return fn


_asked = ("is_available", "device_count", "manual_seed", "seed")
_absent.finish(
    globals(),
    {**{k: v for k, v in _absent.answers("mps", _error).items() if k in _asked}, **{n: _raising(n) for n in _INNER}},
)
