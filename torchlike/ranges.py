"""Evenly spaced numbers: `arange`, `range`, `linspace`, `logspace`."""

from __future__ import annotations

import builtins
import math
import warnings

import numpy as np

from torchlike.core import dtype as _dtype
from torchlike.core.op import SLOT
from torchlike.creation import _make
from torchlike.facade import write_out
from torchlike.placement import _finish
from torchlike.tensor import Tensor

__all__ = ["arange", "range", "linspace", "logspace"]


def _made(name: str, template: tuple, inputs: list, out, requires_grad: bool, layout, device) -> Tensor:
    made = _make(name, template, inputs, device)
    return _finish(made, requires_grad, layout) if out is None else write_out(name, made, out)


def _plain(x):
    return x.item() if isinstance(x, Tensor | np.generic) else x


def _ends(name: str, start, end, step, dtype):
    """Start, end and step as the dtype's own numbers: what is whole is cut off before anything is counted."""
    start, end, step = map(_plain, (start, end, step))
    for key, v in (("start", start), ("end", end), ("step", step)):
        if not isinstance(v, bool | int | float | complex):
            raise TypeError(f"{name}(): argument '{key}' must be Number, not {type(v).__name__}")
        if isinstance(v, int) and not -(2**63) <= v < 2**63:
            raise RuntimeError("value cannot be converted to type int64_t without overflow")
        if isinstance(v, complex):
            raise RuntimeError("value cannot be converted to type double without overflow")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if dtype is _dtype.bool or dtype is not None and dtype.is_complex:
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{dtype._scalar_name}'")
    return start, end, step


def arange(*args, out=None, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False, **named):
    """Numbers from `start` (0) up to but without `end`, by `step` (1): `arange(end)`, `arange(start, end, step)`.

    >>> import torchlike as torch
    >>> torch.arange(1, 2.5, 0.5)
    tensor([1.0000, 1.5000, 2.0000])
    """
    dtype = _dtype.given(dtype, "arange")
    if len(args) > 3:
        raise TypeError(f"arange() received an invalid combination of arguments - got {len(args)} positional ones")
    values = dict(zip(("end",) if len(args) == 1 else ("start", "end", "step"), args, strict=False)) | named
    if "end" not in values:
        raise TypeError("arange() missing 1 required positional argument: 'end'")
    start, step = values.pop("start", 0), values.pop("step", 1)
    end = values.pop("end")
    if values:
        raise TypeError(f"arange() got an unexpected keyword argument '{next(iter(values))}'")
    start, end, step = _ends("arange", start, end, step, dtype or (None if out is None else out.dtype))
    whole = builtins.all(isinstance(v, int) for v in (start, end, step))
    d = dtype or (out.dtype if out is not None else _dtype.int64 if whole else _dtype.get_default_dtype())
    if d is _dtype.int64 and not whole:
        start, end, step, whole = int(start), int(end), int(step), True
        if step == 0:
            raise ValueError("step must be nonzero")
    n = -((start - end) // step) if whole else math.ceil((end - start) / step)
    if d.np.kind in "iu":
        start, step = int(start), int(step)
    return _made("arange", (SLOT, SLOT, int(n), d), [start, step], out, requires_grad, layout, device)


def range(start=0, end=None, step=1, *, out=None, dtype=None, layout=None, device=None, requires_grad=False):
    """Numbers from `start` to `end`, both included. Deprecated, as in PyTorch: use `arange`."""
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with "
        "Python's range builtin. Instead, use torch.arange, which produces values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    if end is None:
        start, end = 0, start
    start, end, step = _ends("range", start, end, step, dtype)
    d = dtype or (out.dtype if out is not None else _dtype.get_default_dtype())
    n = math.floor((end - start) / step) + 1
    return _made("arange", (SLOT, SLOT, n, d), [start, step], out, requires_grad, layout, device)


def _spaced(name: str, start, end, steps, dtype, out):
    for t in (start, end):
        if isinstance(t, Tensor) and t.ndim:
            dims = [x.ndim if isinstance(x, Tensor) else 0 for x in (start, end)]
            raise RuntimeError(
                f"{name} only supports 0-dimensional start and end tensors, but got start with {dims[0]} dimension(s) "
                f"and end with {dims[1]} dimension(s)."
            )
    if isinstance(steps, bool) or not hasattr(steps, "__index__"):
        raise TypeError(f"{name}(): argument 'steps' must be int, not {type(steps).__name__}")
    steps = steps.__index__()
    if steps < 0:
        raise RuntimeError("number of steps must be non-negative")
    start, end = _plain(start), _plain(end)
    d = dtype or (None if out is None else out.dtype)
    mixed = isinstance(start, complex) or isinstance(end, complex)
    if d is None:
        d = _dtype.default_complex() if mixed else _dtype.get_default_dtype()
    if mixed and not d.is_complex:
        raise RuntimeError(f"{name}(): inferred dtype {_dtype.default_complex()} can't be safely cast to {d}")
    if d is _dtype.bool:
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for 'Bool'")
    if d.np.kind in "iu":
        start, end = int(start), int(end)
    return start, end, steps, d


def linspace(start, end, steps, *, out=None, dtype=None, layout=None, device=None, requires_grad=False,
             pin_memory=False):  # fmt: skip
    """`steps` evenly spaced numbers from `start` to `end`, both included; these may be 0-dim tensors."""
    start, end, steps, d = _spaced("linspace", start, end, steps, dtype, out)
    return _made("linspace", (SLOT, SLOT, steps, d), [start, end], out, requires_grad, layout, device)


def logspace(start, end, steps, base=10.0, *, out=None, dtype=None, layout=None, device=None, requires_grad=False,
             pin_memory=False):  # fmt: skip
    """`steps` numbers from base**start to base**end whose logarithms are evenly spaced."""
    start, end, steps, d = _spaced("logspace", start, end, steps, dtype, out)
    return _made("logspace", (SLOT, SLOT, steps, SLOT, d), [start, end, _plain(base)], out, requires_grad, layout,
                 device)  # fmt: skip
