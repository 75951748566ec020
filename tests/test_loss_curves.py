"""The first steps of `python -m tests.loss_curves`: the same losses as PyTorch, and as it gave."""

import json
from pathlib import Path

import pytest

import torchlike
from tests.loss_curves.scripts import SCRIPTS

RECORDED = json.loads((Path(__file__).parent / "data" / "loss_curves.json").read_text())
STEPS = 12


@pytest.mark.parametrize("name", SCRIPTS)
def test_losses_are_those_recorded(name):
    assert list(SCRIPTS[name](torchlike, STEPS)) == pytest.approx(RECORDED[name][:STEPS], rel=1e-4)


@pytest.mark.parametrize("name", SCRIPTS)
def test_recorded_losses_are_pytorchs(name):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    assert list(SCRIPTS[name](torch, STEPS)) == pytest.approx(RECORDED[name][:STEPS], rel=1e-5)
