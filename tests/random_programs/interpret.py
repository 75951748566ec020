"""Runs the engine's programs with NumPy in place of XLA, so that thousands of them need no compilation.

Random programs are all different: compiled, each would cost a second and megabytes of code that never comes back. What
is looked for, though, is in what the engine records, keeps, orders and gives away, and all of that stays. Only
`jax.jit` as torchlike/core/program.py sees it becomes: trace to a jaxpr, evaluate its equations with NumPy (with the
primitive itself where no rule stands here). Buffers given away by donation are overwritten, so that a wrong donation is
noticed.
"""

from __future__ import annotations

import operator
import types

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Literal

from torchlike.core import program


def switch_on() -> None:
    """From now on, for the rest of the process."""
    program.jax = types.SimpleNamespace(jit=jit, default_device=jax.default_device)
    forget()


def forget() -> None:
    """Drop all traces, to keep the memory of a long run flat."""
    program.forget()
    jax.clear_caches()


class _Array(np.ndarray):
    """A NumPy array with what the engine asks of a JAX array."""

    def block_until_ready(self):
        return self


def jit(fn, donate_argnums=()):
    traced: list = []

    def run(*args):
        if not traced:
            closed, shape = jax.make_jaxpr(fn, return_shape=True)(*args)
            traced.extend((closed, jax.tree.structure(shape)))
        closed, structure = traced
        outs = evaluate(closed.jaxpr, closed.consts, [np.asarray(a) for a in args])
        outs = [np.array(o).view(_Array) for o in outs]  # nothing shares memory
        for i in donate_argnums:
            if isinstance(args[i], np.ndarray):
                args[i].flags.writeable = True
                args[i].reshape(-1).view(np.uint8)[...] = 0x7B
        return jax.tree.unflatten(structure, outs)

    run.clear_cache = traced.clear
    return run


def evaluate(jaxpr, consts, args) -> list:
    env = dict(zip(jaxpr.constvars, map(np.asarray, consts), strict=True))
    env.update(zip(jaxpr.invars, args, strict=True))
    with np.errstate(all="ignore"):
        for eqn in jaxpr.eqns:
            inputs = [np.asarray(v.val, v.aval.dtype) if isinstance(v, Literal) else env[v] for v in eqn.invars]
            for var, out in zip(eqn.outvars, _equation(eqn, inputs), strict=True):
                env[var] = out
    return [np.asarray(v.val, v.aval.dtype) if isinstance(v, Literal) else env[v] for v in jaxpr.outvars]


def _equation(eqn, inputs: list) -> list:
    name, params = eqn.primitive.name, eqn.params
    if name in _CALLS:
        inner = params.get("jaxpr", params.get("call_jaxpr"))
        if isinstance(inner, ClosedJaxpr):
            return evaluate(inner.jaxpr, inner.consts, inputs)
        return evaluate(inner, (), inputs)
    aval = eqn.outvars[0].aval
    rule = RULES.get(name)
    if rule is not None:
        made = rule(*inputs, **params)
        if made is not NotImplemented:
            return [np.asarray(made, aval.dtype).reshape(aval.shape)]
    outs = eqn.primitive.bind(*inputs, **eqn.primitive.get_bind_params(params))
    return [np.asarray(o) for o in (outs if eqn.primitive.multiple_results else [outs])]


_CALLS = {"pjit", "jit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr",
          "remat", "checkpoint"}  # fmt: skip


# --- rules ------------------------------------------------------------------------------------------------------------


def _elementwise(fn, kinds="fiubc"):
    def rule(*inputs, **_):
        return fn(*inputs) if all(x.dtype.kind in kinds and x.dtype.itemsize > 1 or x.dtype == bool or x.dtype.kind in
                                  "iu" for x in inputs) else NotImplemented  # fmt: skip

    return rule


def _dynamic_slice(x, *starts, slice_sizes, **_):
    at = [min(max(int(s), 0), n - m) for s, n, m in zip(starts, x.shape, slice_sizes, strict=True)]
    return x[tuple(slice(s, s + m) for s, m in zip(at, slice_sizes, strict=True))]


def _dynamic_update_slice(x, new, *starts, **_):
    x = x.copy()
    at = [min(max(int(s), 0), n - m) for s, n, m in zip(starts, x.shape, new.shape, strict=True)]
    x[tuple(slice(s, s + m) for s, m in zip(at, new.shape, strict=True))] = new
    return x


def _broadcast_in_dim(x, *_, shape, broadcast_dimensions, **__):
    wide = [1] * len(shape)
    for d, n in zip(broadcast_dimensions, x.shape, strict=True):
        wide[d] = n
    return np.broadcast_to(x.reshape(wide), shape)


def _pad(x, value, padding_config):
    if any(low < 0 or high < 0 or inner for low, high, inner in padding_config):
        return NotImplemented
    return np.pad(x, [(low, high) for low, high, _ in padding_config], constant_values=value)


def _bitcast(x, new_dtype):
    old, new = x.dtype.itemsize, np.dtype(new_dtype).itemsize
    flat = np.ascontiguousarray(x).view(new_dtype)
    return flat.reshape(x.shape) if old == new else flat


def _select_n(which, *cases):
    return np.where(which, cases[1], cases[0]) if len(cases) == 2 else NotImplemented


def _convert(x, new_dtype, **_):
    if x.dtype.kind == "f" and np.dtype(new_dtype).kind in "iu":
        return NotImplemented  # out of range, the two differ
    return x.real.astype(new_dtype) if x.dtype.kind == "c" and np.dtype(new_dtype).kind != "c" else x.astype(new_dtype)


def _starts(index, into, batching, position, ndim) -> list[int]:
    start = [0] * ndim
    for d, i in zip(into, index, strict=True):
        start[d] = int(i)
    for d, b in batching:
        start[d] = position[b]
    return start


def _gather(x, indices, *, dimension_numbers, slice_sizes, mode, fill_value, **_):
    dn, name = dimension_numbers, str(mode)
    outer = indices.shape[:-1]
    gone = (*dn.collapsed_slice_dims, *dn.operand_batching_dims)
    batching = list(zip(dn.operand_batching_dims, dn.start_indices_batching_dims, strict=True))
    inner = [n for d, n in enumerate(slice_sizes) if d not in gone]
    out = np.empty((*outer, *inner), x.dtype)
    for position in np.ndindex(outer):
        start = _starts(indices[position], dn.start_index_map, batching, position, x.ndim)
        limits = [n - m for n, m in zip(x.shape, slice_sizes, strict=True)]
        inside = all(0 <= s <= m for s, m in zip(start, limits, strict=True))
        if not inside and "FILL" in name.upper():
            if fill_value is None:
                fill_value = np.nan if x.dtype.kind in "fc" else True if x.dtype == bool else (
                    np.iinfo(x.dtype).min if x.dtype.kind == "i" else np.iinfo(x.dtype).max
                )  # fmt: skip
            out[position] = fill_value
            continue
        start = [min(max(s, 0), m) for s, m in zip(start, limits, strict=True)]
        part = x[tuple(slice(s, s + m) for s, m in zip(start, slice_sizes, strict=True))]
        out[position] = part.reshape(inner)
    order: list = [None] * out.ndim
    for k, d in enumerate(dn.offset_dims):
        order[d] = len(outer) + k
    rest = iter(range(len(outer)))
    return out.transpose([next(rest) if d is None else d for d in order])


def _scatter(combine):
    def rule(x, indices, updates, *, dimension_numbers, mode, **_):
        dn, name = dimension_numbers, str(mode).upper()
        gone = (*dn.inserted_window_dims, *dn.operand_batching_dims)
        batching = list(zip(dn.operand_batching_dims, dn.scatter_indices_batching_dims, strict=True))
        outer = [d for d in range(updates.ndim) if d not in dn.update_window_dims]
        moved = updates.transpose([*outer, *dn.update_window_dims])
        window = iter(moved.shape[len(outer) :])
        sizes = [1 if d in gone else next(window) for d in range(x.ndim)]
        x = x.copy()
        for position in np.ndindex(moved.shape[: len(outer)]):
            start = _starts(indices[position], dn.scatter_dims_to_operand_dims, batching, position, x.ndim)
            limits = [n - m for n, m in zip(x.shape, sizes, strict=True)]
            if not all(0 <= s <= m for s, m in zip(start, limits, strict=True)):
                if "CLIP" not in name:
                    continue
                start = [min(max(s, 0), m) for s, m in zip(start, limits, strict=True)]
            at = tuple(slice(s, s + m) for s, m in zip(start, sizes, strict=True))
            x[at] = combine(x[at], moved[position].reshape(sizes))
        return x

    return rule


def _dot(a, b, *, dimension_numbers, preferred_element_type=None, **_):
    if a.dtype.kind not in "fc":
        return NotImplemented
    (ca, cb), (ba, bb) = dimension_numbers
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    first = [next(letters) for _ in range(a.ndim)]
    second: list = [None] * b.ndim
    for i, j in [*zip(ca, cb, strict=True), *zip(ba, bb, strict=True)]:
        second[j] = first[i]
    second = [next(letters) if s is None else s for s in second]
    out = [first[i] for i in ba] + [s for i, s in enumerate(first) if i not in (*ba, *ca)]
    out += [s for j, s in enumerate(second) if j not in (*bb, *cb)]
    return np.einsum(f"{''.join(first)},{''.join(second)}->{''.join(out)}", a, b)


RULES = {
    "add": _elementwise(operator.add), "add_any": _elementwise(operator.add), "sub": _elementwise(operator.sub, "fiuc"),
    "mul": _elementwise(operator.mul), "neg": _elementwise(operator.neg, "fiuc"), "eq": _elementwise(operator.eq),
    "ne": _elementwise(operator.ne), "lt": _elementwise(operator.lt, "fiub"), "le": _elementwise(operator.le, "fiub"),
    "gt": _elementwise(operator.gt, "fiub"), "ge": _elementwise(operator.ge, "fiub"),
    "and": _elementwise(operator.and_, "iub"), "or": _elementwise(operator.or_, "iub"),
    "xor": _elementwise(operator.xor, "iub"), "not": _elementwise(operator.invert, "iub"),
    "real": lambda x: x.real, "imag": lambda x: x.imag, "conj": lambda x, **_: np.conj(x),
    "complex": lambda a, b: np.stack(np.broadcast_arrays(a, b), -1).view(np.result_type(a.dtype, np.complex64))[..., 0],
    "copy": lambda x: x, "copy_p": lambda x: x, "stop_gradient": lambda x: x, "optimization_barrier": lambda x: x,
    "reshape": lambda x, *, new_sizes, dimensions=None, **_: (
        x.reshape(new_sizes) if dimensions is None else x.transpose(dimensions).reshape(new_sizes)
    ),
    "squeeze": lambda x, *, dimensions: np.squeeze(x, dimensions),
    "expand_dims": lambda x, *, dimensions: np.expand_dims(x, dimensions),
    "transpose": lambda x, *, permutation: x.transpose(permutation),
    "rev": lambda x, *, dimensions: np.flip(x, dimensions),
    "concatenate": lambda *xs, dimension: np.concatenate(xs, dimension),
    "broadcast_in_dim": _broadcast_in_dim, "pad": _pad, "convert_element_type": _convert,
    "iota": lambda *_, dtype, shape, dimension, **__: np.broadcast_to(
        np.arange(shape[dimension], dtype=dtype).reshape([-1 if d == dimension else 1 for d in range(len(shape))]),
        shape,
    ),
    "slice": lambda x, *, start_indices, limit_indices, strides: x[
        tuple(map(slice, start_indices, limit_indices, strides or [1] * x.ndim))
    ],
    "dynamic_slice": _dynamic_slice, "dynamic_update_slice": _dynamic_update_slice, "select_n": _select_n,
    "bitcast_convert_type": _bitcast, "dot_general": _dot,
    "reduce_sum": lambda x, *, axes, **_: x.sum(tuple(axes), dtype=x.dtype)
    if x.dtype.kind in "fci" and x.dtype.itemsize > 2 else NotImplemented,
    "reduce_or": lambda x, *, axes, **_: x.any(tuple(axes)) if x.dtype == bool else NotImplemented,
    "reduce_and": lambda x, *, axes, **_: x.all(tuple(axes)) if x.dtype == bool else NotImplemented,
    "gather": _gather, "scatter": _scatter(lambda old, new: new), "scatter-add": _scatter(operator.add),
    "scatter_add": _scatter(operator.add), "scatter_mul": _scatter(operator.mul),
}  # fmt: skip
"""Primitives that NumPy computes as XLA does; a rule returns NotImplemented for what it leaves to the primitive."""
