"""make_tensor: a tensor of random values to try something with."""

from __future__ import annotations

import math
from typing import Any

from torchlike.core import dtype as _dtype
from torchlike.tensor import Tensor


def make_tensor(
    *shape: Any, dtype: _dtype.dtype, device: Any, low: float | None = None, high: float | None = None,
    requires_grad: bool = False, noncontiguous: bool = False, exclude_zero: bool = False, memory_format: Any = None,
) -> Tensor:  # fmt: skip
    """Random values from [low, high), of any dtype.

    Args:
        shape: ints or a sequence.
        low, high: by default [-9, 9) for floating and complex types, [-9, 10) for signed integers, [0, 10) for
            unsigned ones, [0, 2) for bool.
        noncontiguous: every second element of a larger memory; not together with `memory_format`.
        exclude_zero: replace zeros by the smallest positive number of the dtype (1 for integers).
    """
    import torchlike as torch

    size = tuple(shape[0]) if len(shape) == 1 and not isinstance(shape[0], int) else tuple(shape)
    if noncontiguous and memory_format is not None:
        raise ValueError(
            f"The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got {noncontiguous=} and "
            f"{memory_format=}"
        )
    numeric = dtype.is_floating_point or dtype.is_complex
    if requires_grad and not numeric:
        raise ValueError(f"`requires_grad=True` is not supported for boolean and integral dtypes, but got {dtype=}")
    if noncontiguous and math.prod(size) > 1:
        made = _fill(torch, (*size[:-1], size[-1] * 2), dtype, device, low, high)[..., ::2]
    else:
        made = _fill(torch, size, dtype, device, low, high)
        if memory_format is not None:
            made = made.clone(memory_format=memory_format)
    if exclude_zero:
        tiny = torch.finfo(dtype).tiny if numeric else 1
        made = torch.where(made == 0, torch.full_like(made, tiny), made)
    return made.requires_grad_() if requires_grad else made


def _fill(torch: Any, size: tuple, dtype: Any, device: Any, low: Any, high: Any) -> Tensor:
    if dtype is torch.bool:
        lowest, highest = 0, 2
    elif dtype.is_floating_point or dtype.is_complex:
        lowest, highest = -9, 9
    else:
        lowest, highest = (-9 if dtype.is_signed else 0), 10
    low, high = lowest if low is None else low, highest if high is None else high
    if low >= high:
        raise ValueError(f"make_tensor: `low` must be below `high`, but got {low} >= {high}")
    if dtype.is_complex:
        parts = torch.empty((*size, 2), dtype=dtype.to_real(), device=device).uniform_(low, high)
        return torch.view_as_complex(parts)
    if dtype.is_floating_point:
        return torch.empty(size, dtype=dtype, device=device).uniform_(low, high)
    return torch.randint(math.ceil(low), math.ceil(high), size, dtype=dtype, device=device)
