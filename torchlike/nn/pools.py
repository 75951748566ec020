"""Poolings of torch.nn.functional that decide something first: sizes, draws, which of their outputs to hand out."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torchlike.facade import call as _call
from torchlike.ops import adaptive_pooling as _adaptive
from torchlike.ops import pooling as _pooling
from torchlike.ops import unpooling as _unpooling
from torchlike.ops.checks import check, ntuple
from torchlike.random import rand
from torchlike.tensor import Tensor

__all__ = [
    "adaptive_max_pool1d", "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d",
    "adaptive_max_pool2d_with_indices", "adaptive_max_pool3d", "adaptive_max_pool3d_with_indices",
    "fractional_max_pool2d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d",
    "max_pool1d_with_indices", "max_pool2d", "max_pool2d_with_indices", "max_pool3d", "max_pool3d_with_indices",
    "max_unpool1d", "max_unpool2d", "max_unpool3d",
]  # fmt: skip


def _pool(body: Any, to_size: bool = False) -> tuple[Callable, Callable]:
    """A pooling as PyTorch's pair of functions: one that may return indices, one that does. The derivative of the
    values is the same; the indices are computed only where asked for."""
    plain = _call(body.op)

    def pool(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
        return plain(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)

    def pool_to(input, output_size, return_indices=False):
        return plain(input, output_size, return_indices)

    def indexed(*args, **kwargs):
        kwargs["return_indices"] = True
        return fn(*args[: 2 if to_size else 6], **kwargs)

    fn = pool_to if to_size else pool
    fn.__name__ = fn.__qualname__ = body.op.name
    indexed.__name__ = indexed.__qualname__ = f"{body.op.name}_with_indices"
    fn.__doc__ = (
        f"{body.__doc__}\n\n    With `return_indices` also where they stand in the last dimensions taken together. Of "
        "equal values the first counts, for the gradient too."
    )
    indexed.__doc__ = f"`{body.op.name}` with `return_indices=True`."
    return fn, indexed


max_pool1d, max_pool1d_with_indices = _pool(_pooling.max_pool1d)
max_pool2d, max_pool2d_with_indices = _pool(_pooling.max_pool2d)
max_pool3d, max_pool3d_with_indices = _pool(_pooling.max_pool3d)
adaptive_max_pool1d, adaptive_max_pool1d_with_indices = _pool(_adaptive.adaptive_max_pool1d, to_size=True)
adaptive_max_pool2d, adaptive_max_pool2d_with_indices = _pool(_adaptive.adaptive_max_pool2d, to_size=True)
adaptive_max_pool3d, adaptive_max_pool3d_with_indices = _pool(_adaptive.adaptive_max_pool3d, to_size=True)


# --- back to the places -----------------------------------------------------------------------------------------------

_unpool = _call(_unpooling.max_unpool.op)


def _unpooled_size(input: Tensor, kernel, stride, padding, output_size) -> tuple:
    n = len(kernel)
    default = tuple(
        (s - 1) * st + k - 2 * p
        for s, k, st, p in zip(input.shape[input.dim() - n :], kernel, stride, padding, strict=False)
    )
    if output_size is None:
        size = default
    else:
        size = tuple(output_size)
        size = size[2:] if len(size) == n + 2 else size
        check(
            len(size) == n,
            f"output_size should be a sequence containing {n} or {n + 2} elements, but it has a length of "
            f"'{len(size)}'",
            ValueError,
        )
        for d in range(n):
            low, high = default[d] - stride[d], default[d] + stride[d]
            check(
                low < size[d] < high,
                f'invalid output_size "{output_size}" (dim {d} must be between {low} and {high})',
                ValueError,
            )
    for d, s in enumerate(size):
        check(
            s >= 0,
            "max_unpooling: output_size must contain non-negative spatial dimensions, but got "
            f"output_size[{d}]={s}",
            ValueError,
        )
    return size


def _max_unpool(n: int) -> Callable:
    def fn(input, indices, kernel_size, stride=None, padding=0, output_size=None):
        kernel, padding = ntuple(kernel_size, n), ntuple(padding, n)
        step = kernel if stride is None else ntuple(stride, n)
        return _unpool(input, indices, _unpooled_size(input, kernel, step, padding, output_size), n)

    fn.__name__ = fn.__qualname__ = f"max_unpool{n}d"
    fn.__doc__ = (
        f"Zeros with the values of `input` at the `indices` that `max_pool{n}d` returned.\n\n"
        "    `output_size` chooses between the sizes that the pooling could have come from."
    )
    return fn


max_unpool1d, max_unpool2d, max_unpool3d = _max_unpool(1), _max_unpool(2), _max_unpool(3)


# --- windows of random size -------------------------------------------------------------------------------------------


def _fractional(n: int, body: Any) -> tuple[Callable, Callable]:
    plain, name = _call(body.op), body.op.name

    def fn(
        input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None
    ):
        check(
            output_size is not None or output_ratio is not None,
            f"{name} requires specifying either an output_size or an output_ratio",
            ValueError,
        )
        if output_size is None:
            check(
                not isinstance(output_ratio, list | tuple) or len(output_ratio) <= n,
                f"{name} requires output_ratio to either be a single Int or tuple of Ints.",
                ValueError,
            )
            ratio = ntuple(output_ratio, n)
            size = tuple(int(s * r) for s, r in zip(input.shape[input.dim() - n :], ratio, strict=False))
        else:
            size = tuple(output_size) if isinstance(output_size, list | tuple) else (output_size,) * n
        if _random_samples is None:
            batch = 1 if input.dim() == n + 1 else input.size(0)
            _random_samples = rand(batch, input.size(-n - 1), n, dtype=input.dtype, device=input.device)
        kernel = tuple(kernel_size) if isinstance(kernel_size, list | tuple) else (kernel_size,) * n
        values, indices = plain(input, _random_samples, kernel, size)
        return (values, indices) if return_indices else values

    def indexed(*args, **kwargs):
        kwargs["return_indices"] = True
        return fn(*args[:4], **kwargs)

    fn.__name__ = fn.__qualname__ = name
    indexed.__name__ = indexed.__qualname__ = f"{name}_with_indices"
    fn.__doc__ = (
        "The largest values of windows whose steps are drawn (https://arxiv.org/abs/1412.6071).\n\n"
        f"    `output_size`, or `output_ratio` of the input's size, gives the size of the last {n} dimensions. The\n"
        "    draws are those of PyTorch's CPU generator."
    )
    indexed.__doc__ = f"`{name}` with `return_indices=True`."
    return fn, indexed


fractional_max_pool2d, fractional_max_pool2d_with_indices = _fractional(2, _unpooling.fractional_max_pool2d)
fractional_max_pool3d, fractional_max_pool3d_with_indices = _fractional(3, _unpooling.fractional_max_pool3d)


# --- power means ------------------------------------------------------------------------------------------------------

_means = tuple(_call(f.op) for f in (_pooling.avg_pool1d, _pooling.avg_pool2d, _pooling.avg_pool3d))
_maxima = (max_pool1d, max_pool2d, max_pool3d)


def _lp_pool(n: int) -> Callable:
    def fn(input, norm_type, kernel_size, stride=None, ceil_mode=False):
        if isinstance(norm_type, int | float) and math.isinf(norm_type):
            sign = 1 if norm_type > 0 else -1
            return sign * _maxima[n - 1](sign * input.abs(), kernel_size, stride, 0, 1, ceil_mode)
        mean = _means[n - 1](input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
        return (mean.sign() * mean.abs().relu()).mul(math.prod(ntuple(kernel_size, n))).pow(1.0 / norm_type)

    fn.__name__ = fn.__qualname__ = f"lp_pool{n}d"
    fn.__doc__ = "(Σ x^p)^(1/p) of every window, p = `norm_type`; infinite ones give the largest or smallest |x|."
    return fn


lp_pool1d, lp_pool2d, lp_pool3d = _lp_pool(1), _lp_pool(2), _lp_pool(3)
