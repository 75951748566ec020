"""Reductions, running sums and order against PyTorch: values, dtypes, shapes, gradients, named results, errors."""

from __future__ import annotations

import math

import pytest
from compare import check, normal, positive, tensor

NAN, INF = math.nan, math.inf
CUBE = normal(2, 3, 4)
TIES = tensor([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0]])
HOLES = tensor([[1.0, NAN, 3.0], [NAN, NAN, NAN], [-2.0, 5.0, 0.0]], requires_grad=False)
INTS = tensor([[3, -7, 2], [5, 0, -1]], "int64")
SMALL = tensor([[3, 7, 2], [5, 0, 255]], "uint8")
BOOLS = tensor([[True, False, True], [True, True, True]], "bool")
EMPTY = tensor([[], []])
BRAIN = normal(2, 3, 4, dtype="bfloat16")
SCALAR = tensor(2.0)
COMPLEX = tensor([[1 + 2j, -3j], [2 - 1j, 1.5 + 0j]], "complex64")
SAMPLES = {"floats": CUBE, "ties": TIES, "holes": HOLES, "ints": INTS, "bytes": SMALL, "bools": BOOLS, "empty": EMPTY,
           "bfloat16": BRAIN, "zero-dim": SCALAR, "complex": COMPLEX}  # fmt: skip

REDUCTIONS = {
    "sum": lambda lib, x: (x.sum(), lib.sum(x, 0), x.sum(dim=-1, keepdim=True)),
    "mean": lambda lib, x: (x.mean(), lib.mean(x, 0), x.mean(-1, True)),
    "prod": lambda lib, x: (x.prod(), lib.prod(x, 0), x.prod(-1, keepdim=True)),
    "all": lambda lib, x: (x.all(), x.any(), lib.all(x, 0), x.any(-1, keepdim=True)),
    "count_nonzero": lambda lib, x: (lib.count_nonzero(x), x.count_nonzero(0)),
    "amax": lambda lib, x: (x.amax(), lib.amax(x, 0), x.amin(-1, keepdim=True), x.amin()),
    "aminmax": lambda lib, x: (lib.aminmax(x), x.aminmax(dim=0, keepdim=True)),
    "max": lambda lib, x: x.max(),
    "min": lambda lib, x: x.min(),
    "max along": lambda lib, x: (x.max(0), lib.max(x, dim=-1, keepdim=True), x.max(-1)[0]),
    "min along": lambda lib, x: (lib.min(x, 0), x.min(dim=-1, keepdim=True), x.min(-1).indices),
    "argmax": lambda lib, x: (x.argmax(), lib.argmax(x, -1), x.argmin(0, keepdim=True), x.argmin(),
                              x.argmax(keepdim=True)),
    "std": lambda lib, x: (x.std(), x.var(), lib.std(x, 0), x.var(-1, keepdim=True)),
    "std options": lambda lib, x: (x.std(unbiased=False), x.var(correction=0), x.std(0, False), x.var(False)),
    "std_mean": lambda lib, x: (lib.std_mean(x), lib.var_mean(x, 0), lib.std_mean(x, -1, keepdim=True)),
    "norm": lambda lib, x: (x.norm(), lib.norm(x, dim=0), x.norm(1), x.norm(p=3, dim=-1, keepdim=True), x.norm(0)),
    "norm inf": lambda lib, x: (x.norm(INF), x.norm(-INF), lib.norm(x, INF, 0)),
    "logsumexp": lambda lib, x: (x.logsumexp(0), lib.logsumexp(x, -1, keepdim=True)),
    "nansum": lambda lib, x: (lib.nansum(x), x.nansum(0)),
    "nanmean": lambda lib, x: (x.nanmean(), lib.nanmean(x, 0)),
    "cumsum": lambda lib, x: (x.cumsum(0), lib.cumsum(x, -1)),
    "cumprod": lambda lib, x: (x.cumprod(0), lib.cumprod(x, -1)),
    "cummax": lambda lib, x: (x.cummax(0), lib.cummin(x, -1)),
    "logcumsumexp": lambda lib, x: (x.logcumsumexp(0), lib.logcumsumexp(x, -1)),
    "median": lambda lib, x: (x.median(), lib.median(x, -1).values),
    "nanmedian": lambda lib, x: (x.nanmedian(), lib.nanmedian(x, -1).values),
    "mode": lambda lib, x: lib.mode(x, -1).values,
    "sort": lambda lib, x: (x.sort(stable=True), lib.sort(x, dim=0, stable=True), lib.msort(x)),
    "sort down": lambda lib, x: (x.sort(descending=True, stable=True),
                                 lib.sort(x, dim=0, descending=True, stable=True)),
    "argsort": lambda lib, x: (x.argsort(stable=True), lib.argsort(x, dim=0, stable=True)),
    "topk": lambda lib, x: (x.topk(1).values, lib.topk(x, 2, dim=-1).values, x.topk(2, 0, largest=False).values),
    "kthvalue": lambda lib, x: (x.kthvalue(1).values, lib.kthvalue(x, 2, -1, keepdim=True).values),
    "unique": lambda lib, x: (lib.unique(x.detach()), x.detach().unique(return_inverse=True, return_counts=True)),
    "unique rows": lambda lib, x: lib.unique(x.detach(), dim=0, return_inverse=True, return_counts=True),
    "unique_consecutive": lambda lib, x: lib.unique_consecutive(x.detach(), return_inverse=True, return_counts=True),
    "softmax": lambda lib, x: (x.softmax(0), lib.softmax(x, -1), lib.log_softmax(x, 0), x.log_softmax(-1)),
}  # fmt: skip


@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("sample", SAMPLES)
def test_reduction(name, sample):
    if (name, sample) == ("topk", "ties"):
        pytest.skip("which of equal elements topk takes is not defined")
    check(REDUCTIONS[name], SAMPLES[sample])


ROWS = {
    "several dims": (lambda lib, x: (x.sum((0, 2)), x.mean([0, -1], keepdim=True), x.amax((1, 2)), x.all((0, 1))),
                     CUBE),
    "no dims": (lambda lib, x: (x.sum(()), x.sum([]), x.mean(())), CUBE),
    "spread over dims": (lambda lib, x: (x.std((0, 2)), x.var(dim=(1, 2), correction=2), x.norm(dim=(0, 1))), CUBE),
    "dtype": (lambda lib, x: (x.sum(dtype=lib.float64), x.mean(dtype=lib.float64), x.prod(dtype=lib.float64)), INTS),
    "sum into int": (lambda lib, x: (x.sum(dtype=lib.int32), x.sum(0, dtype=lib.float32)), INTS),
    "softmax dtype": (lambda lib, x: (x.softmax(0, dtype=lib.float64), lib.log_softmax(x, 1, dtype=lib.float32)), INTS),
    "mean dtype": (lambda lib, x: x.mean(dtype=lib.int64), CUBE),
    "named axis": (lambda lib, x: (x.sum(axis=1), x.mean(axis=0, keepdims=True)), CUBE),
    "dim out of range": (lambda lib, x: x.sum(3), CUBE),
    "max dim out of range": (lambda lib, x: x.max(-4), CUBE),
    "dim twice": (lambda lib, x: x.sum((0, 0)), CUBE),
    "max of two": (lambda lib, x, y: (lib.max(x, y), x.min(other=y)), TIES, normal(2, 4)),
    "printing": (lambda lib, x: repr(x.max(0)) + repr(x.sort()), tensor([[1.0, 2.0], [3.0, 0.0]], requires_grad=False)),
    "names of nodes": (lambda lib, x: [y.grad_fn.name() for y in (
        x.sum(), x.sum(0), x.mean(), x.mean(0), x.max(), x.max(0)[0], lib.max(x, x), x.prod(), x.prod(0), x.median(),
        x.median(0)[0], x.std(), x.var(), x.norm(), x**2, x**2.5, x**x, 2**x, x - 1, 1 - x, x / 2, x @ x.mT,
        x.matmul(x.mT), x.clamp(0), x.clamp(x), x.round(), x.round(decimals=1), lib.lerp(x, x, 0.5),
        x.sigmoid(), x.softmax(0))],
        normal(3, 3, requires_grad=True)),
    "zeros in a product": (lambda lib, x: (x.prod(), x.prod(0), x.cumprod(1)), [[0.0, 2.0, 3.0], [0.0, 0.0, 1.0]]),
    "norm at 0": (lambda lib, x: (x.norm(), x.norm(1), x.norm(3), x.norm(INF), x.std()), [0.0, 0.0, 0.0]),
    "norm fro nuc": (lambda lib, x: (lib.norm(x, p="fro"), x.norm("fro", dim=1)), normal(3, 4)),
    "norm of ints": (lambda lib, x: x.norm(), INTS),
    "dist": (lambda lib, x, y: (lib.dist(x, y), x.dist(y, 1)), normal(3), normal(3, seed=1)),
    "std of one": (lambda lib, x: (x.std(correction=0), x.var(unbiased=False)), [3.0]),
    "topk too many": (lambda lib, x: x.topk(9), TIES),
    "kthvalue too many": (lambda lib, x: x.kthvalue(9), TIES),
    "topk": (lambda lib, x: (x.topk(2), x.topk(3, 1), x.topk(2, dim=1, largest=False)), CUBE),
    "median": (lambda lib, x: (x.median(0), x.median(-1, keepdim=True), x.kthvalue(2, 1)), CUBE),
    "mode": (lambda lib, x: x.mode(1), tensor([[1.0, 2.0, 2.0, 0.0], [5.0, 1.0, 4.0, 3.0]])),
    "histc": (lambda lib, x: (x.histc(5), lib.histc(x, bins=4, min=-1, max=1)), normal(50, requires_grad=False)),
    "bincount": (lambda lib, x: (x.bincount(), lib.bincount(x, minlength=9)), tensor([1, 3, 3, 0], "int64")),
    "bincount weights": (lambda lib, x, w: x.bincount(w), tensor([1, 3, 3, 0], "int64"),
                         positive(4, requires_grad=False)),
    "bincount negative": (lambda lib, x: x.bincount(), tensor([1, -3], "int64")),
    "unique unsorted": (lambda lib, x: x.unique(), tensor([3, 1, 2, 3, 1], "int64")),
    "out": (lambda lib, x: lib.max(x, 0, out=(lib.zeros(4), lib.zeros(4, dtype=lib.int64))),
            tensor([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0]], requires_grad=False)),
    "max of nothing": (lambda lib, x: x.max(), EMPTY),
    "argmax of nothing": (lambda lib, x: x.argmax(), EMPTY),
    "max along nothing": (lambda lib, x: x.max(1), EMPTY),
    "argmax along nothing": (lambda lib, x: x.argmax(1), EMPTY),
    "amax along nothing": (lambda lib, x: x.amax(1), EMPTY),
    "amax of nothing": (lambda lib, x: x.amax(), EMPTY),
    "max across nothing": (lambda lib, x: x.max(0), EMPTY),
    "all of all": (lambda lib, x: (x.max(0).values.sum() + x.min(1)[0].sum()), CUBE),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_row(row):
    check(*row)


def test_sums_of_many_are_accurate():
    check(lambda lib, x: (x.sum(), x.mean(), x.std(), x.norm()), positive(300_000, requires_grad=False))
