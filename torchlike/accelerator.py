"""torch.accelerator: the accelerator of this machine, whichever it is."""

from __future__ import annotations

from typing import Any

from torchlike.core import device as _device
from torchlike.core.tape import barrier as _barrier


def current_accelerator(check_available: bool = False) -> _device.device | None:
    """The kind of accelerator that JAX sees (`device(type='cuda')`, 'tpu'), or None."""
    for kind in ("cuda", "tpu"):
        if _device.available(kind):
            return _device.device(kind)
    return None


def is_available() -> bool:
    """Whether JAX sees an accelerator."""
    return current_accelerator() is not None


def device_count() -> int:
    """How many accelerators JAX sees."""
    found = current_accelerator()
    return 0 if found is None else _device.available(found.type)


def _need() -> _device.device:
    found = current_accelerator()
    if found is None:
        raise RuntimeError("Cannot access accelerator device when none is available.")
    return found


def current_device_index() -> int:
    """0: the accelerator that is meant where no number is given."""
    _need()
    return 0


current_device_idx = current_device_index


def set_device_index(device: Any) -> None:
    """Choose the current accelerator: only number 0, see `torch.cuda.set_device`."""
    found = _need()
    index = device if isinstance(device, int) else _device.device(device).index or 0
    if index > 0:
        raise NotImplementedError(
            f'torch.accelerator.set_device_index({index}): "{found.type}" without a number is number 0 here; write '
            f'device="{found.type}:{index}"'
        )


set_device_idx = set_device_index


def synchronize(device: Any = None) -> None:
    """Run what is recorded and wait for it."""
    _need()
    from torchlike.cuda import synchronize as wait

    _barrier()
    wait()


def _memory(name: str) -> Any:
    def fn(device: Any = None) -> Any:
        found = _need()
        from torchlike.cuda import memory

        if found.type != "cuda":
            raise NotImplementedError(f"torch.accelerator.{name}(): use jax.devices()[0].memory_stats()")
        return getattr(memory, {"get_memory_info": "mem_get_info"}.get(name, name))(device)

    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = f"As torch.cuda.{name}, for the accelerator of this machine."
    return fn


memory_allocated = _memory("memory_allocated")
max_memory_allocated = _memory("max_memory_allocated")
memory_reserved = _memory("memory_reserved")
max_memory_reserved = _memory("max_memory_reserved")
memory_stats = _memory("memory_stats")
get_memory_info = _memory("get_memory_info")
reset_peak_memory_stats = _memory("reset_peak_memory_stats")
empty_cache = _memory("empty_cache")


def current_stream(device: Any = None) -> Any:
    """The one queue of the accelerator."""
    _need()
    from torchlike.cuda import current_stream as current

    return current()
