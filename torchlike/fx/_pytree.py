"""torch.fx._pytree: flattening by a known structure, for classes that a trace may hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchlike.utils import _pytree

SUPPORTED_NODES: dict[type, Callable] = {}


def register_pytree_flatten_spec(cls: type, flatten_fn_spec: Callable, flatten_fn_exact_match_spec: Any = None) -> None:
    """Say how an object of this class comes apart by a given structure."""
    SUPPORTED_NODES[cls] = flatten_fn_spec


def tree_flatten_spec(pytree: Any, spec: Any) -> list:
    """The leaves of an object, in the order of the structure `spec`."""
    if spec.is_leaf():
        return [pytree]
    flatten = SUPPORTED_NODES.get(spec.type)
    parts = flatten(pytree, spec) if flatten else _pytree._parts(pytree)[0]
    return [leaf for part, child in zip(parts, spec.children(), strict=True) for leaf in tree_flatten_spec(part, child)]
