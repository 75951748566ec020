"""record: what a main function raised, for the one who started it; here it is simply raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def record(fn: Callable, error_handler: Any = None) -> Callable:
    """The function as it is: what it raises is raised."""
    return fn


class ChildFailedError(Exception):
    """What PyTorch's launcher raises about a process; nothing here does."""
