"""torch.distributed.tensor: tensors over several devices. They are JAX's sharded arrays here, so calls raise.

Placements can be made, named and compared; no tensor is a DTensor.
"""

from __future__ import annotations

import importlib
from typing import Any

from torchlike import absent as _absent
from torchlike.distributed.device_mesh import DeviceMesh as DeviceMesh
from torchlike.distributed.device_mesh import init_device_mesh as init_device_mesh
from torchlike.distributed.tensor.placement_types import Partial as Partial
from torchlike.distributed.tensor.placement_types import Placement as Placement
from torchlike.distributed.tensor.placement_types import Replicate as Replicate
from torchlike.distributed.tensor.placement_types import Shard as Shard

WAY = "shard arrays with JAX: jax.make_mesh, jax.sharding.NamedSharding, and jax.device_put on tensor.jax()"
_absent.fill(globals(), WAY, functions="distribute_tensor distribute_module empty full ones rand randn zeros")


class DTensor:
    """A tensor over several devices. None exists here, so `isinstance` is False; making one raises."""

    def __init__(self, *args: Any, **kwargs: Any):
        raise NotImplementedError(f"torch.distributed.tensor.DTensor(): {WAY}")

    @staticmethod
    def from_local(*args: Any, **kwargs: Any) -> Any:
        """Raises."""
        raise NotImplementedError(f"torch.distributed.tensor.DTensor.from_local(): {WAY}")


def __getattr__(name: str) -> Any:
    if name in ("experimental", "parallel", "_utils", "_api", "device_mesh", "debug"):
        return importlib.import_module(f"torchlike.distributed.tensor.{name}")
    raise AttributeError(f"module 'torch.distributed.tensor' has no attribute '{name}'")
