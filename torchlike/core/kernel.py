"""A function that a kernel computes, forwards and backwards, and that is a formula for everything else.

A kernel of a library, such as cuDNN's attention, comes with its gradient, and that is all: JAX has no forward mode and
no second derivative of it, and batches it in its own way only. `fused` makes of it and of a formula for the same a
function like any other. Run, it is the kernel; in reverse mode the kernel's forward and backward part; in forward mode,
differentiated again or under `vmap` it is the formula.

For that there are three equations. Each says in a trace what is run, and its rules say what it is to JAX:

    forward    arguments                        the result, and what the backward part keeps
    tangent    arguments, kept, tangents        the result's tangent; its transpose is
    backward   arguments, kept, cotangent       the gradients
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Primitive, jaxpr_as_fun
from jax.interpreters import ad, batching, mlir

from torchlike.core.op import inexact


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class _Use:
    """One use of a fused function: what its three equations share."""

    formula: ClosedJaxpr
    kept: list  # the avals of what is kept
    pull: Callable  # from what is kept and the cotangent to the gradients
    n: int  # arguments
    moving: int  # so many of them, the first, are differentiable

    def parts(self, operands) -> tuple[Callable, tuple, tuple]:
        """The formula as a function of the arguments that move; those; and the operands behind all arguments."""
        args, rest = operands[: self.n], operands[self.n :]
        still = args[self.moving :]
        return lambda *moving: jaxpr_as_fun(self.formula)(*moving, *still)[0], args[: self.moving], rest


def fused(kernel: Callable, formula: Callable) -> Callable:
    """The function that `kernel` computes, and `formula` too. Arguments that are not differentiable come last."""

    def function(*args: Any) -> Any:
        moving = sum(inexact(a.dtype) for a in args)
        tree: Any = None

        def forward(*args):
            nonlocal tree
            y, pullback = jax.vjp(lambda *first: kernel(*first, *args[moving:]), *args[:moving])
            kept, tree = jax.tree.flatten(pullback)
            return [y, *kept]

        def pull(kept, cotangent):
            return tree.unflatten(kept)(cotangent)

        trace = jax.make_jaxpr(forward)(*args)
        use = _Use(jax.make_jaxpr(formula)(*args), trace.out_avals[1:], pull, len(args), moving)
        return _forward.bind(*args, trace=trace, use=use)[0]

    return function


def _formula_forward(use: _Use, *operands):
    f, args, _ = use.parts(operands)
    return [f(*args), *[jnp.zeros(a.shape, a.dtype) for a in use.kept]]  # the formula keeps nothing


def _formula_tangent(use: _Use, *operands):
    f, args, rest = use.parts(operands)
    return [jax.jvp(f, args, rest[len(use.kept) :])[1]]


def _formula_backward(use: _Use, *operands):
    f, args, rest = use.parts(operands)
    return [*jax.vjp(f, *args)[1](rest[-1])]


def _primitive(name: str, formula: Callable) -> Primitive:
    """An equation that runs its `trace`, and is `formula(use, *operands)` to JAX's transformations."""
    made = Primitive(name)
    made.multiple_results = True

    def run(*operands, trace, use):
        return jaxpr_as_fun(trace)(*operands)

    def jvp(primals, tangents, *, trace, use):
        places = [i for i, t in enumerate(tangents) if type(t) is not ad.Zero]

        def of_moving(*chosen):
            operands = dict(enumerate(primals)) | dict(zip(places, chosen, strict=True))
            return formula(use, *operands.values())

        return jax.jvp(of_moving, [primals[i] for i in places], [tangents[i] for i in places])

    def batch(operands, axes, *, trace, use):
        outs = jax.vmap(functools.partial(formula, use), tuple(axes))(*operands)
        return outs, [0] * len(outs)

    made.def_impl(run)
    made.def_abstract_eval(lambda *_, trace, use: trace.out_avals)
    mlir.register_lowering(made, mlir.lower_fun(run, multiple_results=True))
    ad.primitive_jvps[made] = jvp
    batching.primitive_batchers[made] = batch
    return made


_forward = _primitive("fused_forward", _formula_forward)
_tangent = _primitive("fused_tangent", _formula_tangent)
_backward = _primitive("fused_backward", _formula_backward)


def _jvp_of_forward(primals, tangents, *, trace, use):
    y, *kept = _forward.bind(*primals, trace=trace, use=use)
    operands = *primals, *kept, *[ad.instantiate_zeros(t) for t in tangents[: use.moving]]
    tangent = jax.make_jaxpr(functools.partial(_formula_tangent, use))(*operands)
    # what is kept reaches `_backward` alone, whose derivative does not ask how it moves
    still = [ad.Zero(a.to_tangent_aval()) for a in use.kept]
    return [y, *kept], [*_tangent.bind(*operands, trace=tangent, use=use), *still]


def _transpose_of_tangent(cotangents, *operands, trace, use):
    start = use.n + len(use.kept)
    primals, tangents = operands[:start], operands[start:]
    none = [None] * start
    if type(cotangents[0]) is ad.Zero:
        return [*none, *[ad.Zero(t.aval) if ad.is_undefined_primal(t) else None for t in tangents]]
    operands = *primals, cotangents[0]
    trace = jax.make_jaxpr(lambda *operands: use.pull(operands[use.n : start], operands[-1]))(*operands)
    gradients = _backward.bind(*operands, trace=trace, use=use)
    return [*none, *[g if ad.is_undefined_primal(t) else None for t, g in zip(tangents, gradients, strict=True)]]


ad.primitive_jvps[_forward] = _jvp_of_forward
ad.primitive_transposes[_tangent] = _transpose_of_tangent
