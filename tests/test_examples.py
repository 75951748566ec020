"""The examples, README and every docstring, run as a reader would run them."""

from __future__ import annotations

import doctest
import importlib
import importlib.util
import json
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import torchlike

ROOT = Path(__file__).parent.parent
HAS_TORCH = importlib.util.find_spec("torch") is not None
needs_torch = pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is the reference here")


def run(script: Path, *args: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(script), *args], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("flags", [(), ("--compile",)])
def test_classifier_learns(tmp_path, flags):
    printed = run(ROOT / "examples" / "train_classifier.py", "--out", str(tmp_path), *flags)
    accuracy = float(re.findall(r"test accuracy ([\d.]+) %", printed)[-1])
    assert accuracy >= 97.0
    assert len(re.findall(r"class \d: ", printed)) == 10
    assert (tmp_path / "checkpoint.pt").stat().st_size > 10_000
    assert (tmp_path / "learning_curve.png").read_bytes().startswith(b"\x89PNG")


def test_classifier_resumes(tmp_path):
    script = ROOT / "examples" / "train_classifier.py"
    run(script, "--epochs", "2", "--out", str(tmp_path))
    printed = run(script, "--epochs", "1", "--resume", "--out", str(tmp_path))
    assert "resumed after epoch 2" in printed
    assert "epoch  3" in printed
    history = json.loads((tmp_path / "history.json").read_text())
    steps = len(history["loss"]) // 3
    assert len(history["accuracy"]) == 3
    assert sum(history["loss"][-steps:]) < 0.5 * sum(history["loss"][:steps])


@pytest.mark.slow
@needs_torch
def test_classifier_gives_the_same_loss_curve_under_pytorch(tmp_path):
    source = (ROOT / "examples" / "train_classifier.py").read_text()
    assert source.count("import torchlike as torch") == 1
    script = tmp_path / "with_pytorch.py"
    script.write_text(source.replace("import torchlike as torch", "import torch"))
    curves = []
    for path, out in ((ROOT / "examples" / "train_classifier.py", "ours"), (script, "theirs")):
        run(path, "--epochs", "3", "--out", str(tmp_path / out))
        curves.append(json.loads((tmp_path / out / "history.json").read_text()))
    ours, theirs = curves
    assert len(ours["loss"]) == len(theirs["loss"]) == 135
    # same weights, batches and dropout masks; rounding differs and training amplifies it slowly
    assert ours["loss"][0] == pytest.approx(theirs["loss"][0], rel=1e-5)
    assert ours["loss"][:45] == pytest.approx(theirs["loss"][:45], rel=1e-3)
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=2e-2, abs=2e-3)
    assert ours["accuracy"] == pytest.approx(theirs["accuracy"], abs=0.009)


@pytest.mark.slow
def test_the_gpt_writes_and_resumes(tmp_path):
    script = ROOT / "examples" / "character_gpt.py"
    printed = run(script, "--smoke", "--out", str(tmp_path))
    losses = [float(x) for x in re.findall(r"held-out loss ([\d.]+)", printed)]
    assert len(losses) == 2
    assert losses[1] < losses[0] < 5
    assert printed.strip().rpartition("checkpoint.pt\n")[2].startswith("The ")
    printed = run(script, "--smoke", "--resume", "--steps", "3", "--out", str(tmp_path))
    assert "resumed after step 30" in printed
    assert "step    33" in printed


def test_compare_gradients():
    printed = run(ROOT / "examples" / "compare_gradients.py")
    assert "BROKEN" not in printed
    assert len(re.findall(r"jax\.grad", printed)) == 3
    assert ("PyTorch      float32" in printed) == HAS_TORCH


def test_readme_taste():
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len(block.strip().splitlines()) <= 15
    run_here = subprocess.run(
        [sys.executable, "-c", block], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert run_here.returncode == 0, run_here.stderr
    assert float(run_here.stdout.split()[0]) < 1e-3
    assert "'programs'" in run_here.stdout


MODULES = ["torchlike", *(m.name for m in pkgutil.walk_packages(torchlike.__path__, "torchlike."))]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
    assert result.failed == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train_cifar10", "train_mnist", "finetune_resnet"])
def test_image_examples_run_and_resume(tmp_path, name):
    script = ROOT / "examples" / f"{name}.py"
    options = ("--smoke", "--out", str(tmp_path))
    printed = run(script, *options)
    assert len(re.findall(r"\d+ of \d+ correct", printed)) == 10
    for picture in ("learning_curves", "confusion", "mistakes", "filters"):
        assert (tmp_path / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
    printed = run(script, *options, "--resume")
    assert "resumed after epoch 1" in printed
    assert "epoch  2" in printed
