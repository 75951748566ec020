"""torch.distributed.tensor.experimental: names can be imported, uses raise."""

from __future__ import annotations

import contextlib
import importlib
from typing import Any

from torchlike import absent as _absent

_absent.fill(
    globals(), "shard arrays with JAX: jax.make_mesh, jax.sharding.NamedSharding",
    functions="context_parallel local_map register_sharding",
)  # fmt: skip


@contextlib.contextmanager
def implicit_replication():
    """A block in which plain tensors count as copies: there are only plain tensors here."""
    yield


def __getattr__(name: str) -> Any:
    if name == "_attention":
        return importlib.import_module("torchlike.distributed.tensor.experimental._attention")
    raise AttributeError(f"module 'torch.distributed.tensor.experimental' has no attribute '{name}'")
