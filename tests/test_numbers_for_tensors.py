"""Where a Python number may stand for a tensor and where it may not, and what `out=` and in-place forms refuse."""

from __future__ import annotations

import pytest

import torchlike

torch = pytest.importorskip("torch")

CALLS = {
    "one operand": lambda lib, x: lib.sin(2.0),
    "named": lambda lib, x: lib.maximum(x, other=2),
    "optional": lambda lib, x: lib.conv1d(x.view(1, 1, 3), lib.ones(1, 1, 1), bias=2),
    "method": lambda lib, x: x.atan2(2),
    "in place": lambda lib, x: x.copysign_(-2),
    "in place, refused": lambda lib, x: x.hypot_(2),
    "in a list": lambda lib, x: lib.cat([x, 2]),
    "view": lambda lib, x: lib.transpose(2, 0, 1),
    "two numbers": lambda lib, x: lib.bitwise_and(2, 3),
    "two numbers to a power": lambda lib, x: lib.pow(2, 3),
    "two numbers, accepted": lambda lib, x: lib.add(2, 3) + lib.mul(2, 3) + lib.div(6, 3),
    "number first": lambda lib, x: lib.remainder(2, x) + lib.bitwise_or(2, lib.tensor([1])) + lib.float_power(2, x),
    "number first, refused": lambda lib, x: lib.fmod(2, x),
    "reflected": lambda lib, x: (2 - x) + 2 / x + 2**x + 2 % x,
    "reflected, called by name": lambda lib, x: lib.Tensor.__radd__(2, 3),
    "value of a mask": lambda lib, x: x.masked_fill(x > 1, 2) + lib.where(x > 1, 1.0, 2),
    "value of an index": lambda lib, x: x.index_fill(0, lib.tensor([0]), 2) + x.scatter(0, lib.tensor([1]), 3.0),
    "boundaries": lambda lib, x: lib.bucketize(2, x) + lib.searchsorted(x, 2) + lib.isin(x, 2),
    "fraction": lambda lib, x: lib.quantile(x, 0.5),
    "tolerance": lambda lib, x: lib.linalg.matrix_rank(x.outer(x), atol=1e-3, rtol=0.1),
    "grows": lambda lib, x: lib.ones(1).addbmm_(lib.ones(2, 3, 2), lib.ones(2, 2, 4)),
    "places with out": lambda lib, x: lib.nonzero(x, out=lib.zeros(0, dtype=lib.int64)),
    "places as a tuple with out": lambda lib, x: lib.nonzero(x, as_tuple=True, out=lib.zeros(0, dtype=lib.int64)),
    "out too small for the mean": lambda lib, x: lib.normal(x, 1.0, out=lib.zeros(0)),
    "out wider than the mean": lambda lib, x: lib.normal(x, 0.0, out=lib.zeros(2, 3)),
    "out over the input": lambda lib, x: lib.kthvalue(x, 1, out=(x, lib.zeros(0, dtype=lib.int64))),
    "out that repeats memory": lambda lib, x: lib.index_select(x, 0, lib.tensor([0]), out=lib.ones(1).expand(3)),
    "mask of more dimensions": lambda lib, x: x.masked_scatter_(x.outer(x) > 1, x),
    "mask of another size": lambda lib, x: x.masked_scatter_(lib.tensor([True, False]), x),
    "float32 written as float64": lambda lib, x: x.float_power_(2),
    "float64 to a power": lambda lib, x: x.double().float_power_(2),
}


def outcome(call, lib):
    try:
        made = call(lib, lib.tensor([1.0, 3.0, 2.0]))
    except Exception as error:  # noqa: BLE001
        return type(error)
    return made.dtype.__repr__(), made.tolist()


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.filterwarnings("ignore:An output with one or more elements")
def test_as_in_pytorch(call):
    assert outcome(call, torchlike) == outcome(call, torch)


def test_the_error_names_the_argument():
    with pytest.raises(TypeError, match=r"maximum\(\): argument 'other' \(position 2\) must be Tensor, not int"):
        torchlike.maximum(torchlike.ones(2), 2)
    with pytest.raises(TypeError, match=r"sin\(\): argument 'input' \(position 1\) must be Tensor, not float"):
        torchlike.sin(2.0)
