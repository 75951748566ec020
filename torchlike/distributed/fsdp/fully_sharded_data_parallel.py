"""FullyShardedDataParallel and fully_shard: wrapping a module raises, see torch.distributed.fsdp."""

from __future__ import annotations

from typing import Any

from torchlike import absent as _absent
from torchlike.distributed.fsdp.api import *  # noqa: F403
from torchlike.nn.modules.module import Module as _Module

WAY = (
    "shard parameters with JAX: jax.make_mesh, NamedSharding, and jax.device_put on each parameter's jax(); on one "
    "device use the module as it is"
)
_absent.fill(globals(), WAY, functions="fully_shard register_fsdp_forward_method share_comm_ctx", kinds="FSDPModule")
FSDPModule: Any
fully_shard: Any
register_fsdp_forward_method: Any


class FullyShardedDataParallel(_Module):
    """A module whose parameters are in parts over several devices. Making one raises, so `isinstance` is False."""

    def __init__(self, module: Any = None, *args: Any, **kwargs: Any):
        raise NotImplementedError(f"FullyShardedDataParallel(): {WAY}")

    @staticmethod
    def fsdp_modules(module: Any, root_only: bool = False) -> list:
        """The wrapped modules inside one: none."""
        return []

    @staticmethod
    def state_dict_type(module: Any, *args: Any, **kwargs: Any) -> Any:
        """A block in which state_dicts have a kind: they are whole tensors here, so another kind raises."""
        import contextlib

        if args and args[0] is not StateDictType.FULL_STATE_DICT:  # noqa: F405
            raise NotImplementedError(f"FullyShardedDataParallel.state_dict_type({args[0]}): {WAY}")
        return contextlib.nullcontext()

    @staticmethod
    def summon_full_params(module: Any, *args: Any, **kwargs: Any) -> Any:
        """A block in which parameters are whole: they always are."""
        import contextlib

        return contextlib.nullcontext()

    @staticmethod
    def optim_state_dict(model: Any, optim: Any, *args: Any, **kwargs: Any) -> Any:
        """The optimizer's `state_dict()`: it is whole."""
        return optim.state_dict()
