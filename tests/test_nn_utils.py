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
