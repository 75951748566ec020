"""torch.cuda: NVIDIA GPUs as JAX sees them.

XLA orders the work of a device itself: there is one stream, and streams, events and graphs of one's own have no
counterpart. What asks for a GPU where there is none raises PyTorch's error.
"""

from __future__ import annotations

from typing import Any

from torchlike import legacy as _legacy
from torchlike.core import device as _device
from torchlike.cuda import amp as amp
from torchlike.cuda import memory as memory
from torchlike.cuda import nvtx as nvtx
from torchlike.cuda import profiler as profiler
from torchlike.cuda import random as random
from torchlike.cuda import streams as streams
from torchlike.cuda.memory import (  # noqa: F401
    OutOfMemoryError,
    caching_allocator_alloc,
    empty_cache,
    ipc_collect,
    max_memory_allocated,
    max_memory_cached,
    max_memory_reserved,
    mem_get_info,
    memory_allocated,
    memory_cached,
    memory_reserved,
    memory_snapshot,
    memory_stats,
    memory_summary,
    reset_accumulated_memory_stats,
    reset_max_memory_allocated,
    reset_max_memory_cached,
    reset_peak_memory_stats,
    set_per_process_memory_fraction,
)
from torchlike.cuda.random import (  # noqa: F401
    get_rng_state,
    get_rng_state_all,
    initial_seed,
    manual_seed,
    manual_seed_all,
    seed,
    seed_all,
    set_rng_state,
    set_rng_state_all,
)
from torchlike.cuda.streams import (  # noqa: F401
    CUDAGraph,
    Event,
    ExternalStream,
    Stream,
    StreamContext,
    current_stream,
    default_stream,
    graph,
    graph_pool_handle,
    is_current_stream_capturing,
    make_graphed_callables,
    set_stream,
    stream,
    synchronize,
)

_current = [0]
has_half = True
has_magma = False


def is_available() -> bool:
    """Whether JAX sees an NVIDIA GPU."""
    return device_count() > 0


def device_count() -> int:
    """How many NVIDIA GPUs JAX sees."""
    return _device.available("cuda")


def init() -> None:
    """Find the GPUs now; PyTorch's error where there is none."""
    _device.device("cuda", 0).jax  # noqa: B018  raises where there is none


_lazy_init = init


def is_initialized() -> bool:
    """Whether JAX sees an NVIDIA GPU: it finds them all at once."""
    return is_available()


def _is_compiled() -> bool:
    return is_available()


def current_device() -> int:
    """The index of the GPU that "cuda" without a number names."""
    init()
    return _current[0]


def _index(device: Any) -> int:
    """The index that a device, a name, an int or None (the current one) stands for."""
    if device is None:
        return current_device()
    if isinstance(device, int):
        return device
    d = _device.device(device)
    if d.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {d}")
    return current_device() if d.index is None else d.index


def _jax(device: Any = None) -> Any:
    return _device.device("cuda", _index(device)).jax


def set_device(device: Any) -> None:
    """Choose the current GPU; a negative index does nothing.

    Only GPU 0 can be the current one. Tensors go to others by `device="cuda:1"`.
    """
    index = _index(device)
    if index < 0:
        return
    _device.device("cuda", index).jax  # noqa: B018  raises where there is none
    if index:
        raise NotImplementedError(
            f'torch.cuda.set_device({index}): "cuda" without a number is GPU 0 here. Write device="cuda:{index}", or '
            f"start the process with CUDA_VISIBLE_DEVICES={index}"
        )


class device:
    """`with torch.cuda.device(i):` makes GPU i the current one (see `set_device`); a negative index does nothing."""

    def __init__(self, device: Any):
        self.idx = -1 if device is None else _index(device) if not isinstance(device, int) else device
        self.prev_idx = -1

    def __enter__(self) -> device:
        if self.idx >= 0:
            self.prev_idx = current_device()
            set_device(self.idx)
        return self

    def __exit__(self, *exc: Any) -> None:
        if self.prev_idx >= 0:
            set_device(self.prev_idx)


class device_of(device):
    """`with torch.cuda.device_of(tensor):` makes the tensor's GPU the current one; nothing for a tensor elsewhere."""

    def __init__(self, obj: Any):
        super().__init__(obj.get_device() if obj.is_cuda else -1)


def get_device_name(device: Any = None) -> str:
    """The name of a GPU, such as "NVIDIA H100"."""
    return _jax(device).device_kind


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability of a GPU: (9, 0) for an H100."""
    major, _, minor = str(_jax(device).compute_capability).partition(".")
    return int(major), int(minor or 0)


class _CudaDeviceProperties:
    """What JAX knows about a GPU, under PyTorch's names."""

    def __init__(self, d: Any):
        self.name = d.device_kind
        major, _, minor = str(d.compute_capability).partition(".")
        self.major, self.minor = int(major), int(minor or 0)
        self.multi_processor_count = d.core_count
        self.total_memory = (d.memory_stats() or {}).get("bytes_limit", 0)

    def __repr__(self) -> str:
        return (
            f"_CudaDeviceProperties(name='{self.name}', major={self.major}, minor={self.minor}, "
            f"total_memory={self.total_memory // 2**20}MB, multi_processor_count={self.multi_processor_count})"
        )


def get_device_properties(device: Any = None) -> _CudaDeviceProperties:
    """Name, compute capability, multiprocessors, and the memory that JAX may take (not all that is built in)."""
    return _CudaDeviceProperties(_jax(device))


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether a GPU is there and computes in bfloat16; with emulation every GPU does."""
    return is_available() and (including_emulation or get_device_capability()[0] >= 8)


def is_tf32_supported() -> bool:
    """Whether a GPU is there and has TF32."""
    return is_available() and get_device_capability()[0] >= 8


def get_arch_list() -> list[str]:
    """The architecture of each GPU: XLA compiles for what is there."""
    return sorted({"sm_{}{}".format(*get_device_capability(i)) for i in range(device_count())})


def get_gencode_flags() -> str:
    """Empty: no kernels are compiled ahead of time."""
    return ""


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """Whether XLA may copy between two GPUs: it always may."""
    return _index(device) != _index(peer_device)


def utilization(device: Any = None) -> int:
    """Raises: JAX does not measure it."""
    raise NotImplementedError("torch.cuda.utilization(): JAX does not measure it; use `nvidia-smi` or pynvml")


memory_usage = power_draw = temperature = clock_rate = utilization


def __getattr__(name: str) -> Any:
    """The legacy constructors: torch.cuda.FloatTensor and its kind."""
    if name.endswith("Tensor") and name in _legacy.__all__:
        return _legacy.make(name.removesuffix("Tensor"), "cuda")
    if name == "default_generators":
        from torchlike.cuda.random import _all

        return tuple(_all())
    raise AttributeError(f"module 'torch.cuda' has no attribute '{name}'")
