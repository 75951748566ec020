"""Transposes put off: a trace evaluated so that images stay in the order of dimensions that they were made in.

XLA's CPU compiler gives every array the order of its indices, and writes it anew for each transpose between one of its
convolutions, which want the channels last, and the neighbours, which have them second (PyTorch's layout). Here such a
transpose only notes the order. What works element by element, or along named dimensions, is then done in the order that
is there; anything else gets the array that its equation says. Nothing is computed otherwise, it only lies elsewhere.

A captured step of `resnet32` on two cores takes 1.12 times PyTorch's time without this and 1.04 with it, then 0.97 with
the first convolution's result made in that order too (ops/lowering.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import jax
from jax import lax
from jax.extend.core import Literal

from torchlike.core.calls import CALLS, called

ELEMENTWISE = frozenset({
    "abs", "add", "add_any", "and", "atan2", "ceil", "clamp", "convert_element_type", "copy", "cos", "cosh", "div",
    "eq", "erf", "erf_inv", "erfc", "exp", "exp2", "expm1", "floor", "ge", "gt", "integer_pow", "is_finite", "le",
    "log", "log1p", "logistic", "lt", "max", "min", "mul", "ne", "neg", "not", "or", "pow", "reduce_precision", "rem",
    "round", "rsqrt", "select_n", "sign", "sin", "sinh", "sqrt", "square", "sub", "tan", "tanh", "xor",
})  # fmt: skip
REDUCTIONS = frozenset({"reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_and", "reduce_or"})
ALONG = {
    "slice": ("start_indices", "limit_indices", "strides"),
    "pad": ("padding_config",),
    "reduce_window_sum": ("window_dimensions", "window_strides", "padding", "base_dilation", "window_dilation"),
}
"""Primitives of one array, and their parameters that have an entry for each of its dimensions."""


class Ordered:
    """An array whose dimension p is dimension order[p] of what it stands for."""

    __slots__ = ("array", "order")

    def __init__(self, array, order: tuple[int, ...]):
        self.array, self.order = array, order

    def at(self, order: Sequence[int]):
        """What it stands for, with the dimensions in that order."""
        return lax.transpose(self.array, [self.order.index(d) for d in order])


class Spread:
    """A broadcast that waits for the order in which it is wanted."""

    __slots__ = ("array", "shape", "dims")

    def __init__(self, array, shape: tuple[int, ...], dims: tuple[int, ...]):
        self.array, self.shape, self.dims = array, shape, dims

    def at(self, order: Sequence[int]):
        places = [order.index(d) for d in self.dims]
        array = lax.transpose(self.array, sorted(range(len(places)), key=places.__getitem__))
        return lax.broadcast_in_dim(array, [self.shape[d] for d in order], sorted(places))


def put_off(f: Callable) -> Callable:
    """`f`, from arrays to a list of arrays, with the transposes put off."""

    def evaluated(*arrays):
        closed = jax.make_jaxpr(f)(*arrays)
        outs = _evaluate(closed.jaxpr, closed.consts, arrays)
        return [_plain(x, v.aval.ndim) for x, v in zip(outs, closed.jaxpr.outvars, strict=True)]

    return evaluated


def has_convolution(jaxpr) -> bool:
    """Whether a trace has one of XLA's convolutions in it."""
    return any(
        eqn.primitive.name == "conv_general_dilated" or eqn.primitive.name in CALLS and has_convolution(called(eqn)[0])
        for eqn in jaxpr.eqns
    )


def _evaluate(jaxpr, consts: Sequence, inputs: Sequence) -> list:
    env: dict = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *inputs], strict=True))

    def read(v):
        return v.val if isinstance(v, Literal) else env[v]

    for eqn in jaxpr.eqns:
        values = [read(v) for v in eqn.invars]
        with jax.named_scope(str(eqn.source_info.name_stack)), eqn.ctx.manager:
            outs = _evaluate(*called(eqn), values) if eqn.primitive.name in CALLS else _results(eqn, values)
        env.update(zip(eqn.outvars, outs, strict=True))
    return [read(v) for v in jaxpr.outvars]


def _results(eqn, values: list) -> list:
    """The results of an equation, in the order of its inputs where it can be done so."""
    name, params, out = eqn.primitive.name, eqn.params, eqn.outvars[0].aval
    straight = tuple(range(len(getattr(out, "shape", ()))))
    order = next((x.order for x in values if isinstance(x, Ordered)), None)
    if name == "transpose" and (order or _moves_channels(params["permutation"])):
        array = values[0].array if order else _plain(values[0], len(straight))
        return [_ordered(array, [params["permutation"].index(d) for d in order or straight])]
    if name == "broadcast_in_dim" and len(values) == 1 and len(straight) > 2:
        dims = params["broadcast_dimensions"]
        return [Spread(_plain(values[0], len(dims)), out.shape, dims)]
    if order is None:
        pass
    elif name in ELEMENTWISE or name == "concatenate":
        if name == "concatenate":
            params = params | {"dimension": order.index(params["dimension"])}
        return [Ordered(_bind(eqn, [_at(x, order) for x in values], params), order)]
    elif name in REDUCTIONS:
        axes = params["axes"]
        kept = [d for d in order if d not in axes]
        y = _bind(eqn, [values[0].array], params | {"axes": tuple(sorted(order.index(a) for a in axes))})
        return [_ordered(y, [sorted(kept).index(d) for d in kept])]
    elif name in ALONG:
        along = {k: tuple(v[d] for d in order) for k in ALONG[name] if (v := params[k]) is not None}
        return [Ordered(_bind(eqn, [values[0].array, *values[1:]], params | along), order)]
    y = _bind(eqn, [_plain(x, v.aval.ndim) if isinstance(x, Ordered | Spread) else x
                    for x, v in zip(values, eqn.invars, strict=True)], params)  # fmt: skip
    return list(y) if eqn.primitive.multiple_results else [y]


def _moves_channels(permutation: tuple[int, ...]) -> bool:
    """Whether it is the second dimension that goes last, or comes from there."""
    n = len(permutation)
    return n > 2 and permutation in ((0, *range(2, n), 1), (0, n - 1, *range(1, n - 1)))


def _ordered(array, order: Sequence[int]):
    return array if list(order) == sorted(order) else Ordered(array, tuple(order))


def _at(x, order: tuple[int, ...]):
    """An operand, a scalar or an array, in that order."""
    if isinstance(x, Ordered | Spread):
        return x.at(order)
    return lax.transpose(x, order) if getattr(x, "ndim", 0) else x


def _plain(x, ndim: int):
    return x.at(range(ndim)) if isinstance(x, Ordered | Spread) else x


def _bind(eqn, values: list, params: dict):
    return eqn.primitive.bind(*values, **eqn.primitive.get_bind_params(params))
