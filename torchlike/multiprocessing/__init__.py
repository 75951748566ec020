"""torch.multiprocessing: Python's multiprocessing, and `spawn`.

Tensors travel between processes as arrays, not as shared memory. JAX does not survive a fork: processes that compute
must be spawned, which is what `spawn` and `start_processes` do.
"""

from __future__ import annotations

import multiprocessing as _mp
import sys as _sys
from multiprocessing import *  # noqa: F403
from typing import Any

from torchlike.multiprocessing.spawn import ProcessContext as ProcessContext
from torchlike.multiprocessing.spawn import ProcessException as ProcessException
from torchlike.multiprocessing.spawn import ProcessExitedException as ProcessExitedException
from torchlike.multiprocessing.spawn import ProcessRaisedException as ProcessRaisedException
from torchlike.multiprocessing.spawn import SpawnContext as SpawnContext
from torchlike.multiprocessing.spawn import spawn as spawn  # type: ignore[assignment]
from torchlike.multiprocessing.spawn import start_processes as start_processes

_sharing = ["file_descriptor"]


def get_all_sharing_strategies() -> set[str]:
    """The names that `set_sharing_strategy` takes."""
    return {"file_descriptor", "file_system"} if _sys.platform == "linux" else {"file_system"}


def get_sharing_strategy() -> str:
    """What `set_sharing_strategy` was given."""
    return _sharing[0]


def set_sharing_strategy(new_strategy: str) -> None:
    """Kept: arrays are sent, not shared."""
    if new_strategy not in get_all_sharing_strategies():
        raise AssertionError(f"invalid sharing strategy {new_strategy!r}")
    _sharing[0] = new_strategy


def __getattr__(name: str) -> Any:
    return getattr(_mp, name)
