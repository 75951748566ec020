"""torchlike.vision.models: torchvision's names, shapes, first weights and outputs, all recorded."""

from __future__ import annotations

import gzip
import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest

import torchlike as torch
from tests import vision_kit as kit
from torchlike import creation
from torchlike.nn import init
from torchlike.vision import models

RECORDED = json.loads(gzip.decompress((Path(__file__).parent / "data" / "vision_models.json.gz").read_bytes()))


@pytest.fixture
def weightless(monkeypatch):
    """Parameters take no memory and no time to fill: each is one number shown everywhere."""
    zero = torch.zeros(())

    def shown(*size, **_):
        return zero.expand(size[0] if isinstance(size[0], tuple) else size)

    for name in ("empty", "ones", "zeros"):
        monkeypatch.setattr(creation, name, shown)
    for name, _ in inspect.getmembers(init, inspect.isfunction):
        if name.endswith("_") or name == "_layer_defaults":
            monkeypatch.setattr(init, name, lambda tensor, *_, **__: tensor)


def differences(found: dict, wanted: dict) -> list[str]:
    """The names that only one side has, and those of other shapes or in another order."""
    lines = [f"{k} {found.get(k)} {wanted.get(k)}" for k in {**found, **wanted} if found.get(k) != wanted.get(k)]
    return lines or [f"order: {a} {b}" for a, b in zip(found, wanted, strict=True) if a != b]


def test_every_recorded_model_is_here():
    assert models.list_models() == sorted(RECORDED["states"])


@pytest.mark.parametrize("name", sorted(RECORDED["states"]))
def test_names_and_shapes(name, weightless):
    options = {"init_weights": False} if name == "googlenet" else {}
    model = models.get_model(name, **options)
    assert not differences(kit.shapes_of(model), {k: tuple(v) for k, v in RECORDED["states"][name].items()})


def test_differences_are_seen():
    assert differences({"a": (1,)}, {"a": (2,)})
    assert differences({"a": (1,), "b": ()}, {"b": (), "a": (1,)})


def outputs(name: str) -> tuple[np.ndarray, np.ndarray]:
    with torch.no_grad():
        found = kit.fill(torch, kit.build(models, name))(torch.from_numpy(kit.batch(name)))
    wanted = np.array(RECORDED["outputs"][name], np.float32).reshape(found.shape)
    return found.numpy(), wanted


EVERYDAY = ("resnet bottleneck", "mobilenet_v3", "efficientnet", "vit", "densenet", "vgg")
"""Whose outputs are compared every day; each takes seconds of compilation."""


def slow(names):
    return [n if n in EVERYDAY else pytest.param(n, marks=pytest.mark.slow) for n in names]


@pytest.mark.parametrize("name", slow(RECORDED["outputs"]))
def test_outputs(name):
    found, wanted = outputs(name)
    # sums of up to 4608 float32 products in other orders, through up to 200 layers
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("name", RECORDED["first"])
def test_first_weights(name):
    torch.manual_seed(0)
    assert kit.checksums(kit.build(models, name)) == RECORDED["first"][name]


def test_trained_weights_are_refused():
    with pytest.raises(NotImplementedError, match=r"model.load_state_dict\(torch.load"):
        models.resnet18(weights="DEFAULT")
    with pytest.raises(NotImplementedError, match="ResNet18_Weights"):
        models.ResNet18_Weights  # noqa: B018
    with pytest.raises(ValueError, match="Unknown model lenet"):
        models.get_model("lenet")


def test_older_files_load():
    model = models.DenseNet(8, (2,), 16)
    old = {re.sub(r"(denselayer\d+\.(?:norm|conv))([12])\.", r"\1.\2.", k): v for k, v in model.state_dict().items()}
    assert set(old) != set(model.state_dict())
    assert not model.load_state_dict(old).missing_keys


def test_the_page_about_vision_runs(capsys):
    page = (Path(__file__).parents[1] / "docs" / "vision.md").read_text()
    for block in re.findall(r"```python\n(.*?)```", page, re.S):
        exec(compile(block, "docs/vision.md", "exec"), {})
    assert capsys.readouterr().out == (
        "torch.Size([1, 10])\ntorch.Size([3, 14, 17]) [[8, 2, 14, 6]] (14, 17) torch.int64\n"
    )
