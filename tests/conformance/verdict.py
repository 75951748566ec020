"""Whether two results say the same: `difference(got, want, ...)` is None, or says where they differ.

`got` is torchlike's, `want` PyTorch's. Both have been brought to NumPy by `plain`, so that what is compared exists.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np
import torch

import torchlike

from . import translate

TOLERANCE = {
    # relative; absolute for what is below 1. Two correct formulas differ by some dozen roundings.
    torch.float64: 1e-9, torch.complex128: 1e-9, torch.float32: 1e-5, torch.complex64: 1e-5,
    torch.float16: 2e-3, torch.bfloat16: 1.6e-2,
}  # fmt: skip

MIXING = re.compile(
    r"linalg|fft|stft|conv|mm|matmul|mv|dot|einsum|inner|tensordot|kron|cdist|pdist|svd|qr|lu|cholesky|inverse|det|eig"
    r"|solve|lstsq|pinv|norm|linear|attention|std|var|cov|corrcoef|sum|cumsum|prod|mean|matrix_exp|ormqr|pca"
    r"|interpolate|upsample|grid|logsumexp|trapz|trapezoid|loss|softmax|outer|ger|addr|addmv|pool|fold|histogram"
)
"""Results in which every element comes from many: an error of one part in a million of the greatest reaches all."""

LOOSER = {
    # name: (factor on the tolerance, why)
    "nn.functional.hardsigmoid": (100, "PyTorch's gradient multiplies by a sixth in float32, also of float64"),
    "special.airy_ai": (1e4, "PyTorch's float64 is good to 3e-6; held against SciPy in test_special.py"),
    **{
        f"special.bessel_{kind}": (1e3, "PyTorch's float64 is good to 1e-6; held against SciPy in test_special.py")
        for kind in ("j0", "j1", "y0", "y1")
    },
    "linalg.pinv.singular": (1e3, "the inverse of a nearly singular product"),
    "linalg.lstsq": (100, "condition of the random matrices"),
    "linalg.matrix_power": (10, "powers multiply the roundings"),
    "matrix_exp": (10, "scaling and squaring multiplies the roundings"),
    "linalg.matrix_exp": (10, "scaling and squaring multiplies the roundings"),
}

_CANCELS = "sums in float32 weights that cancel"
_LARGE = "weights are exponentials of numbers in the hundreds, of which one rounding is 2e-5"
_NEAR = "PyTorch's own result moves by 1e-7 when its input moves by one rounding"
ILL_CONDITIONED = {
    # (name, aspect): (least tolerance, why)
    ("cov", "gradient"): (2e-4, _CANCELS), ("cov", "gradgrad"): (2e-4, _CANCELS),
    ("nn.functional.multi_head_attention_forward", "forward"): (1e-4, _LARGE),
    ("linalg.householder_product", "gradgrad"): (1e-7, "products of reflections, entries of several 10,000"),
    ("special.hermite_polynomial_he", "forward"): (1e-4, "the recurrence cancels"),
    ("special.hermite_polynomial_he", "out"): (1e-4, "the recurrence cancels"),
    ("svd_lowrank", "gradgrad"): (1e-6, _NEAR), ("pca_lowrank", "gradgrad"): (1e-6, _NEAR),
}  # fmt: skip

DRAWN = re.compile(
    r"cauchy|exponential|geometric|log_normal|uniform|normal|rand|bernoulli|multinomial|poisson|binomial|dropout"
    r"|rrelu|fractional_max_pool"
)
"""Random operators, compared by their distribution where the numbers are not the same anyway."""

UNDEFINED = re.compile(r"(new_)?empty")
"""What stands in the memory is not defined; shape, dtype and strides are."""


class Plain(NamedTuple):
    """A tensor brought to NumPy: its numbers, the name of its dtype, whether it requires a gradient."""

    numbers: np.ndarray
    dtype: str
    requires_grad: bool


def plain(x) -> Any:
    """A result with every tensor in it brought to NumPy."""
    if isinstance(x, torch.Tensor):
        return Plain(_wide(np.array(translate.array(x), copy=True)), str(x.dtype), x.requires_grad)
    if isinstance(x, torchlike.Tensor):
        return Plain(_wide(x.detach()._host()), str(x.dtype), x.requires_grad)
    if isinstance(x, list | tuple):
        return [plain(v) for v in x]
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items()}
    return x


def _wide(a: np.ndarray) -> np.ndarray:
    """float32 for the dtypes that NumPy has no arithmetic for."""
    return a.astype(np.float32) if a.dtype.kind == "V" or a.dtype.name in ("bfloat16", "float16") else np.asarray(a)


def coarseness(name: str, aspect: str, tensors) -> float:
    """The tolerance of the coarsest floating type among the arguments: results of wider types carry its roundings."""
    return max([TOLERANCE.get(t.dtype, 0.0) for t in tensors] + [ILL_CONDITIONED.get((name, aspect), (0.0,))[0]])


def difference(got, want, name: str, where: str = "result", least: float = 0.0) -> str | None:
    """None if both say the same, otherwise where they first differ; real numbers at least up to `least`."""
    if isinstance(want, Plain):
        if not isinstance(got, Plain):
            return f"{where} is {got!r}, expected a tensor"
        if got.dtype != want.dtype:
            return f"{where}: dtype {got.dtype}, expected {want.dtype}"
        if got.numbers.shape != want.numbers.shape:
            return f"{where}: shape {got.numbers.shape}, expected {want.numbers.shape}"
        if got.requires_grad != want.requires_grad:
            return f"{where}: requires_grad {got.requires_grad}"
        if UNDEFINED.match(name):
            return None
        return _far(got.numbers, want.numbers, want.dtype, name, where, least)
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return f"{where} is {_short(got)}, expected {_short(want)}"
        parts = enumerate(zip(got, want, strict=True))
        return next((d for i, (g, w) in parts if (d := difference(g, w, name, f"{where}[{i}]", least))), None)
    if isinstance(want, dict):
        return difference(list(got.values()), list(want.values()), name, where, least)
    if isinstance(want, bool | int | str) or want is None:
        return None if type(got) is type(want) and got == want else f"{where} is {got!r}, expected {want!r}"
    if isinstance(want, float | complex):
        if type(got) is not type(want):
            return f"{where} is a {type(got).__name__}, expected a {type(want).__name__}"
        return _far(np.asarray(got), np.asarray(want), "torch.float32", name, where, least)
    return None if str(got) == str(want) else f"{where} is {got!r}, expected {want!r}"


def _short(x) -> str:
    return f"{len(x)} parts" if isinstance(x, list) else repr(x)[:60]


def _far(got: np.ndarray, want: np.ndarray, dtype: str, name: str, where: str, least: float) -> str | None:
    rtol = TOLERANCE.get(getattr(torch, dtype.removeprefix("torch.")), 0.0)
    rtol = max(rtol, least if rtol else 0.0) * LOOSER.get(name, (1,))[0]
    if DRAWN.search(name) and (got.shape == want.shape) and not np.array_equal(got, want):
        return _unlike(got, want, where)
    if rtol == 0.0:
        wrong = got != want
    else:
        size = np.abs(want[np.isfinite(want)])
        scale = max(1.0, float(size.max())) if MIXING.search(name) and size.size else 1.0
        with np.errstate(all="ignore"):
            wrong = ~(np.isclose(got, want, rtol=rtol, atol=rtol * scale, equal_nan=True))
        if np.iscomplexobj(want):
            wrong &= ~_same_infinite(got, want)
    if not wrong.any():
        return None
    at = tuple(int(i) for i in np.argwhere(wrong)[0])
    return (
        f"{where}: {int(wrong.sum())} of {wrong.size} values differ, first at {list(at)}: {got[at]!r}, expected "
        f"{want[at]!r}"
    )


def _same_infinite(got, want):
    """Complex numbers that are infinite or not a number in some part: only that is compared, C leaves the rest open."""
    return ~np.isfinite(got) & ~np.isfinite(want)


def _unlike(got: np.ndarray, want: np.ndarray, where: str) -> str | None:
    """Whether two drawings can come from one distribution: mean and spread within six standard errors."""
    if got.size < 20 or got.dtype.kind in "b":
        return None
    a, b = (np.sort(np.abs(x.astype(np.complex128)).ravel()) for x in (got, want))
    low, high = a.size // 4, 3 * a.size // 4  # quartiles: means of Cauchy's distribution do not exist
    spread = max(b[high] - b[low], 1e-6)
    error = 6 * 1.6 * spread / np.sqrt(a.size)
    for what, i in (("quartile", low), ("median", a.size // 2), ("upper quartile", high)):
        if abs(a[i] - b[i]) > error:
            return f"{where}: drawn numbers have the {what} {a[i]:.4g}, expected {b[i]:.4g}"
    return None
