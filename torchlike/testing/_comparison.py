"""assert_close: whether two values are the same within tolerances, and if not, where and by how much."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from torchlike.core import dtype as _dtype
from torchlike.tensor import Tensor

_TOLERANCES = {  # of the dtype: relative, absolute (https://docs.pytorch.org/docs/stable/testing.html)
    "float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7),
    "complex64": (1.3e-6, 1e-5), "complex128": (1e-7, 1e-7),
}  # fmt: skip


def default_tolerances(*inputs: Any) -> tuple[float, float]:
    """The loosest (rtol, atol) of the dtypes of tensors, or of dtypes."""
    names = [(x.dtype if isinstance(x, Tensor) else x).name for x in inputs]
    found = [_TOLERANCES.get(name, (0.0, 0.0)) for name in names]
    return max(r for r, _ in found), max(a for _, a in found)


def assert_close(
    actual: Any, expected: Any, *, allow_subclasses: bool = True, rtol: float | None = None, atol: float | None = None,
    equal_nan: bool = False, check_device: bool = True, check_dtype: bool = True, check_layout: bool = True,
    check_stride: bool = False, msg: str | Callable[[str], str] | None = None,
) -> None:  # fmt: skip
    """AssertionError unless |actual - expected| <= atol + rtol * |expected| everywhere, the types being equal.

    Tensors, NumPy arrays, numbers, and sequences and mappings of them.

    Args:
        rtol, atol: both or neither; by default they depend on the dtype, and are 0 for integers.
        equal_nan: whether NaN is close to NaN.
        check_device, check_dtype, check_layout, check_stride: what else must agree.
        allow_subclasses: whether a subclass may be compared with its base.
        msg: another text for the error, or a function of it.

    >>> import torchlike as torch
    >>> torch.testing.assert_close(torch.tensor([1.0]), torch.tensor([1.0 + 1e-7]))
    """
    if (rtol is None) != (atol is None):
        given, other = ("rtol", "atol") if atol is None else ("atol", "rtol")
        raise ValueError(f"rtol and atol must both be specified or both left out, but got {given} without {other}")
    flags = {"device": check_device, "dtype": check_dtype, "stride": check_stride}
    _compare(actual, expected, "", allow_subclasses, rtol, atol, equal_nan, flags, msg)


def _fail(text: str, where: str, msg: Any, error: type[Exception] = AssertionError) -> Any:
    if where:
        text += f"\n\nThe failure occurred for item {where}"
    if error is AssertionError and msg is not None:
        text = msg(text) if callable(msg) else msg
    raise error(text)


def _is_array(x: Any) -> bool:
    return isinstance(x, Tensor | np.ndarray)


def _compare(a: Any, b: Any, where: str, subclasses: bool, rtol, atol, equal_nan: bool, flags: dict, msg: Any) -> None:
    rest = (subclasses, rtol, atol, equal_nan, flags, msg)
    if not subclasses and type(a) is not type(b):
        _fail(f"Except for scalars, type equality is required if allow_subclasses=False, but got {type(a)} and "
              f"{type(b)} instead.", where, None, TypeError)  # fmt: skip
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        if set(a) != set(b):
            lines = [
                f"{what} keys in the actual mapping: {sorted(keys, key=str)}"
                for what, keys in (("Missing", set(b) - set(a)), ("Additional", set(a) - set(b))) if keys
            ]  # fmt: skip
            _fail("The keys of the mappings do not match:\n" + "\n".join(lines), where, msg)
        for key in sorted(a, key=str):
            _compare(a[key], b[key], f"{where}[{key!r}]", *rest)
        return
    texts = isinstance(a, str) or isinstance(b, str)
    if isinstance(a, Sequence) and isinstance(b, Sequence) and not texts:
        if len(a) != len(b):
            _fail(f"The length of the sequences mismatch: {len(a)} != {len(b)}", where, msg)
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            _compare(x, y, f"{where}[{i}]", *rest)
        return
    if a is None or b is None:
        if a is not b:
            _fail(f"None mismatch: {a} is not {b}", where, msg)
        return
    numbers = isinstance(a, bool | int | float | complex | np.generic) and isinstance(
        b, bool | int | float | complex | np.generic
    )
    if numbers:
        _numbers(a, b, where, rtol, atol, equal_nan, flags["dtype"], msg)
        return
    if _is_array(a) and _is_array(b):
        import torchlike as torch

        a, b = (x if isinstance(x, Tensor) else torch.as_tensor(x) for x in (a, b))
        _tensors(a, b, where, rtol, atol, equal_nan, flags, msg)
        return
    _fail(f"No comparison pair was able to handle inputs of type {type(a)} and {type(b)}.", where, None, TypeError)


def _numbers(a: Any, b: Any, where: str, rtol, atol, equal_nan: bool, check_type: bool, msg: Any) -> None:
    kinds = [bool if isinstance(x, bool | np.bool_) else int if isinstance(x, int | np.integer) else
             float if isinstance(x, float | np.floating) else complex for x in (a, b)]  # fmt: skip
    if check_type and kinds[0] is not kinds[1]:
        _fail(f"The (d)types do not match: {kinds[0]} != {kinds[1]}.", where, msg)
    if rtol is None:
        of = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}
        found = [_TOLERANCES.get(of[k], (0.0, 0.0)) for k in kinds]
        rtol, atol = max(r for r, _ in found), max(t for _, t in found)
    x, y = (complex(v) if complex in kinds else v for v in (a, b))
    if x == y or (equal_nan and x != x and y != y):
        return
    difference = abs(x - y)
    if math.isfinite(difference) and difference <= atol + rtol * abs(y):
        return
    kind = "Booleans" if bool in kinds else "Scalars"
    if rtol == atol == 0:
        _fail(f"{kind} are not equal!\n\nExpected {b} but got {a}.\nAbsolute difference: {difference}\n"
              f"Relative difference: {difference / abs(y) if y else math.inf}", where, msg)  # fmt: skip
    _fail(f"{kind} are not close!\n\nExpected {b} but got {a}.\n"
          f"Absolute difference: {difference} (up to {atol} allowed)\n"
          f"Relative difference: {difference / abs(y) if y else math.inf} (up to {rtol} allowed)",
          where, msg)  # fmt: skip


def _tensors(a: Tensor, b: Tensor, where: str, rtol, atol, equal_nan: bool, flags: dict, msg: Any) -> None:
    if a.shape != b.shape:
        _fail(f"The values for attribute 'shape' do not match: {a.shape} != {b.shape}.", where, msg)
    if flags["device"] and a.device != b.device:
        _fail(f"The values for attribute 'device' do not match: {a.device} != {b.device}.", where, msg)
    if flags["dtype"] and a.dtype is not b.dtype:
        _fail(f"The values for attribute 'dtype' do not match: {a.dtype} != {b.dtype}.", where, msg)
    if flags["stride"] and a.stride() != b.stride():
        _fail(f"The values for attribute 'stride()' do not match: {a.stride()} != {b.stride()}.", where, msg)
    if rtol is None:
        rtol, atol = default_tolerances(a, b)
    x, y = (_wide(t) for t in (a, b))
    with np.errstate(all="ignore"):
        difference = np.abs(x - y) if x.dtype != np.bool_ else (x != y).astype(np.int64)
        finite = difference < np.inf
        close = (x == y) | (finite & (difference <= atol + rtol * np.abs(y)))
        if equal_nan:
            close |= (x != x) & (y != y)
        if close.all():
            return
        relative = difference.astype(np.float64) / np.abs(y.astype(np.complex128))
    exact = rtol == atol == 0
    kind = "Tensor-likes" if a.ndim else "Booleans" if a.dtype is _dtype.bool else "Scalars"
    if not a.ndim:
        allowed = ("", "") if exact else (f" (up to {atol} allowed)", f" (up to {rtol} allowed)")
        _fail(
            f"{kind} are not {'equal' if exact else 'close'}!\n\nExpected {y.item()} but got {x.item()}.\n"
            f"Absolute difference: {difference.item()}{allowed[0]}\nRelative difference: {relative.item()}{allowed[1]}",
            where, msg,
        )  # fmt: skip
    bad = int((~close).sum())
    lines = [
        f"{kind} are not {'equal' if exact else 'close'}!", "",
        f"Mismatched elements: {bad} / {close.size} ({100 * bad / close.size:.1f}%)",
    ]  # fmt: skip
    for name, values, bound in (("absolute", difference, atol), ("relative", relative, rtol)):
        values = np.where(close, 0, values)
        at = np.unravel_index(int(np.argmax(np.where(np.isnan(values), np.inf, values))), values.shape)
        place = int(at[0]) if len(at) == 1 else tuple(int(i) for i in at)
        extra = "" if exact else f" (up to {bound} allowed)"
        lines.append(f"Greatest {name} difference: {values[at]} at index {(place,) if len(at) == 1 else place}{extra}")
    _fail("\n".join(lines), where, msg)


def _wide(t: Tensor) -> np.ndarray:
    """The elements in a type in which their differences do not overflow."""
    array = t.detach().cpu()._host()
    kind = array.dtype.kind
    if kind == "c":
        return array.astype(np.complex128)
    if kind == "b":
        return array
    if kind in "iu":
        return array.astype(object) if array.dtype == np.uint64 else array.astype(np.int64)
    return array.astype(np.float64)


def assert_allclose(
    actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None, equal_nan: bool = True,
    msg: str = "",
) -> None:  # fmt: skip
    """Deprecated: `assert_close` without looking at dtypes and devices."""
    warnings.warn("`torch.testing.assert_allclose()` is deprecated: use assert_close().", FutureWarning, stacklevel=2)
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=False, check_dtype=False,
        msg=msg or None,
    )  # fmt: skip
