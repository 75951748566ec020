"""The table of rules: JAX's primitives in NumPy.

A rule takes an equation of a trace and returns a function of arrays. What is here is exact, or rounds once as IEEE 754
has it, or is an elementary function, sum or product that differs from XLA's in the last digits at most. An equation
that NumPy would do differently, or that nothing here knows, raises `NoRule`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jax.extend.core import JaxprEqn


class NoRule(Exception):
    """There is no rule for an equation."""


RULES: dict[str, tuple[str, Callable[[Any], Callable]]] = {}
"""By primitive: the kinds of its inputs, and what makes of an equation a function of NumPy arrays."""

UNSIZED: set[str] = set()
"""Primitives whose rules do not look at the sizes of arrays: what they return serves for all."""


def maker(eqn: JaxprEqn) -> Callable[[Any], Callable]:
    """What makes a function of NumPy arrays of an equation of JAX's, or of that at given sizes."""
    kinds, make = RULES.get(eqn.primitive.name, ("", None))
    given = [kind(v) for v in eqn.invars]
    if make is None or any(k not in kinds for k in given) or any(kind(v) not in "biufch" for v in eqn.outvars):
        raise NoRule
    return make


VIEWS = {"reshape", "squeeze", "transpose", "broadcast_in_dim", "slice", "dynamic_slice", "rev", "split", "unstack"}
"""What NumPy does without touching an element, as a rule."""


def work(eqn: JaxprEqn) -> int:
    """About how many elements the equation touches."""
    if eqn.primitive.name in VIEWS:
        return 0
    inputs: list[Any] = [v.aval for v in eqn.invars]
    outputs: list[Any] = [v.aval for v in eqn.outvars]
    touched = sum(a.size for a in inputs + outputs)
    if eqn.primitive.name == "dot_general":
        (contracted, _), _ = eqn.params["dimension_numbers"]
        touched += outputs[0].size * math.prod(inputs[0].shape[d] for d in contracted) // 8
    return touched


def kind(v) -> str:
    """The kind of dtype: NumPy's letter, "h" for the two floating types of 16 bits, "?" for what is not NumPy's."""
    return _kind_of(v.aval.dtype)


@functools.cache  # NumPy makes the name of a dtype anew each time
def _kind_of(dtype) -> str:
    if not isinstance(dtype, np.dtype):
        return "?"
    return "h" if dtype.name in ("float16", "bfloat16") else dtype.kind


def primitive(kinds: str, *names: str, sized: bool = True):
    """File a rule for inputs of these kinds under the primitives' names; whether it looks at sizes."""

    def file(make):
        RULES.update(dict.fromkeys(names, (kinds, make)))
        if not sized:
            UNSIZED.update(names)
        return make

    return file


def functions(kinds: str, **functions: Callable) -> None:
    """Rules without a parameter."""
    for name, function in functions.items():
        primitive(kinds, name, sized=False)(lambda eqn, function=function: function)
