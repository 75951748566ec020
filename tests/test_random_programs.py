"""Some of the random programs that `python -m tests.random_programs` draws by the thousand.

TORCHLIKE_SEED sets the first seed, TORCHLIKE_PROGRAMS how many times as many are run. They run in a process of their
own, because there NumPy evaluates the engine's programs; a few run here, with XLA.
"""

import os
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is the reference that the programs are compared with")

import torchlike  # noqa: E402
from tests.random_programs import aliasing, operators  # noqa: E402
from tests.random_programs.__main__ import ROOT  # noqa: E402
from tests.random_programs.program import shortened  # noqa: E402

SEED = int(os.environ.get("TORCHLIKE_SEED", "0"))
TIMES = int(os.environ.get("TORCHLIKE_PROGRAMS", "1"))


@pytest.mark.parametrize(("kind", "count"), [("aliasing", 300), ("operators", 100)])
def test_many(kind, count):
    command = [sys.executable, "-m", "tests.random_programs", kind, "--count", str(count * TIMES), "--seed", str(SEED)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{' '.join(command[1:])}\n{ended.stdout}\n{ended.stderr[-2000:]}"
    assert f"{count * TIMES} programs from seed {SEED}: 0 failed" in ended.stdout


@pytest.mark.slow  # random programs compile something new all the time
@pytest.mark.parametrize("kind", [aliasing, operators])
@pytest.mark.parametrize("seed", range(SEED + 500, SEED + 504))
def test_with_xla(kind, seed):
    lines = kind.generate(seed)
    try:
        kind.check(lines)
    except AssertionError as error:
        raise AssertionError("\n".join([f"seed {seed}", *lines, f"-> {error}"])) from error


def test_a_seed_draws_one_program():
    assert aliasing.generate(3) == aliasing.generate(3) != aliasing.generate(4)
    assert operators.generate(3) == operators.generate(3) != operators.generate(4)


def test_a_wrong_value_is_noticed(monkeypatch):
    monkeypatch.setattr(torchlike.Tensor, "zero_", lambda self: self)
    with pytest.raises(AssertionError, match=r"t0 = \[1\. 2\.\]"):
        aliasing.check(["t0 = torch.tensor([1.0, 2.0])", "t0.zero_()"])
    with pytest.raises(AssertionError, match="debugging: x0"):
        operators.check(["x0 = torch.tensor([1.0, 2.0])", "x0.zero_()"])


def test_a_program_is_shortened():
    lines = [f"line {i}" for i in range(20)]
    assert shortened(lines, lambda fewer: "line 3" in fewer and "line 17" in fewer) == ["line 3", "line 17"]
