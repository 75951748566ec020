"""Small programs over both libraries: what each leaves in `out`, or the class and the words of what it raises."""

from __future__ import annotations

import math
import types
import warnings
from typing import Any

import pytest

import torchlike

try:
    import torch as real
except ImportError:
    real = None

PRELUDE = """
F, fw, AF, Function = torch.func, torch.autograd.forward_ad, torch.autograd.functional, torch.autograd.Function
o = torch.arange(6.0).view(2, 3) + 1
d = torch.arange(1.0, 4.0)
"""


def split(text: str) -> list[str]:
    """The programs of a text, which lines of three hyphens part."""
    return [part.strip("\n") for part in text.split("\n---\n")]


def picture(x: Any) -> Any:
    """An outcome in plain Python, with what a user can see of a tensor."""
    if hasattr(x, "detach"):
        return [str(x.dtype), list(x.shape), x.requires_grad, x.detach().tolist()]
    if isinstance(x, dict):
        return {k: picture(v) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return [picture(v) for v in x]
    return x if isinstance(x, bool | int | float | str | None) else str(x)


def outcome(lib: types.ModuleType, program: str) -> Any:
    space: dict[str, Any] = {"torch": lib, "out": None, "__name__": "program"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(PRELUDE, space)
        try:
            exec(program, space)
            return picture(space["out"])
        except Exception as error:
            return [type(error).__name__, str(error)]


def same(a: Any, b: Any, rtol: float = 1e-5) -> bool:
    if isinstance(a, complex) and isinstance(b, complex):
        return same(a.real, b.real, rtol) and same(a.imag, b.imag, rtol)
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=rtol, abs_tol=1e-6) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(p, q, rtol) for p, q in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same(a[k], b[k], rtol) for k in a)
    return type(a) is type(b) and a == b


def check(program: str) -> None:
    """Fail where the outcomes differ."""
    if real is None:
        pytest.skip("PyTorch is the reference")
    ours, theirs = outcome(torchlike, program), outcome(real, program)
    assert same(ours, theirs), f"\n{program}\nours      {ours}\nreference {theirs}"


if __name__ == "__main__":
    import sys

    for path in sys.argv[1:]:
        with open(path) as file:
            found = split(file.read())
        wrong = 0
        for number, program in enumerate(found):
            ours, theirs = outcome(torchlike, program), outcome(real, program)
            if not same(ours, theirs):
                wrong += 1
                print(f"--- {number}\n{program}\n  ours      {ours}\n  reference {theirs}")
        print(len(found), "programs,", wrong, "differ")
