"""torch.utils.dlpack: memory handed between libraries without a copy."""

from __future__ import annotations

from typing import Any

from torchlike.from_data import from_dlpack as from_dlpack


def to_dlpack(tensor: Any) -> Any:
    """A capsule over the memory of a tensor."""
    return tensor.__dlpack__()
