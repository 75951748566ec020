"""Numbers in another type: what does not fit, fractions, and not-a-numbers become what they become in PyTorch."""

from __future__ import annotations

import math

import pytest

import torchlike

NUMBERS = [math.nan, math.inf, -math.inf, 1e20, -1e20, 3e9, -3e9, 70000.0, -70000.0, 300.0, -300.0, -1.9, 5e9, 0.9]
LEAST = -(2**63)
INTEGERS = {
    "int64": [LEAST, LEAST, LEAST, LEAST, LEAST, 3 * 10**9, -3 * 10**9, 70000, -70000, 300, -300, -1, 5 * 10**9, 0],
    "int32": [*[-(2**31)] * 7, 70000, -70000, 300, -300, -1, -(2**31), 0],
    "int16": [*[0] * 7, 4464, -4464, 300, -300, -1, 0, 0],
    "int8": [*[0] * 7, 112, -112, 44, -44, -1, 0, 0],
    "uint8": [*[0] * 7, 112, 144, 44, 212, 255, 0, 0],
    "uint16": [*[0] * 7, 4464, 61072, 300, 65236, 65535, 0, 0],
}


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("source", ["float32", "float64"])
def test_floats_to_integers(kind, source):
    """The recorded values of PyTorch 2.13 on x86-64: in C, what does not fit has none."""
    numbers = torchlike.tensor(NUMBERS, dtype=getattr(torchlike, source))
    assert numbers.to(getattr(torchlike, kind)).tolist() == INTEGERS[kind]
    assert torchlike.zeros(14, dtype=getattr(torchlike, kind)).copy_(numbers).tolist() == INTEGERS[kind]


@pytest.mark.parametrize("source", ["float16", "bfloat16", "float32", "float64", "complex64"])
def test_as_pytorch(source):
    pytest.importorskip("torch")
    from tests.compare import check, tensor

    x = tensor(NUMBERS, source, requires_grad=False)
    check(lambda lib, x: [x.to(getattr(lib, kind)) for kind in [*INTEGERS, "bool"]], x)
