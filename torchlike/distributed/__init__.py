"""torch.distributed, for one process. Several processes are JAX's business, see `groups.py`."""

from __future__ import annotations

import importlib
from typing import Any

from torchlike.distributed import distributed_c10d as distributed_c10d
from torchlike.distributed.constants import default_pg_timeout as default_pg_timeout
from torchlike.distributed.device_mesh import DeviceMesh as DeviceMesh
from torchlike.distributed.device_mesh import init_device_mesh as init_device_mesh
from torchlike.distributed.distributed_c10d import *  # noqa: F403
from torchlike.distributed.distributed_c10d import _all_gather_base as _all_gather_base
from torchlike.distributed.distributed_c10d import _reduce_scatter_base as _reduce_scatter_base

_LATE = frozenset({
    "_composable", "_functional_collectives", "_shard", "_tensor", "_tools", "algorithms", "checkpoint", "elastic",
    "fsdp", "launcher", "nn", "optim", "pipelining", "rpc", "run", "tensor", "utils",
})  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _LATE:
        return importlib.import_module(f"torchlike.distributed.{name}")
    raise AttributeError(f"module 'torch.distributed' has no attribute '{name}'")
