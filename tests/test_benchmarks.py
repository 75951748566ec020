"""The benchmark commands run: the least of rounds over shrunken sizes, and what they say about themselves."""

import json
import subprocess
import sys

import pytest

from tests.benchmarks import lengths, recording, report, turns
from tests.benchmarks.contenders import CONTENDERS, HAND, Absent, contender, present
from tests.benchmarks.models import PIECES, ROWS, row
from tests.benchmarks.setting import Setting
from tests.benchmarks.utilisation import PEAKS, peak, utilisation

TINY = Setting(small=True)
SINGLE = [c for c in present() if c in (HAND, "torchlike", "torchlike fullgraph", "Flax NNX", "PyTorch")]


def command(module: str, *arguments: str) -> str:
    return subprocess.run(
        report.command(module, *arguments), capture_output=True, text=True, check=True
    ).stdout


def slow(*names: str) -> list:
    return [pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", ["mlp", *slow("gpt", "cnn", "lstm", "resnet", "resnet50", "gpt2")])
def test_contenders_compute_the_same(name):
    losses = {}
    for which in SINGLE:
        step = contender(which, name, TINY)
        losses[which] = [step() for _ in range(3)]
    reference = losses.pop(HAND)
    for which, found in losses.items():
        assert found == pytest.approx(reference, rel=1e-4), which


@pytest.mark.parametrize("name", ["mlp", *slow("gpt2", "resnet50")])
def test_contenders_compute_the_same_in_mixed_precision(name):
    half = Setting(dtype="bfloat16", small=True)
    reference = contender(HAND, name, half)()
    for which in SINGLE:
        assert contender(which, name, half)() == pytest.approx(reference, rel=0.03), which


@pytest.mark.parametrize("name", ["tiny", "reads", "persample"])
def test_small_programs_compute_the_same(name):
    reference = contender(HAND, name, TINY)()
    for which in ("torchlike", "PyTorch"):
        if which in present():
            assert contender(which, name, TINY)() == pytest.approx(reference, rel=1e-4), which


def test_a_contender_without_a_row_says_so():
    with pytest.raises(Absent):
        contender("Flax NNX", "tiny", TINY)


def test_another_result_is_found_out():
    with pytest.raises(SystemExit, match="torchlike computes something else"):
        turns._agree({HAND: 1.0, "torchlike": 1.1}, 1e-3)
    with pytest.raises(SystemExit):
        turns._agree({HAND: 1.0, "torchlike": float("nan")}, 1e-3)


def test_the_gpt_row_is_what_is_promised():
    gpt = ROWS["gpt"]
    assert (gpt.layers, gpt.width, gpt.tokens, gpt.batch) == (4, 128, 64, 12)
    assert gpt.recipe.clip
    assert gpt.recipe.decay


def test_operations_are_counted():
    assert ROWS["resnet50"].flops() == pytest.approx(256 * 3 * 2 * 4.1e9, rel=0.01)  # torchvision's 4.09 G products
    assert ROWS["gpt2"].flops() == pytest.approx(6 * 124e6 * 16 * 1024, rel=0.2)  # and attention's


def test_utilisation(monkeypatch):
    for model, peaks in PEAKS.items():
        assert peak(f"NVIDIA {model} 80GB", "bfloat16") == peaks["bfloat16"]
    monkeypatch.setattr(report, "gpu", lambda: "NVIDIA A100-SXM4-80GB")
    assert utilisation(312e12, 2.0, Setting("cuda", "bfloat16")) == 0.5
    assert utilisation(312e12, 2.0, Setting("cpu", "bfloat16")) is None


def test_recording_cost():
    costs = recording.measure(1)
    assert set(costs) == set(recording.AIMS)
    assert all(0 < taken < 1e5 for taken in costs.values())


def test_the_table_of_steps(tmp_path):
    file = tmp_path / "steps.json"
    arguments = ["mlp", "reads", "--rounds", "1", "--seconds", "0.001", "--contenders", HAND, "torchlike"]
    said = command("train_step", *arguments, "--json", str(file), "--picture", str(tmp_path / "steps.png"))
    written = json.loads(file.read_text())
    assert written["machine"]["processor"] in said.splitlines()[0]
    assert {row: set(medians) for row, medians in written["figures"].items()} == {
        row: {HAND, "torchlike"} for row in ("mlp", "reads")
    }
    assert (tmp_path / "steps.png").stat().st_size > 1000


@pytest.mark.slow
def test_memory_and_lengths():
    assert "hand-written JAX" in command("memory", "wide", "--small", "--rounds", "1", "--steps", "2")
    assert set(lengths.measure(2, 1)) <= {*CONTENDERS, "torchlike buckets"}


def test_start():
    assert "start: import" in command("start", "import", "--rounds", "1")


def test_the_command_for_everything(tmp_path):
    file = tmp_path / "all.json"
    run = [sys.executable, "-m", "tests.benchmarks"]
    subprocess.run([*run, "recording", "--rounds", "1", "--json", str(file)], check=True, capture_output=True)
    assert set(json.loads(file.read_text())) == {"machine", "figures"}
    for wrong in (["nothing"], ["start", "--dtype", "bfloat16"], ["start", "--picture", "x.png"]):
        assert subprocess.run([*run, *wrong], capture_output=True).returncode == 2


def test_every_row_has_data():
    for name in ROWS:
        x, y = row(name, TINY).batches()[0]
        assert len(x) == len(y)
    assert not set(ROWS) & set(PIECES)
