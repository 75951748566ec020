"""torch.export: whole programs ahead of time, which are `jax.export`'s business here. Calls raise."""

from __future__ import annotations

from typing import Any

from torchlike import absent as _absent
from torchlike.export import _trace as _trace
from torchlike.export import decomp_utils as decomp_utils

_WAY = "use jax.export on a jitted function of tensors, or torch.compile(fullgraph=True) in the same process"
_absent.fill(
    globals(), _WAY, functions="export export_for_training save load register_dataclass unflatten draft_export",
    kinds="ExportedProgram UnflattenedModule ModuleCallSignature ExportGraphSignature ShapesCollection",
)  # fmt: skip


class Dim:
    """A name for a size that may differ between calls: `Dim("batch", min=1, max=64)`; only `export` would read it."""

    AUTO = DYNAMIC = STATIC = None

    def __init__(self, name: str, *, min: int | None = None, max: int | None = None):
        if min is not None and max is not None and min >= max:
            raise AssertionError(f"Cannot create Dim with inconsistent min={min}, max={max}")
        self.__name__, self.min, self.max = name, 0 if min is None else min, max

    def __repr__(self) -> str:
        return f"Dim('{self.__name__}')"


def dims(*names: str, min: int | None = None, max: int | None = None) -> tuple[Dim, ...]:
    """Several `Dim` at once."""
    return tuple(Dim(name, min=min, max=max) for name in names)


Constraint = Any
