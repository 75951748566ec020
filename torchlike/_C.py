"""torch._C: PyTorch's compiled part. The few names that packages use of it, answered truthfully."""

from __future__ import annotations

from typing import Any

from torchlike import absent as _absent
from torchlike.core import device as _device
from torchlike.core import dtype as _dtype
from torchlike.core.size import Size as Size
from torchlike.nn import functional as _nn  # noqa: F401  torch._C._nn
from torchlike.random import Generator as Generator
from torchlike.tensor import Tensor as Tensor

device, dtype = _device.device, _dtype.dtype
TensorBase = Tensor
_TensorBase = Tensor
_TensorMeta = type(Tensor)
_absent.fill(
    globals(), "PyTorch's dispatcher and TorchScript are not here",
    kinds="DispatchKeySet Graph Value Node Block ScriptFunction ScriptModule _ExcludeDispatchKeyGuard Type "
    "_IncludeDispatchKeyGuard",
    functions="_dispatch_has_kernel_for_dispatch_key _jit_pass_inline _make_subclass",
)  # fmt: skip


class _DispatchKeys(type):
    def __getattr__(cls, name: str) -> str:
        if name.startswith("__"):
            raise AttributeError(name)
        return name


class DispatchKey(metaclass=_DispatchKeys):
    """Keys of PyTorch's dispatcher, here their names: `DispatchKey.CPU` is "CPU"."""


class DisableTorchFunctionSubclass:
    """A block without `__torch_function__`: operations here never call it, so it is like that everywhere."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: Any) -> None:
        pass


DisableTorchFunction = DisableTorchFunctionSubclass


def _log_api_usage_once(event: str) -> None:
    """Nothing is logged."""


def _get_accelerator(check: bool = False) -> _device.device:
    """The kind of accelerator of this machine; the CPU where there is none."""
    from torchlike.accelerator import current_accelerator

    return current_accelerator() or _device.cpu


def _get_privateuse1_backend_name() -> str:
    """The name of an additional backend: there is none, and this is what PyTorch calls it then."""
    return "privateuseone"


def _get_tracing_state() -> None:
    """None: nothing is traced by TorchScript."""


def _is_torch_function_enabled() -> bool:
    """False: operations never call `__torch_function__`."""
    return False


def _cuda_getCurrentRawStream(device: Any) -> int:
    """0: there is one queue of work."""
    return 0


def _switch(name: str) -> Any:
    def fn(*args: Any) -> bool:
        return False

    fn.__name__ = fn.__qualname__ = name
    fn.__doc__ = "False: TorchScript's executors, which this switches, are not here."
    return fn


for _name in (
    "_jit_set_profiling_executor", "_jit_set_profiling_mode", "_jit_set_texpr_fuser_enabled",
    "_jit_set_nvfuser_enabled", "_jit_set_nvfuser_guard_mode", "_jit_override_can_fuse_on_cpu",
    "_jit_override_can_fuse_on_gpu", "_jit_can_fuse_on_cpu", "_jit_can_fuse_on_gpu", "_jit_nvfuser_enabled",
    "_jit_texpr_fuser_enabled", "_set_math_sdp_allow_fp16_bf16_reduction", "_get_tracing_mode",
):  # fmt: skip
    globals()[_name] = _switch(_name)


def __getattr__(name: str) -> Any:
    if name == "_distributed_c10d":
        from torchlike.distributed import distributed_c10d

        return distributed_c10d
    raise AttributeError(f"module 'torch._C' has no attribute '{name}'")
