"""Matrix products of scaled 8-bit numbers in torch.nn.functional: the names, and what to do instead."""

from __future__ import annotations

import enum

from torchlike import absent as _absent

__all__ = ["ScalingType", "SwizzleType", "scaled_grouped_mm", "scaled_mm"]


class ScalingType(enum.IntEnum):
    """What shares one scale: the tensor, a row, or a block."""

    TensorWise = 0
    RowWise = 1
    BlockWise1x16 = 2
    BlockWise1x32 = 3
    BlockWise1x128 = 4
    BlockWise128x128 = 5


class SwizzleType(enum.IntEnum):
    """The order in which block scales lie in memory."""

    NO_SWIZZLE = 0
    SWIZZLE_32_4_4 = 1


_WAY = "multiply after .to(torch.bfloat16) and scale the result"
scaled_mm = _absent.function("torch.nn.functional.scaled_mm", _WAY)
scaled_grouped_mm = _absent.function("torch.nn.functional.scaled_grouped_mm", _WAY)
