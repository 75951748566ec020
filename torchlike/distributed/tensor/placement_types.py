"""How a tensor lies over the devices of one side of a grid: in parts, in copies, or as parts of a sum."""

from __future__ import annotations

import dataclasses


class Placement:
    """The base of all placements."""

    def is_shard(self, dim: int | None = None) -> bool:
        """Whether it is in parts (of dimension `dim`)."""
        return isinstance(self, Shard) and dim in (None, self.dim)

    def is_replicate(self) -> bool:
        """Whether it is in copies."""
        return isinstance(self, Replicate)

    def is_partial(self, reduce_op: str | None = None) -> bool:
        """Whether it is as parts of a sum (or of what `reduce_op` says)."""
        return isinstance(self, Partial) and reduce_op in (None, self.reduce_op)


@dataclasses.dataclass(frozen=True)
class Shard(Placement):
    """In parts along dimension `dim`."""

    dim: int


@dataclasses.dataclass(frozen=True)
class Replicate(Placement):
    """In copies."""


@dataclasses.dataclass(frozen=True)
class Partial(Placement):
    """As parts that `reduce_op` ("sum", "avg", "max", ...) makes one of."""

    reduce_op: str = "sum"
