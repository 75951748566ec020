"""`torch.masked`: reductions and normalisations that leave out the elements at which a mask is False.

A mask is a bool tensor that broadcasts to the input and has no more dimensions. What it leaves out is replaced by what
changes nothing (0 in a sum, -inf in a maximum). Where all is left out, the result is that of the reduction of nothing.
`MaskedTensor` is not supported: pass `mask=`.
"""

from __future__ import annotations

import math

from torchlike.core import dtype as _dtype
from torchlike.core.op import TABLE
from torchlike.core.variable import Variable, apply
from torchlike.tensor import Tensor

__all__ = [
    "sum", "prod", "cumsum", "cumprod", "amax", "amin", "argmax", "argmin", "mean", "median", "norm", "var", "std",
    "softmax", "log_softmax", "softmin", "normalize", "logaddexp", "logsumexp",
]  # fmt: skip


def _call(name: str, *args, **kwargs):
    """torch.`name` of the table."""
    made = TABLE[name]
    if hasattr(made, "bind"):
        return apply(made, *made.bind(args, kwargs))
    return made.body(*args, **kwargs)


def _dims(dim, n: int) -> tuple[int, ...]:
    if dim is None or dim == ():
        return tuple(range(n))
    n = max(n, 1)
    found: list[int] = []
    for d in (dim,) if isinstance(dim, int) else dim:
        if d in found:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
        if not -n <= d < n:
            raise IndexError(f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got {d})")
        found.append(d % n)
    return tuple(sorted(found))


def _mask_of(input: Tensor, mask: Tensor) -> Tensor:
    """The mask as bools of the input's shape."""
    if not isinstance(mask, Variable):
        raise TypeError(f"mask must be a Tensor, not {type(mask).__name__}")
    if mask.ndim > input.ndim:
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)")
    if mask.shape != input.shape:
        mask = mask.expand(tuple(input.shape))
    return mask.to(_dtype.bool)


def _filled(input: Tensor, mask: Tensor | None, value) -> Tensor:
    if not isinstance(input, Variable):
        raise TypeError(f"masked operations expect a Tensor, not {type(input).__name__}")
    if mask is None:
        return input
    return input.masked_fill(~_mask_of(input, mask), value)


def _least(input: Tensor):
    """What no maximum notices."""
    if input.is_floating_point() or input.is_complex():
        return -math.inf
    if input.dtype is _dtype.bool:
        raise NotImplementedError("identity of a maximum on torch.bool input")
    bits = 8 * input.dtype.itemsize
    return -(2 ** (bits - 1)) if input.dtype.is_signed else 0


def _most(input: Tensor):
    """What no minimum notices."""
    if input.is_floating_point():
        return math.inf
    if input.dtype is _dtype.bool:
        raise NotImplementedError("identity of a minimum on torch.bool input")
    bits = 8 * input.dtype.itemsize
    return 2 ** (bits - 1) - 1 if input.dtype.is_signed else 2**bits - 1


def _summed(input: Tensor, dtype):
    """Sums of integers are int64."""
    if dtype is not None:
        return dtype
    return input.dtype if input.is_floating_point() or input.is_complex() else _dtype.int64


def sum(input, dim=None, *, keepdim=False, dtype=None, mask=None) -> Tensor:
    """The sum of what the mask lets through."""
    made = _filled(input, mask, 0)
    return made.sum(_dims(dim, input.ndim), bool(keepdim), dtype=_summed(input, dtype))


def prod(input, dim=None, *, keepdim=False, dtype=None, mask=None) -> Tensor:
    """The product of what the mask lets through, over several dimensions one after the other."""
    made = _filled(input, mask, 1)
    for d in reversed(_dims(dim, input.ndim)):
        made = made.prod(d, bool(keepdim))
    return made.to(_summed(input, dtype))


def cumsum(input, dim: int, *, dtype=None, mask=None) -> Tensor:
    """The running sum of what the mask lets through."""
    dtype = dtype or input.dtype
    return _filled(input, mask, 0).cumsum(_dims(dim, input.ndim)[0], dtype=dtype).to(dtype)


def cumprod(input, dim: int, *, dtype=None, mask=None) -> Tensor:
    """The running product of what the mask lets through."""
    dtype = dtype or input.dtype
    return _filled(input, mask, 1).cumprod(_dims(dim, input.ndim)[0], dtype=dtype).to(dtype)


def amax(input, dim=None, *, keepdim=False, dtype=None, mask=None) -> Tensor:
    """The greatest of what the mask lets through."""
    made = _filled(input, mask, None if mask is None else _least(input))
    return made.amax(_dims(dim, input.ndim), bool(keepdim)).to(dtype or input.dtype)


def amin(input, dim=None, *, keepdim=False, dtype=None, mask=None) -> Tensor:
    """The least of what the mask lets through."""
    made = _filled(input, mask, None if mask is None else _most(input))
    return made.amin(_dims(dim, input.ndim), bool(keepdim)).to(dtype or input.dtype)


def argmax(input, dim=None, *, keepdim=False, dtype=None, mask=None) -> Tensor:
    """Where the greatest of what the mask lets through stands, in the input's dtype unless one is given."""
    made = _filled(input, mask, None if mask is None else _least(input))
    return made.argmax(dim, bool(keepdim)).to(dtype or input.dtype)


def argmin(input, dim=None, *, keepdim=False, dtype=None, mask=None) -> Tensor:
    """Where the least of what the mask lets through stands, in the input's dtype unless one is given."""
    made = _filled(input, mask, None if mask is None else _most(input))
    return made.argmin(dim, bool(keepdim)).to(dtype or input.dtype)


def _counted(input: Tensor, dim, keepdim: bool, mask: Tensor | None) -> Tensor:
    """How many elements the mask lets through."""
    whole = input.new_ones(tuple(input.shape), dtype=_dtype.bool) if mask is None else _mask_of(input, mask)
    return whole.sum(_dims(dim, input.ndim), keepdim)


def mean(input, dim=None, *, keepdim=False, dtype=None, mask=None) -> Tensor:
    """The mean of what the mask lets through; of nothing it is not a number."""
    kind = input.dtype if dtype is None else dtype
    if not (kind.is_floating_point or kind.is_complex):
        raise ValueError(
            f"mean(): Could not infer output dtype. {'Input' if dtype is None else 'Optional'} dtype must be either a "
            f"floating point or complex dtype. Got: {kind}"
        )
    total = sum(input, dim, keepdim=keepdim, dtype=kind, mask=mask)
    return total / _counted(input, dim, bool(keepdim), mask)


def median(input, dim: int = -1, *, keepdim=False, dtype=None, mask=None) -> Tensor:
    """The median of what the mask lets through (and is a number); for integers not all may be left out (a barrier)."""
    at = _dims(dim, input.ndim)[0]
    floating = input.is_floating_point()
    wide = input if floating else input.to(_dtype.float32)
    made = _filled(wide, mask, math.nan).nanmedian(at, bool(keepdim)).values
    if floating:
        return made
    if bool(made.isnan().any()):
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return made.to(dtype or input.dtype)


def norm(input, ord: float | None = 2.0, dim=None, *, keepdim=False, dtype=None, mask=None) -> Tensor:
    """The `ord`-norm of what the mask lets through."""
    ord = 2.0 if ord is None else ord
    made = _filled(input, mask, math.inf if ord == -math.inf else 0)
    return made.norm(ord, _dims(dim, input.ndim), bool(keepdim), dtype=dtype or input.dtype)


def _variance(input, dim, unbiased, correction, keepdim, dtype, mask, root: bool) -> Tensor:
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    less = 1.0 if correction is None and unbiased is None else float(unbiased if correction is None else correction)
    floating = input.is_floating_point() or input.is_complex()
    dtype = dtype or (input.dtype if floating else _dtype.float32)
    compute = dtype if dtype.is_floating_point or dtype.is_complex else _dtype.float32
    count = _counted(input, dim, True, mask)
    gap = input - sum(input, dim, keepdim=True, dtype=dtype, mask=mask) / count
    total = sum(gap * gap.conj(), dim, keepdim=keepdim, dtype=compute, mask=mask)
    if not keepdim:
        count = count.reshape(tuple(total.shape))
    if less:
        count = (count.to(compute.to_real() if compute.is_complex else compute) - less).clamp(min=0)
    made = (total / count).to(dtype)
    return made.sqrt() if root else made


def var(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None) -> Tensor:
    """The variance of what the mask lets through."""
    return _variance(input, dim, unbiased, correction, keepdim, dtype, mask, False)


def std(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None) -> Tensor:
    """The standard deviation of what the mask lets through."""
    return _variance(input, dim, unbiased, correction, keepdim, dtype, mask, True)


def softmax(input, dim: int, *, dtype=None, mask=None) -> Tensor:
    """Softmax over what the mask lets through; the rest gets 0."""
    made = _filled(input, mask, None if mask is None else _least(input))
    return made.softmax(_dims(dim, input.ndim)[0], dtype=dtype or input.dtype)


def log_softmax(input, dim: int, *, dtype=None, mask=None) -> Tensor:
    """log of `softmax`; what the mask leaves out gets -inf."""
    made = _filled(input, mask, None if mask is None else _least(input))
    return made.log_softmax(_dims(dim, input.ndim)[0], dtype=dtype or input.dtype)


def softmin(input, dim: int, *, dtype=None, mask=None) -> Tensor:
    """Softmax of the negated elements that the mask lets through."""
    made = _filled(input, mask, None if mask is None else _most(input))
    return (-made).softmax(_dims(dim, input.ndim)[0], dtype=dtype or input.dtype)


def normalize(input, ord: float, dim: int, *, eps: float = 1e-12, dtype=None, mask=None) -> Tensor:
    """What the mask lets through divided by its `ord`-norm (at least `eps`) along `dim`; the rest gets 0."""
    dtype = dtype or input.dtype
    size = norm(input, ord, _dims(dim, input.ndim)[0], keepdim=True, dtype=dtype, mask=mask)
    bound = size.new_full((), eps)
    return _filled(input, mask, 0) / _call("torch.maximum", size, bound)


def logaddexp(input, other, *, dtype=None, input_mask=None, other_mask=None) -> Tensor:
    """log(exp(a) + exp(b)), where each operand counts only as far as its mask lets it through."""
    a = _filled(input, input_mask, None if input_mask is None else _least(input))
    b = _filled(other, other_mask, None if other_mask is None else _least(other))
    return _call("torch.logaddexp", a, b).to(dtype or input.dtype)


def logsumexp(input, dim=None, *, keepdim=False, dtype=None, mask=None) -> Tensor:
    """log of the sum of exp of what the mask lets through."""
    made = _filled(input, mask, None if mask is None else _least(input))
    return made.logsumexp(_dims(dim, input.ndim), bool(keepdim)).to(dtype or input.dtype)


def __getattr__(name: str):
    if name in ("MaskedTensor", "masked_tensor", "as_masked_tensor", "is_masked_tensor"):
        raise NotImplementedError(f"torch.masked.{name} is not supported: use the functions here with mask=")
    raise AttributeError(f"module 'torchlike.masked' has no attribute '{name}'")
