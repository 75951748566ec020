"""torch._higher_order_ops: control flow as operations. Values can be read here, so Python's own does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchlike import absent as _absent

_absent.fill(globals(), "write it as a Python loop over tensors", functions="scan associative_scan map")


def cond(pred: Any, true_fn: Callable, false_fn: Callable, operands: Any = ()) -> Any:
    """`true_fn(*operands)` or `false_fn(*operands)`: reads `pred` (a barrier) and runs one of them."""
    return (true_fn if bool(pred) else false_fn)(*operands)


def while_loop(cond_fn: Callable, body_fn: Callable, carried_inputs: Any) -> tuple:
    """Runs `body_fn` as long as `cond_fn` says so; each round reads a value (a barrier)."""
    carried = tuple(carried_inputs)
    while bool(cond_fn(*carried)):
        made = body_fn(*carried)
        carried = tuple(made) if isinstance(made, tuple | list) else (made,)
    return carried
