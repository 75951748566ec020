"""Rules for what moves elements: shapes, parts, joins, padding."""

from __future__ import annotations

import numpy as np

from torchlike.core.interpreter.table import NoRule, kind, primitive


@primitive("biufch", "reshape")
def _reshape(eqn):
    if eqn.params["dimensions"] is not None:
        raise NoRule
    return lambda x: x.reshape(eqn.params["new_sizes"])


@primitive("biufch", "squeeze", sized=False)
def _squeeze(eqn):
    return lambda x: x.squeeze(eqn.params["dimensions"])


@primitive("biufch", "transpose", sized=False)
def _transpose(eqn):
    return lambda x: x.transpose(eqn.params["permutation"])


@primitive("biufch", "broadcast_in_dim")
def _broadcast(eqn):
    shape, places = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    if len(eqn.invars) > 1:
        raise NoRule
    kept = dict(zip(places, eqn.invars[0].aval.shape, strict=True))
    aligned = tuple(kept.get(d, 1) for d in range(len(shape)))
    return lambda x: np.broadcast_to(x.reshape(aligned), shape)


@primitive("biufch", "iota")
def _iota(eqn):
    shape, dim, dtype = eqn.params["shape"], eqn.params["dimension"], eqn.params["dtype"]
    if len(eqn.invars) or kind(eqn.outvars[0]) not in "iuf":
        raise NoRule
    aligned = [n if d == dim else 1 for d, n in enumerate(shape)]
    made = np.broadcast_to(np.arange(shape[dim]).astype(dtype).reshape(aligned), shape)
    return lambda: made


@primitive("", "dim_as_value")
def _dim_as_value(eqn):
    size = np.asarray(eqn.params["dim"], eqn.outvars[0].aval.dtype)
    return lambda: size


@primitive("", "platform_index", sized=False)
def _platform_index(eqn):
    """Which of the formulations of an operation is this platform's."""
    mine = next((i for i, p in enumerate(eqn.params["platforms"]) if p is None or "cpu" in p), None)
    if mine is None:
        raise NoRule
    return lambda: np.int32(mine)


@primitive("biufch", "slice")
def _slice(eqn):
    p = eqn.params
    part = tuple(map(slice, p["start_indices"], p["limit_indices"], p["strides"] or (1,) * len(p["start_indices"])))
    return lambda x: x[part]


def _window(starts, sizes, shape) -> tuple[slice, ...]:
    """Slices of these sizes from these starts, moved to where they fit."""
    fit = [min(max(int(s), 0), n - size) for s, size, n in zip(starts, sizes, shape, strict=True)]
    return tuple(slice(s, s + size) for s, size in zip(fit, sizes, strict=True))


@primitive("biufch", "dynamic_slice")
def _dynamic_slice(eqn):
    sizes = eqn.params["slice_sizes"]
    return lambda x, *starts: x[_window(starts, sizes, x.shape)]


@primitive("biufch", "dynamic_update_slice")
def _dynamic_update_slice(eqn):
    def update(x, part, *starts):
        made = x.copy()
        made[_window(starts, part.shape, x.shape)] = part
        return made

    return update


@primitive("biufch", "concatenate", sized=False)
def _concatenate(eqn):
    return lambda *parts: np.concatenate(parts, eqn.params["dimension"])


@primitive("biufch", "stack", sized=False)
def _stack(eqn):
    return lambda *parts: np.stack(parts, eqn.params["axis"])


@primitive("biufch", "unstack")
def _unstack(eqn):
    one = len(eqn.outvars) == 1

    def unstack(x):
        parts = np.moveaxis(x, eqn.params["axis"], 0)
        return parts[0] if one else parts

    return unstack


@primitive("biufch", "split")
def _split(eqn):
    one = len(eqn.outvars) == 1
    ends = np.cumsum(eqn.params["sizes"])[:-1]
    return (lambda x: x) if one else lambda x: np.split(x, ends, eqn.params["axis"])


@primitive("biufch", "tile")
def _tile(eqn):
    return lambda x: np.tile(x, eqn.params["reps"])


@primitive("biufch", "rev", sized=False)
def _rev(eqn):
    return lambda x: np.flip(x, eqn.params["dimensions"])


@primitive("biufch", "pad")
def _pad(eqn):
    shape = eqn.outvars[0].aval.shape
    whole = eqn.params["padding_config"]

    def pad(x, value):
        spread = [max(low, 0) + n + (max(n - 1, 0)) * between + max(high, 0)
                  for n, (low, high, between) in zip(x.shape, whole, strict=True)]  # fmt: skip
        made = np.full(spread, value, x.dtype)
        inner = [slice(max(low, 0), max(low, 0) + n + max(n - 1, 0) * between, between + 1)
                 for n, (low, _, between) in zip(x.shape, whole, strict=True)]  # fmt: skip
        made[tuple(inner)] = x
        cut = [slice(max(-low, 0), max(-low, 0) + n) for n, (low, _, _) in zip(shape, whole, strict=True)]
        return made[tuple(cut)]

    return pad
