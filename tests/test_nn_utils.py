"""torch.nn.utils and its neighbours against PyTorch: the programs in tests/utils_programs.py."""

from __future__ import annotations

import pytest

import torchlike
from tests.test_surface import outcome, real, same
from tests.utils_programs import LAYER, PROGRAMS


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name: str):
    ours = outcome(torchlike, LAYER + PROGRAMS[name])
    if real is None:
        pytest.skip("PyTorch is the reference")
    theirs = outcome(real, LAYER + PROGRAMS[name])
    assert same(ours, theirs), f"{ours}\nPyTorch: {theirs}"


def test_lengths_are_padded_to_few():
    pad = torchlike.nn.utils.rnn.pad_to_bucket
    x = torchlike.arange(6.0, requires_grad=True).reshape(2, 3)
    assert pad(x, 4, value=-1).tolist() == [[0, 1, 2, -1], [3, 4, 5, -1]]
    assert pad(x, 4, dim=-2).shape == (4, 3)
    assert pad(x, 3) is x
    (g,) = torchlike.autograd.grad(pad(x, 5).square().sum(), x)
    assert g.tolist() == [[0, 2, 4], [6, 8, 10]]
    assert {pad(torchlike.ones(2, n), 8).shape[1] for n in range(1, 20)} == {8, 16, 24}
    with pytest.raises(ValueError, match="got 0"):
        pad(x, 0)
    with pytest.raises(IndexError, match="Dimension out of range"):
        pad(x, 4, dim=2)
