"""torch.distributed.checkpoint: checkpoints in parts, written and read by several processes, through Orbax.

`save` and `load` are here; planners, writers and readers of PyTorch's own format raise.
"""

from __future__ import annotations

import importlib
from typing import Any

from torchlike import absent as _absent
from torchlike.distributed.checkpoint.parts import load as load
from torchlike.distributed.checkpoint.parts import save as save

WAY = "use save and load, which go through orbax, without it; in one process use torch.save and torch.load"
_absent.fill(
    globals(), WAY,
    functions="async_save save_state_dict load_state_dict load_sharded_optimizer_state_dict",
    kinds="FileSystemReader FileSystemWriter StorageReader StorageWriter LoadPlanner SavePlanner DefaultSavePlanner "
    "DefaultLoadPlanner HuggingFaceStorageReader HuggingFaceStorageWriter CheckpointException Metadata",
)  # fmt: skip
_PARTS = ("state_dict", "default_planner", "format_utils", "optimizer", "state_dict_loader", "state_dict_saver",
          "hf_storage", "filesystem", "metadata", "planner", "_consolidate_hf_safetensors", "stateful")  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _PARTS:
        return importlib.import_module(f"torchlike.distributed.checkpoint.{name}")
    raise AttributeError(f"module 'torch.distributed.checkpoint' has no attribute '{name}'")
