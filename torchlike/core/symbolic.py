"""One trace for all sizes: what a loop needs in which every batch has a length of its own.

Uses of an op that differ only in sizes are one family. Where the sizes of three follow from one or two free ones, n
and m (so do 16 x 28 x 64 and a view of it as 448 x 64, for n = 28, as 16, n, 64 and 16 n, 64), the op is traced once
for all n and m with JAX's symbolic dimensions (https://docs.jax.dev/en/latest/export/shape_poly.html), and later uses
are made of that model without a trace of their own.

JAX refuses to decide whether a symbol is greater than a number or not; a body that asks has no model. But it takes a
symbol for unequal to all that is not the same expression. So a model is not used for sizes below `LEAST`, which bodies
tell apart from others, nor where a free size happens to be equal to another size of the same use; and it must be of the
same primitives and intermediate shapes, at the sizes of one use, as the trace of that use itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax.extend.core import jaxprs_in_params

from torchlike.core.value import Aval, aval

LEAST = 8
REMEMBERED = 8
"""Uses of one family among which a form is looked for: a model may have so many layers, each of its own width."""

SYMBOLS = ("n", "m")
TRIES = 2
"""So often the tracing of a family may fail: its body then needs to know its sizes."""


class Sizes(dict):
    """What the symbols are."""

    __slots__ = ("shapes",)
    shapes: dict[int, tuple]
    """By the id of a shape with symbols: the shape in numbers, and that shape, which so keeps its id."""

    def __init__(self, *items):
        super().__init__(*items)
        self.shapes = {}


class Family:
    """Uses of an op that differ in sizes only. A use is the list of its sizes, in the order in which they stand."""

    __slots__ = ("uses", "models", "tries")

    def __init__(self):
        self.uses: list[tuple] = []  # the last that are of no form yet: (sizes, template, avals)
        self.models: list[tuple[list, Any]] = []  # (form, Spec)
        self.tries = TRIES


_families: dict = {}
_sizes: dict[tuple, Sizes] = {}
"""Those in use: what follows from the same sizes is computed once for all operations."""


def forget() -> None:
    """Drop all families."""
    _families.clear()
    _sizes.clear()


def match(op, template: tuple, avals: tuple[Aval, ...], device, spec: Callable) -> tuple[Any, Sizes] | None:
    """The model of this use of an op and the sizes of its symbols, or None; `spec(template, avals)` makes a model."""
    sizes: list[int] = []
    masked = _masked(template, sizes), tuple([(_masked(a.shape, sizes), a.dtype, a.device, a.weak) for a in avals])
    if not sizes:
        return None
    family = _families.setdefault((op, *masked, device), Family())
    for form, model in family.models:
        if (found := _solve(form, sizes)) is not None:
            return model, _sizes.setdefault(tuple(found.items()), found)
    if family.tries and (shared := _shared(family.uses, sizes)) is not None:
        form, found, there, use = shared
        alone = attempt({}, None, lambda: spec(*use))
        if alone is None:  # that use was an error
            family.uses = [u for u in family.uses if u[1:] != use]
        elif (model := _traced(form, template, avals, there, alone, spec)) is not None:
            family.models.append((form, model))
            return model, found
        else:
            family.tries -= 1
    family.uses = [*family.uses[1 - REMEMBERED :], (sizes, template, avals)]
    return None


def _shared(uses: list[tuple], sizes: list[int]) -> tuple[list, Sizes, Sizes, tuple] | None:
    """The form, of the fewest free sizes, that these sizes have in common with two uses; what the symbols are here, and
    in one of the two; that one's template and avals."""
    best: tuple[list, Sizes, Sizes, tuple] | None = None
    for first, *rest in reversed(uses):
        form = _form(first, sizes)
        if form is None or not (found := _solve(form, sizes)) or not (there := _solve(form, first)):
            continue
        if (best is None or len(found) < len(best[1])) and any(s is not first and _solve(form, s) for s, *_ in uses):
            best = form, found, there, tuple(rest)
    return best


def _masked(x: Any, sizes: list[int]) -> Any:
    """Static arguments without the sizes in them, which are put into the list."""
    if x.__class__ is int and x >= LEAST:
        sizes.append(x)
        return LEAST
    return tuple([_masked(part, sizes) for part in x]) if x.__class__ is tuple else x


def _filled(x: Any, sizes) -> Any:
    """The other way: with the sizes that come next."""
    if x.__class__ is int and x >= LEAST:
        return next(sizes)
    return tuple([_filled(part, sizes) for part in x]) if x.__class__ is tuple else x


def _form(first: list[int], second: list[int]) -> list | None:
    """How the sizes of two uses follow from one or two free ones: each as a number, or as (symbol, factor, addend)."""
    free: list[tuple[int, int]] = []
    varying = sorted({pair for pair in zip(first, second, strict=True) if pair[0] != pair[1]}, key=min)
    place: dict[tuple[int, int], tuple] = {}
    for a, b in varying:
        for symbol, (x, y) in zip(SYMBOLS, free, strict=False):
            factor, rest = divmod(b - a, y - x)
            addend = a - factor * x
            if not rest and factor > 0 and abs(addend) < LEAST and (factor == 1 or not addend):
                place[a, b] = symbol, factor, addend
                break
        else:
            if len(free) == len(SYMBOLS):
                return None
            place[a, b] = SYMBOLS[len(free)], 1, 0
            free.append((a, b))
    return [a if a == b else place[a, b] for a, b in zip(first, second, strict=True)] if varying else None


def _solve(form: list, sizes: list[int]) -> Sizes | None:
    """What the symbols are if these sizes have this form, and nothing is equal by chance."""
    found = Sizes()
    for part, size in zip(form, sizes, strict=True):
        if part.__class__ is int:
            if part != size:
                return None
        elif part[1:] == (1, 0) and found.setdefault(part[0], size) != size:
            return None
    known = {part for part in form if part.__class__ is int}
    varying: dict[int, tuple] = {}
    for part, size in zip(form, sizes, strict=True):
        if part.__class__ is tuple:
            symbol, factor, addend = part
            if found[symbol] * factor + addend != size or size in known or varying.setdefault(size, part) != part:
                return None
    return found


def _traced(form: list, template: tuple, avals: tuple[Aval, ...], sizes: Sizes, alone, spec: Callable) -> Any:
    """The spec of this form, or None: the body needs to know its sizes. `alone` is the spec of one use, of `sizes`."""
    symbols = dict(zip(SYMBOLS, _symbols(), strict=True))
    parts = iter([p if p.__class__ is int else symbols[p[0]] * p[1] + p[2] for p in form])
    template = _filled(template, parts)
    avals = tuple([aval(_filled(a.shape, parts), a.dtype, a.device, weak=a.weak) for a in avals])
    model = attempt({}, None, lambda: spec(template, avals))
    return model if model and _structure(model.closed, sizes) == _structure(alone.closed, Sizes()) else None


def attempt(kept: dict, key: Any, make: Callable) -> Any:
    """What is kept, or now made, under the key; None where it cannot be made of symbols."""
    if key not in kept:
        try:
            kept[key] = make()
        except Exception:  # a number is needed: JAX says so, or NumPy, or the body with an error about shapes
            kept[key] = None
    return kept[key]


@functools.cache
def _symbols() -> Sequence:
    from jax import export  # imported when lengths vary

    return export.symbolic_shape(", ".join(SYMBOLS), constraints=[f"{s} >= {LEAST}" for s in SYMBOLS])


def _structure(closed, sizes: Sizes) -> list:
    """The primitives of a trace with the shapes that they give, but for what only turns sizes into arrays."""
    found: list = []
    counted: set = set()  # of the sizes alone

    def walk(jaxpr) -> None:
        for eqn in jaxpr.eqns:
            variables = [v for v in eqn.invars if not hasattr(v, "val")]
            if eqn.primitive.name == "dim_as_value" or variables and counted.issuperset(variables):
                counted.update(eqn.outvars)
                continue
            outs: list[Any] = [v.aval for v in eqn.outvars]
            found.append((eqn.primitive.name, [(at(a.shape, sizes), a.dtype) for a in outs]))
            for inner in jaxprs_in_params(eqn.params):
                walk(inner)

    walk(closed.jaxpr)
    return found


# --- expressions of symbols


def known(shape: Sequence) -> bool:
    """Whether no symbol is in a shape."""
    return all(isinstance(n, int | np.integer) for n in shape)


def within(value: Any) -> bool:
    """Whether a symbol is in a parameter of an equation."""
    if value.__class__ is tuple:
        return any(map(within, value))
    return bool(_symbols.cache_info().currsize) and value.__class__ is _symbols()[0].__class__


def at(x: Any, sizes: Sizes) -> Any:
    """A shape, or a parameter of an equation, with numbers in place of the symbols."""
    if not sizes or x.__class__ is int:
        return x
    if x.__class__ is tuple:
        found = sizes.shapes.get(id(x))
        if found is None:
            found = sizes.shapes[id(x)] = tuple([part if part.__class__ is int else at(part, sizes) for part in x]), x
        return found[0]
    return _number(x, sizes) if x.__class__ is _symbols()[0].__class__ else x


_FUNCTIONS: dict[str, Any] = {
    "floordiv": lambda a, b: a // b, "mod": lambda a, b: a % b, "max": max, "min": min, "__builtins__": {},
}  # fmt: skip


@functools.lru_cache(4096)
def _code(expression: Any):
    return compile(str(expression).replace("^", "**"), "size", "eval")


def _number(expression: Any, sizes: Sizes) -> int:
    """JAX writes its expressions in a documented language, of which Python's is a part but for the powers."""
    return eval(_code(expression), _FUNCTIONS, sizes)  # noqa: S307
