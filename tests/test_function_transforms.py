"""Per-sample gradients, Hessian-vector products, meta-learning, tangent kernels: PyTorch's numbers, steady programs."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import torchlike
from tests.benchmarks.function_transforms import PROGRAMS, numbers


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_numbers(name: str):
    torch = pytest.importorskip("torch", reason="PyTorch is the reference")
    for ours, theirs in zip(numbers(torchlike, PROGRAMS[name]), numbers(torch, PROGRAMS[name]), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_fourth_call_compiles_nothing(name: str):
    call = PROGRAMS[name](torchlike)
    for _ in range(3):
        call()[0].numpy()
    before = torchlike.explain.counts()
    call()[0].numpy()
    assert torchlike.explain.counts()["compilations"] == before["compilations"]


def test_transforms_leave_no_cycles():
    """What stands in a cycle is alive until it is collected, and would be part of a program's structure so long."""
    call = PROGRAMS["Hessian-vector product, MLP"](torchlike)
    call()
    gc.collect()
    gc.disable()
    try:
        call()
        assert gc.collect() == 0
    finally:
        gc.enable()
