"""Rules for what goes along dimensions: reductions, scans, sorting, products, transforms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from torchlike.core.interpreter.table import NoRule, primitive

_SHORT = 16  # elements of a row that NumPy adds up in less time than it takes to begin


def _reduction(kinds: str, name: str, ufunc: np.ufunc, identity: Callable[[np.dtype], Any]) -> None:
    @primitive(kinds, name, sized=False)
    def make(eqn):
        axes, dtype = tuple(eqn.params["axes"]), eqn.invars[0].aval.dtype
        start = identity(dtype)

        def reduce(x):
            if axes == (x.ndim - 1,) and x.shape[-1] <= _SHORT and x.size > _SHORT**2:  # many times quicker by columns
                return ufunc.reduce(np.ascontiguousarray(np.moveaxis(x, -1, 0)), axis=0, dtype=dtype, initial=start)
            return ufunc.reduce(x, axis=axes, dtype=dtype, initial=start)

        return reduce


def _least(dtype: np.dtype):
    if dtype.kind == "b":
        return False
    return np.iinfo(dtype).min if dtype.kind in "iu" else dtype.type(-np.inf)


def _greatest(dtype: np.dtype):
    if dtype.kind == "b":
        return True
    return np.iinfo(dtype).max if dtype.kind in "iu" else dtype.type(np.inf)


_reduction("iufc", "reduce_sum", np.add, lambda dtype: dtype.type(0))
_reduction("iuf", "reduce_prod", np.multiply, lambda dtype: dtype.type(1))
_reduction("biufh", "reduce_max", np.maximum, _least)
_reduction("biufh", "reduce_min", np.minimum, _greatest)
_reduction("biu", "reduce_and", np.bitwise_and, lambda dtype: True if dtype.kind == "b" else ~dtype.type(0))
_reduction("biu", "reduce_or", np.bitwise_or, lambda dtype: dtype.type(0))
_reduction("biu", "reduce_xor", np.bitwise_xor, lambda dtype: dtype.type(0))


def _scan(kinds: str, name: str, ufunc: np.ufunc) -> None:
    @primitive(kinds, name, sized=False)
    def make(eqn):
        axis, dtype = eqn.params["axis"], eqn.invars[0].aval.dtype
        if eqn.params["reverse"]:
            return lambda x: np.flip(ufunc.accumulate(np.flip(x, axis), axis, dtype), axis)
        return lambda x: ufunc.accumulate(x, axis, dtype)


_scan("iufc", "cumsum", np.add)
_scan("iufc", "cumprod", np.multiply)
_scan("biuf", "cummax", np.maximum)
_scan("biuf", "cummin", np.minimum)


def _extreme(name: str, find: Callable) -> None:
    @primitive("biuf", name)
    def make(eqn):
        (axis,), dtype = eqn.params["axes"], eqn.params["index_dtype"]
        if not eqn.invars[0].aval.size:
            raise NoRule
        return lambda x: find(x, axis).astype(dtype)


_extreme("argmax", np.argmax)
_extreme("argmin", np.argmin)


@primitive("biuf", "sort", sized=False)
def _sort(eqn):
    axis = eqn.params["dimension"]
    if eqn.params["num_keys"] != 1:
        raise NoRule
    if len(eqn.invars) == 1:
        return lambda x: np.sort(x, axis, kind="stable")

    def together(*arrays):
        order = np.argsort(arrays[0], axis, kind="stable")
        return [np.take_along_axis(x, order, axis) for x in arrays]

    return together


@primitive("iuf", "top_k")
def _top_k(eqn):
    k, axis = eqn.params["k"], eqn.params.get("axis", eqn.params.get("operand_axis", -1))
    dtype = eqn.outvars[1].aval.dtype

    def top(x):
        x = np.moveaxis(x, axis, -1)
        order = x.shape[-1] - 1 - np.argsort(x[..., ::-1], -1, kind="stable")[..., ::-1][..., :k]
        values = np.take_along_axis(x, order, -1)
        return np.moveaxis(values, -1, axis), np.moveaxis(order.astype(dtype), -1, axis)

    return top


@primitive("iufc", "dot_general")
def _dot(eqn):
    (left_sum, right_sum), (left_batch, right_batch) = eqn.params["dimension_numbers"]
    dtype, shape = eqn.outvars[0].aval.dtype, eqn.outvars[0].aval.shape
    left, right = (v.aval for v in eqn.invars)
    if left.dtype != dtype or right.dtype != dtype or eqn.params.get("preferred_element_type") not in (None, dtype):
        raise NoRule

    def arranged(x, batch, inner, last):
        """The order of dimensions and the shape of a batch of matrices, the summed dimensions `last` or not."""
        free = [d for d in range(len(x.shape)) if d not in batch and d not in inner]
        rows, columns = (free, inner) if last else (inner, free)
        sizes = [math.prod(x.shape[d] for d in dims) for dims in (rows, columns)]
        return [*batch, *rows, *columns], [*[x.shape[d] for d in batch], *sizes]

    left_order, left_shape = arranged(left, left_batch, left_sum, last=True)
    right_order, right_shape = arranged(right, right_batch, right_sum, last=False)
    return lambda x, y: np.matmul(
        x.transpose(left_order).reshape(left_shape), y.transpose(right_order).reshape(right_shape)
    ).reshape(shape)


_FOURIER = (np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn)  # in the order of lax.FftType


@primitive("fc", "fft")
def _fft(eqn):
    function, sizes = _FOURIER[int(eqn.params["fft_type"])], eqn.params["fft_lengths"]
    dtype = eqn.outvars[0].aval.dtype
    return lambda x: function(x, sizes, range(-len(sizes), 0)).astype(dtype, copy=False)
