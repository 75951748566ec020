"""The table of docs/gradient_conventions.md: what it says is so here, and in PyTorch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import torchlike

PAGE = Path(__file__).parents[1] / "docs" / "gradient_conventions.md"
ROWS = re.findall(r"^\| `(.+?)` \| `(\[.+?\])` \| `(\[.+?\])` \|", PAGE.read_text(), re.MULTILINE)


def gradient(lib, expression: str, point: str) -> list:
    x = lib.tensor(eval(point), requires_grad=True)
    eval(expression, {"torch": lib, "F": lib.nn.functional, "x": x}).sum().backward()
    return x.grad.tolist()


def test_the_table_is_found():
    assert len(ROWS) == PAGE.read_text().count("\n| `")


@pytest.mark.parametrize(("expression", "point", "wanted"), ROWS)
def test_here(expression: str, point: str, wanted: str):
    np.testing.assert_allclose(gradient(torchlike, expression, point), eval(wanted), rtol=1e-6)


@pytest.mark.parametrize(("expression", "point", "wanted"), ROWS)
def test_in_pytorch(expression: str, point: str, wanted: str):
    torch = pytest.importorskip("torch", reason="PyTorch is the reference")
    np.testing.assert_allclose(gradient(torch, expression, point), eval(wanted), rtol=1e-6)


COMPLEX = ["(z * z).abs().sum()", "(z * z.conj()).real.sum()", "z.real.sum() + (z * w).imag.sum()"]


@pytest.mark.parametrize("expression", COMPLEX)
def test_complex_gradients_are_conjugated(expression: str):
    torch = pytest.importorskip("torch", reason="PyTorch is the reference")
    both = []
    for lib in (torchlike, torch):
        z = lib.tensor([1 + 2j, 3 - 1j], requires_grad=True)
        eval(expression, {"z": z, "w": lib.tensor([2j, 1 + 1j])}).backward()
        both.append(z.grad.tolist())
    np.testing.assert_allclose(*both, rtol=1e-6)
