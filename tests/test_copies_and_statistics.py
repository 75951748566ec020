"""What the operator database leaves out of copies of views, scatters, segments, ranges, draws and masked reductions."""

from __future__ import annotations

import pytest

from tests.compare import check, normal, tensor, torch
from tests.compare import torchlike as ours

X, CUBE, INDEX = normal(3, 4), normal(2, 3, 4), tensor([5, 0, 7], "int64")
WHOLE = tensor([[1, 2, 4], [0, 3, 9]], "int64")


ROWS = {
    "slice_copy": (lambda lib, x: (lib.slice_copy(x, 1, 1, None, 2), lib.slice_copy(x, 0, -2, 9)), X),
    "select_copy": (lambda lib, x: (lib.select_copy(x, 1, -1), lib.detach_copy(x.detach()), lib.t_copy(x)), X),
    "select_copy out of range": (lambda lib, x: lib.select_copy(x, 1, 4), X),
    "split_copy": (lambda lib, x: lib.split_copy(x, 2, 1)[1], X),
    "unbind_copy": (lambda lib, x: lib.unbind_copy(x, 1)[3], X),
    "copies are no views": (lambda lib, x: [lib.permute_copy(x.detach(), (1, 0)).zero_(), x], X),
    "unsafe splits": (lambda lib, x: (lib.unsafe_split(x, 3, 1)[1], lib.unsafe_chunk(x, 2)[0],
                                      lib.unsafe_split_with_sizes(x, [1, 3], 1)[1]), X),
    "slice_scatter": (lambda lib, x: lib.slice_scatter(x, lib.zeros(3, 2), 1, 0, None, 2), X),
    "slice_scatter of another size": (lambda lib, x: lib.slice_scatter(x, lib.zeros(3, 3), 1, 0, None, 2), X),
    "select_scatter": (lambda lib, x: x.select_scatter(lib.ones(4), 0, -1), X),
    "select_scatter out of range": (lambda lib, x: x.select_scatter(lib.ones(4), 0, 3), X),
    "diagonal_scatter": (lambda lib, x: lib.diagonal_scatter(x, lib.ones(3), 1), X),
    "vander": (lambda lib, x: (lib.vander(x), lib.vander(x, 2, True), lib.vander(x, 0)),
               normal(3, requires_grad=False)),
    "vander of ints": (lambda lib, x: lib.vander(x), INDEX),
    "vander of a matrix": (lambda lib, x: lib.vander(x), X),
    "range of no sense": (lambda lib: lib.arange(3, 0),),
    "range without end": (lambda lib: lib.arange(0, float("inf")),),
    "step 0": (lambda lib: lib.arange(0, 1, 0),),
    "unravel_index": (lambda lib, i: lib.unravel_index(i, (2, 4)), INDEX),
    "unravel_index of floats": (lambda lib, x: lib.unravel_index(x, (2, 4)), normal(3, requires_grad=False)),
    "broadcast_shapes": (lambda lib: lib.broadcast_shapes((2, 1), 3, (1, 1, 1)),),
    "broadcast_shapes apart": (lambda lib: lib.broadcast_shapes((2,), (3,)),),
    "fill_diagonal_": (lambda lib: (lib.zeros(2, 4).fill_diagonal_(3), lib.zeros(7, 3).fill_diagonal_(3, wrap=True)),),
    "resize_": (lambda lib, x: (x.resize_(2, 2), x.stride()), tensor([1.0, 2, 3, 4, 5], requires_grad=False)),
    "resize_ of what requires grad": (lambda lib, x: x.resize_(2), X),
    "resize_as_": (lambda lib, x: x.resize_as_(lib.zeros(2)), tensor([1.0, 2, 3], requires_grad=False)),
    "segment sums": (lambda lib, x: [lib.segment_reduce(x, r, lengths=lib.tensor([2, 0, 1]), initial=0.5)
                                     for r in ("sum", "mean", "max", "min", "prod")], X),
    "segments too short": (lambda lib, x: lib.segment_reduce(x, "sum", lengths=lib.tensor([1, 1])), X),
    "segments below 0": (lambda lib, x: lib.segment_reduce(x, "sum", lengths=lib.tensor([-1, 4])), X),
    "nonzero_static": (lambda lib, x: (lib.nonzero_static(x, size=2), x.nonzero_static(size=7, fill_value=9)), WHOLE),
    "isin": (lambda lib, x: (lib.isin(x, 4), lib.isin(x, lib.tensor([9, 0]), invert=True)), WHOLE),
    "quantile of 2": (lambda lib, x: x.quantile(2.0), X),
    "quantile of ints": (lambda lib, x: x.quantile(0.5), WHOLE),
    "gradient of three points": (lambda lib, x: lib.gradient(x, spacing=(lib.tensor([0.0, 1, 3]),), dim=0), X),
    "cov weights": (lambda lib, x: lib.cov(x, fweights=lib.tensor([0, 0, 0, 0])), X),
    "gather out of range": (lambda lib, x, i: x.gather(1, i), X, tensor([[4]], "int64")),
    "gather out= in its input": (lambda lib, i: lib.gather(i, 0, i, out=i), tensor([0, 1], "int64")),
    "masked sums": (lambda lib, x: (lib.masked.sum(x, 1, mask=x > 0), lib.masked.mean(x, mask=x > 0),
                                    lib.masked.amax(x, 0, mask=x > 9)), X),
    "masked ints": (lambda lib, x: (lib.masked.amax(x, 1, mask=x > 0), lib.masked.amin(x, 0, mask=x > 9),
                                    lib.masked.argmax(x, 1, mask=x < 9), lib.masked.prod(x, mask=x > 0)), WHOLE),
    "masked mean of ints": (lambda lib, x: lib.masked.mean(x), WHOLE),
    "twins": (lambda lib, x: (lib.detach(x), lib.zero_(x.clone()), lib.fill_(x.clone(), 2),
                              lib.put(x, lib.tensor([1]), lib.tensor([3.0]))), X),
}  # fmt: skip


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_row(row):
    check(*row)


DRAWS = {
    "cauchy_": lambda lib: lib.zeros(20, dtype=lib.float64).cauchy_(1, 2),
    "log_normal_": lambda lib: lib.zeros(20).log_normal_(0.1, 0.3),
    "geometric_": lambda lib: lib.zeros(20, dtype=lib.int32).geometric_(0.2),
    "poisson": lambda lib: lib.poisson(lib.tensor([[0.0, 0.5, 4.0], [10.0, 50.0, 500.0]])),
    "binomial": lambda lib: lib.binomial(lib.tensor([0.0, 9, 100, 100, 1000]), lib.tensor([0.5, 0.2, 0.4, 0.95, 1.0])),
    "negative rate": lambda lib: lib.poisson(lib.tensor([-1.0])),
    "cauchy_ of width 0": lambda lib: lib.zeros(2).cauchy_(0, 0),
    "geometric_ of 1": lambda lib: lib.zeros(2).geometric_(1),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS.keys())
def test_draws_are_pytorchs(draw):
    torch.manual_seed(7)
    ours.manual_seed(7)
    check(draw)


def test_what_has_grown_leaves_other_views_alone():
    x = ours.arange(4.0)
    y = x[1:3]
    x.resize_(2, 3)
    assert x.tolist() == [[0, 1, 2], [3, 0, 0]]
    assert y.tolist() == [1, 2]


def test_half_complex_is_refused():
    with pytest.raises(NotImplementedError, match="cfloat"):
        ours.zeros(2).chalf()
