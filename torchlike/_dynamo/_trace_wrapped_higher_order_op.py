"""torch._dynamo._trace_wrapped_higher_order_op: a part of PyTorch's tracer that masks with indices are written with."""

from __future__ import annotations

import contextlib
from typing import Any


@contextlib.contextmanager
def TransformGetItemToIndex():
    """A block in which tensors index tensors: they always do here."""
    yield


def mod_index(x: Any, indices: Any) -> Any:
    """`x[tuple(indices)]`."""
    return x[tuple(indices)]
