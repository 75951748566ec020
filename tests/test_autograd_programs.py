"""The programs of `tests/autograd_programs.py`: values, exceptions with their words, and warnings as in PyTorch.

    python -m tests.test_autograd_programs        writes what PyTorch does into tests/data/autograd_outcomes.json
"""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import torchlike
from tests.autograd_programs import DIFFERENT, PRELUDE, PROGRAMS
from tests.test_surface import find

try:
    import torch as real
except ImportError:
    real = None

DATA = Path(__file__).parent / "data" / "autograd_outcomes.json"
PRELUDE_CODE = compile(PRELUDE, "<prelude>", "exec")


def plain(x: Any, tensors: type) -> Any:
    """An outcome as JSON can hold it."""
    if isinstance(x, tensors):
        return [str(x.dtype), list(x.shape), x.requires_grad, x.detach().tolist()]
    if isinstance(x, dict):
        return {k: plain(v, tensors) for k, v in x.items()}
    if isinstance(x, list | tuple):
        return [plain(v, tensors) for v in x]
    return x if isinstance(x, int | float | str | None) else str(x)


def words(message: str, *, first: bool = False) -> str:
    """A message without what differs from run to run: addresses, and where in PyTorch's source a warning was made."""
    message = re.sub(r" \(Triggered internally at .*\)$", "", message, flags=re.DOTALL)
    message = re.sub(r"0x[0-9a-f]+", "0x0", message)
    return message.split("\n")[0].strip() if first else message.strip()


def outcome(root: ModuleType, program: str) -> Any:
    """What the program leaves in `out` or how it fails, and the warnings on the way (of a traceback the first line)."""
    space = {"torch": root, "__name__": __name__, "use": lambda name: find(root, name), "out": None}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(PRELUDE_CODE, space)
            exec(compile(program, "<program>", "exec"), space)
            ended = plain(space["out"], root.Tensor)
        except Exception as error:
            ended = f"{type(error).__name__}: {words(str(error))}"
    root.set_grad_enabled(True)
    return [ended, [f"{w.category.__name__}: {words(str(w.message), first=True)}" for w in caught]]


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return bool(np.isclose(a, b, rtol=1e-5, atol=1e-6, equal_nan=True))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


RECORDED = json.loads(DATA.read_text()) if DATA.exists() else {}


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_outcome(name: str):
    ours, theirs = outcome(torchlike, PROGRAMS[name]), RECORDED[name]
    if name in DIFFERENT:
        assert not same(ours, theirs), "it agrees now: take it off the list"
    else:
        assert same(ours, theirs), f"\n{ours}\nPyTorch: {theirs}"


@pytest.mark.skipif(real is None, reason="PyTorch is the reference")
def test_the_record_is_what_pytorch_does():
    assert list(RECORDED) == list(PROGRAMS)
    real.set_warn_always(True)
    try:
        assert [n for n in PROGRAMS if not same(outcome(real, PROGRAMS[n]), RECORDED[n])] == []
    finally:
        real.set_warn_always(False)


def test_the_list_names_programs():
    assert set(DIFFERENT) <= set(PROGRAMS)


def test_the_comparison_can_fail():
    assert not same(1.0, 1.001)
    assert not same([1.0], [1.0, 1.0])
    assert not same(1, True)
    assert not same("RuntimeError: a", "RuntimeError: b")


if __name__ == "__main__":
    assert real is not None
    real.set_warn_always(True)
    rows = [f"{json.dumps(n)}: {json.dumps(outcome(real, p))}" for n, p in PROGRAMS.items()]
    DATA.write_text("{\n" + ",\n".join(rows) + "\n}\n")
