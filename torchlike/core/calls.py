"""Equations of a trace that are a trace themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

CALLS = {
    "jit": "jaxpr", "pjit": "jaxpr", "closed_call": "call_jaxpr", "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}  # fmt: skip
"""Primitives whose equation may be replaced by the trace it calls, and the parameter that holds it."""

CHECKPOINTS = {"remat2": "jaxpr", "checkpoint": "jaxpr"}
"""The same of those that compute again what is not to be kept; a compiler must not see that it is twice the same."""


def called(eqn) -> tuple[Any, Sequence]:
    """The trace that an equation of these calls, and its constants."""
    body = eqn.params[(CALLS | CHECKPOINTS)[eqn.primitive.name]]
    return getattr(body, "jaxpr", body), getattr(body, "consts", ())
