"""functionalize and debug_unwrap: what the inside of PyTorch's transforms needs, and here hardly anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchlike.core import batching
from torchlike.core.variable import Variable

__all__ = ["debug_unwrap", "functionalize"]


def functionalize(func: Callable, *, remove: str = "mutations") -> Callable:
    """The function as it is: every operation here is pure, and a write into memory is a new value of that memory.

    Args:
        remove: "mutations" or "mutations_and_views"; both are so in any program. `jax.make_jaxpr` shows it.

    >>> import torchlike as torch
    >>> torch.func.functionalize(lambda x: x.clone().add_(1))(torch.zeros(2))
    tensor([1., 1.])
    """
    if remove not in ("mutations", "mutations_and_views"):
        raise RuntimeError(
            f"functionalize(f, remove='mutations'): received invalid argument for remove={remove}. Valid options are "
            "remove='mutations' and remove='mutations_and_views'"
        )
    return func


def debug_unwrap(tensor: Any, *, recurse: bool = True) -> Any:
    """The tensor behind one that a function sees under `vmap`, with the dimension of the batch first; else itself.

    Args:
        recurse: whether to go on through `vmap` outside.
    """
    if not isinstance(tensor, Variable):
        return tensor
    level = batching.innermost([tensor])
    if level is None:
        return tensor
    inner, _ = batching.behind(tensor, level)
    return debug_unwrap(inner) if recurse else inner
