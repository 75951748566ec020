"""torch.cuda.memory: what JAX says about the memory of a GPU; zeros where there is no GPU."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from torchlike.core import device as _device
from torchlike.core.tape import barrier as _barrier


class OutOfMemoryError(RuntimeError):
    """An accelerator has no memory left. JAX's own error, a RuntimeError too, says "RESOURCE_EXHAUSTED"."""


def _stats(device: Any = None) -> dict[str, int]:
    if not _device.available("cuda"):
        return {}
    from torchlike.cuda import _jax

    _barrier()
    return _jax(device).memory_stats() or {}


def memory_stats(device: Any = None) -> OrderedDict[str, int]:
    """PyTorch's names for what JAX counts; empty where there is no GPU."""
    found = _stats(device)
    if not found:
        return OrderedDict()
    return OrderedDict(
        {
            "allocated_bytes.all.current": found.get("bytes_in_use", 0),
            "allocated_bytes.all.peak": found.get("peak_bytes_in_use", 0),
            "reserved_bytes.all.current": found.get("pool_bytes", 0),
            "reserved_bytes.all.peak": found.get("peak_pool_bytes", 0),
            "num_alloc_retries": 0,
            "num_ooms": 0,
        }
    )


def memory_allocated(device: Any = None) -> int:
    """Bytes that tensors and programs hold now."""
    return _stats(device).get("bytes_in_use", 0)


def max_memory_allocated(device: Any = None) -> int:
    """The largest `memory_allocated` since the process began."""
    return _stats(device).get("peak_bytes_in_use", 0)


def memory_reserved(device: Any = None) -> int:
    """Bytes in JAX's pool, which is taken when JAX starts (XLA_PYTHON_CLIENT_PREALLOCATE)."""
    return _stats(device).get("pool_bytes", 0)


def max_memory_reserved(device: Any = None) -> int:
    """The largest `memory_reserved`."""
    return _stats(device).get("peak_pool_bytes", 0)


memory_cached, max_memory_cached = memory_reserved, max_memory_reserved


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """(free, total) bytes, of what JAX may take."""
    from torchlike.cuda import _jax

    _jax(device)  # raises where there is none
    found = _stats(device)
    limit = found.get("bytes_limit", 0)
    return limit - found.get("bytes_in_use", 0), limit


def _no_reset(name: str) -> Any:
    def reset(device: Any = None) -> None:
        if _device.available("cuda"):
            raise NotImplementedError(
                f"torch.cuda.{name}(): JAX counts the peak from the beginning of the process; compare "
                "memory_allocated() before and after instead"
            )

    reset.__name__ = reset.__qualname__ = name
    reset.__doc__ = "Raises on a GPU: JAX's peak cannot be reset. Nothing to do without one."
    return reset


reset_peak_memory_stats = _no_reset("reset_peak_memory_stats")
reset_accumulated_memory_stats = _no_reset("reset_accumulated_memory_stats")
reset_max_memory_allocated = _no_reset("reset_max_memory_allocated")
reset_max_memory_cached = _no_reset("reset_max_memory_cached")


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """What `memory_stats` holds, one a line."""
    return "\n".join(f"{name}: {n}" for name, n in memory_stats(device).items())


def memory_snapshot(*args: Any, **kwargs: Any) -> list:
    """Raises: use jax.profiler.save_device_memory_profile."""
    raise NotImplementedError("torch.cuda.memory_snapshot(): use jax.profiler.save_device_memory_profile(filename)")


def empty_cache() -> None:
    """Nothing to do: XLA keeps its own pool of memory for the whole process."""


def ipc_collect() -> None:
    """Nothing to do: memory is not shared between processes here."""


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> None:
    """Raises: JAX takes its pool when it starts."""
    raise NotImplementedError(
        f"torch.cuda.set_per_process_memory_fraction({fraction}): JAX takes its memory when it starts; set "
        f"XLA_PYTHON_CLIENT_MEM_FRACTION={fraction} in the environment"
    )


def caching_allocator_alloc(size: int, device: Any = None, stream: Any = None) -> int:
    """Raises: there is no raw memory here; make a tensor of bytes."""
    raise NotImplementedError("torch.cuda.caching_allocator_alloc(): make a tensor, torch.empty(n, dtype=torch.uint8)")
