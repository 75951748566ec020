"""The same as the reference, in one sentence: `check(fn, *samples)`.

`fn(lib, *inputs)` is run under torchlike and under PyTorch on equal inputs. Values, dtypes, shapes, which results
require a gradient, and the gradient of every floating input must agree; where PyTorch raises, class and message must.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="PyTorch is the reference that results are compared with")
torchlike = pytest.importorskip("torchlike")

TOLERANCE = {
    # relative, and absolute for what is below 1. Two correct formulas differ by some dozen roundings: 1e-5 is 84 of
    # float32's, 1e-12 is 4500 of float64's (which also lets through float64 functions correct to a few ulps).
    "float64": 1e-12,
    "complex128": 1e-12,
    "float32": 1e-5,
    "complex64": 1e-5,
    # two roundings of the result: both libraries compute in float32 inside and round once
    "float16": 2e-3,
    "bfloat16": 1.6e-2,
}
EXACT = 0.0


class Sample(NamedTuple):
    """An input whose dtype NumPy does not know, or which shall not ask for a gradient. Made by `tensor(...)`."""

    data: Any
    dtype: str
    requires_grad: bool | None

    def build(self, lib):
        made = lib.tensor(np.asarray(self.data).tolist(), dtype=getattr(lib, self.dtype))
        floating = made.is_floating_point() or made.is_complex()
        return made.requires_grad_() if (floating if self.requires_grad is None else self.requires_grad) else made


def tensor(data, dtype: str = "float32", requires_grad: bool | None = None) -> Sample:
    """A sample of a named dtype; asks for a gradient if it is floating and nothing else is said."""
    return Sample(data, dtype, requires_grad)


def normal(*shape: int, dtype: str = "float32", seed: int = 0, requires_grad: bool | None = None) -> Sample:
    """Normally distributed numbers, always the same ones for a seed (rounded for integer dtypes)."""
    drawn = np.random.default_rng(seed).standard_normal(shape)
    integral = dtype not in TOLERANCE
    return Sample(np.rint(4 * drawn).astype(np.int64) if integral else drawn, dtype, requires_grad)


def positive(*shape: int, dtype: str = "float32", seed: int = 0, requires_grad: bool | None = None) -> Sample:
    """Numbers between 0.1 and 2 (between 1 and 8 for integer dtypes)."""
    drawn = np.random.default_rng(seed).uniform(0.1, 2, shape)
    integral = dtype not in TOLERANCE
    return Sample(np.ceil(4 * drawn).astype(np.int64) if integral else drawn, dtype, requires_grad)


def check(
    fn: Callable,
    *samples,
    gradients: bool = True,
    wording: bool = True,
    rtol: float | None = None,
    exact: bool = False,
    reference=torch,
    ours=torchlike,
) -> None:
    """Assert that `fn(lib, *inputs)` comes to the same under both libraries.

    Args:
        samples: arrays and nested lists become tensors (float64 data becomes float32, so that a plain list means what
            it means to `torch.tensor`); a `Sample` says its dtype; anything else is handed over as it is.
        gradients: compare the gradients of all floating inputs, from a fixed uneven weighting of all results.
        wording: compare the message of an exception too, not only its class.
        rtol: another tolerance than `TOLERANCE`, where the test says why.
        exact: no tolerance at all.
    """
    want, got = (_run(fn, lib, samples, gradients) for lib in (reference, ours))
    assert got.error == want.error or not wording and want.error and got.error and got.error[0] == want.error[0], (
        f"error {got.error or 'none'}, expected {want.error or 'none'}"
    ) + (f"; the result was {got.result!r}" if got.error is None else "")
    tolerance = EXACT if exact else rtol
    same(got.result, want.result, "result", tolerance)
    same(got.gradients, want.gradients, "gradient", tolerance)


class Outcome(NamedTuple):
    """What a run came to: the results, the gradients of the inputs, or the class and message of what it raised."""

    result: Any = None
    gradients: Any = None
    error: tuple[str, str] | None = None


def _run(fn, lib, samples, gradients: bool) -> Outcome:
    inputs = [_input(s, lib) for s in samples]
    try:
        result = fn(lib, *inputs)
        if gradients:
            _backward(lib, result)
    except Exception as error:
        return Outcome(error=(type(error).__name__, str(error).replace("torchlike", "torch")))
    return Outcome(result, [x.grad if getattr(x, "requires_grad", False) else None for x in inputs])


def _input(sample, lib):
    if isinstance(sample, Sample):
        return sample.build(lib)
    if isinstance(sample, list | np.ndarray):
        array = np.asarray(sample)
        array = array.astype(np.float32) if array.dtype == np.float64 else array
        return Sample(array, array.dtype.name, None).build(lib)
    return sample


def _backward(lib, result) -> None:
    roots = [r for r in _tensors(result) if r.requires_grad]
    if roots:
        # uneven weights, so that a transposed or permuted gradient shows
        weights = [np.cos(np.arange(r.numel()) + 1.0).reshape(tuple(r.shape)).tolist() for r in roots]
        lib.autograd.backward(roots, [lib.tensor(w, dtype=r.dtype) for w, r in zip(weights, roots, strict=True)])


def _tensors(result):
    if _is_tensor(result):
        yield result
    elif isinstance(result, list | tuple):
        for part in result:
            yield from _tensors(part)
    elif isinstance(result, dict):
        yield from _tensors(list(result.values()))


def _is_tensor(x) -> bool:
    return hasattr(x, "requires_grad") and hasattr(x, "shape")


def same(got, want, what: str = "result", rtol: float | None = None) -> None:
    """Assert that two results, of torchlike and of PyTorch, say the same; `what` names them in the message."""
    if want is None or got is None:
        assert got is want, f"{what} is {got!r}, expected {want!r}"
    elif _is_tensor(want):
        assert _is_tensor(got), f"{what} is {got!r}, expected a tensor"
        assert str(got.dtype) == str(want.dtype), f"{what}: dtype {got.dtype}, expected {want.dtype}"
        assert tuple(got.shape) == tuple(want.shape), f"{what}: shape {tuple(got.shape)}, expected {tuple(want.shape)}"
        assert got.requires_grad == want.requires_grad, f"{what}: requires_grad {got.requires_grad}"
        _close(_numbers(got), _numbers(want), what, TOLERANCE.get(str(want.dtype)[6:], EXACT) if rtol is None else rtol)
    elif isinstance(want, list | tuple):
        assert isinstance(got, list | tuple), f"{what} is {got!r}, expected {want!r}"
        assert _kind(got) == _kind(want), f"{what}: {_kind(got)}, expected {_kind(want)}"
        assert len(got) == len(want), f"{what}: {len(got)} parts, expected {len(want)}"
        for i, (g, w) in enumerate(zip(got, want, strict=True)):
            same(g, w, f"{what}[{i}]", rtol)
    elif isinstance(want, dict):
        assert list(got) == list(want), f"{what}: keys {list(got)}, expected {list(want)}"
        for key in want:
            same(got[key], want[key], f"{what}[{key!r}]", rtol)
    elif isinstance(want, float | complex) and not isinstance(want, bool):
        assert type(got) is type(want), f"{what} is a {type(got).__name__}, expected a {type(want).__name__}"
        _close(np.asarray(got), np.asarray(want), what, TOLERANCE["float32"] if rtol is None else rtol)
    elif isinstance(want, str | int | bool):
        got = got.replace("torchlike", "torch") if isinstance(got, str) else got
        assert type(got) is type(want), f"{what} is a {type(got).__name__}, expected a {type(want).__name__}"
        assert got == want, f"{what} is {got!r}, expected {want!r}"
    else:  # dtypes, devices, modules: what they print
        assert repr(got).replace("torchlike", "torch") == repr(want), f"{what} is {got!r}, expected {want!r}"


def _kind(result: list | tuple) -> str:
    """`list`, `tuple`, `Size`, or the name and fields of a named tuple."""
    fields = [n for n in ("values", "indices", "min", "max") if isinstance(getattr(type(result), n, None), _FIELDS)]
    return f"{type(result).__name__.removesuffix('_out')}{fields or ''}"


_FIELDS = (property, types.MemberDescriptorType, functools.cached_property)


def _numbers(t) -> np.ndarray:
    t = t.detach()
    if str(t.dtype) in ("torch.bfloat16", "torch.float8_e4m3fn", "torch.float8_e5m2"):
        t = t.float()
    return t.numpy(force=True)


def _close(got: np.ndarray, want: np.ndarray, what: str, rtol: float) -> None:
    if rtol == EXACT:
        wrong = ~((got == want) | (got != got) & (want != want))
    else:
        wrong = ~np.isclose(got, want, rtol=rtol, atol=rtol, equal_nan=True)
    if wrong.any():
        at = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise AssertionError(
            f"{what}: {int(wrong.sum())} of {wrong.size} values differ, first at {list(at)}: {got[at]!r}, expected "
            f"{want[at]!r}"
        )
