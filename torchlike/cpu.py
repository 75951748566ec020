"""torch.cpu: the CPU under the names that accelerators have."""

from __future__ import annotations

from typing import Any

from torchlike.core.tape import barrier as _barrier


def is_available() -> bool:
    """True."""
    return True


def device_count() -> int:
    """1."""
    return 1


def current_device() -> str:
    """"cpu"."""
    return "cpu"


def set_device(device: Any) -> None:
    """Nothing to do: there is one CPU."""


def synchronize(device: Any = None) -> None:
    """Run what is recorded."""
    _barrier()


def is_initialized() -> bool:
    """True."""
    return True
