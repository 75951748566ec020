"""torchlike.vision.ops, utils and io: torchvision's answers, recorded; files written and read."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

import torchlike as torch
from tests import vision_kit as kit
from tests import vision_ops as calls
from tests.test_vision_transforms import difference
from torchlike import vision
from torchlike.vision.ops.regions import _roi_align, _roi_pool

RECORDED = json.loads((Path(__file__).parent / "data" / "vision_ops.json").read_text())["answers"]


@pytest.mark.parametrize("name", calls.CALLS)
def test_same_answers(name):
    if name.startswith("draw"):
        pytest.importorskip("PIL")
    found = list(calls.plain(calls.CALLS[name](vision, torch)))
    assert difference(found, RECORDED[name], 0.02 if name.startswith("draw_seg") else 0.0) == ""


def test_nms_refuses():
    with pytest.raises(RuntimeError, match="boxes should have 4 elements in dimension 1, got 3"):
        vision.ops.nms(torch.zeros(2, 3), torch.zeros(2), 0.5)
    with pytest.raises(RuntimeError, match="same number of elements in dimension 0, got 2 and 3"):
        vision.ops.nms(torch.zeros(2, 4), torch.zeros(3), 0.5)


def test_nothing_to_keep_and_no_region():
    assert vision.ops.nms(torch.zeros(0, 4), torch.zeros(0), 0.5).tolist() == []
    assert vision.ops.roi_align(torch.ones(1, 2, 3, 3), torch.zeros(0, 5), 2, 1.0, 2).shape == (0, 2, 2, 2)
    assert vision.ops.roi_align(torch.ones(1, 2, 3, 3), torch.zeros(0, 5), 2).shape == (0, 2, 2, 2)
    assert vision.ops.roi_pool(torch.ones(1, 2, 3, 3), torch.zeros(0, 5), 2).shape == (0, 2, 2, 2)


def equations(jaxpr) -> int:
    """How many there are, those of inner programs among them."""
    return sum(1 + sum(map(equations, jaxprs_in_params(e.params))) for e in jaxpr.eqns)


@pytest.mark.parametrize("name", ["roi_align", "roi_pool"])
def test_more_regions_are_no_longer_program(name):
    def size(regions):
        rois = np.tile(np.float32([[0, 1, 1, 6, 5]]), (regions, 1))
        counts = np.full((regions, 2), 2, np.int32)
        bodies = {
            "roi_align": lambda x: _roi_align(x, rois, counts, (3, 2), (2, 2), 1.0, False),
            "roi_pool": lambda x: _roi_pool(x, rois, (3, 2), 1.0),
        }
        return equations(jax.make_jaxpr(bodies[name])(np.ones((1, 2, 8, 8), np.float32)).jaxpr)

    assert 10 < size(20) == size(300)


def test_of_equal_values_the_first_has_the_gradient():
    x = torch.ones(1, 1, 4, 4, requires_grad=True)
    vision.ops.roi_pool(x, torch.tensor([[0.0, 0, 0, 3, 3]]), 2).sum().backward()
    assert x.grad.tolist() == [[[[1, 0, 1, 0], [0] * 4, [1, 0, 1, 0], [0] * 4]]]  # torchvision's too


def test_frozen_norm_reads_the_state_of_a_trained_one():
    trained = torch.nn.BatchNorm2d(3)
    frozen = vision.ops.FrozenBatchNorm2d(3)
    frozen.load_state_dict(trained.state_dict())
    assert not list(frozen.parameters())
    assert set(frozen.state_dict()) == {"weight", "bias", "running_mean", "running_var"}


def test_unknown_modes_are_refused():
    with pytest.raises(ValueError, match="mode has to be either 'batch' or 'row'"):
        vision.ops.stochastic_depth(torch.ones(2), 0.5, "column")
    with pytest.raises(ValueError, match="Unsupported Bounding Box Conversions"):
        vision.ops.box_convert(torch.zeros(1, 4), "xyxy", "yx")


def test_pictures_survive_a_file(tmp_path):
    pytest.importorskip("PIL")
    array = kit.picture(6, 7).transpose(2, 0, 1).copy()
    vision.io.write_png(torch.from_numpy(array), tmp_path / "a.png")
    assert np.array_equal(vision.io.read_image(tmp_path / "a.png").numpy(), array)
    gray = vision.io.read_image(tmp_path / "a.png", vision.io.ImageReadMode.GRAY)
    assert gray.shape == (1, 6, 7)
    assert np.array_equal(vision.io.decode_image(vision.io.read_file(tmp_path / "a.png")).numpy(), array)
    jpeg = vision.io.decode_jpeg(vision.io.encode_jpeg(torch.from_numpy(array), quality=95))
    assert np.abs(jpeg.numpy().astype(int) - array).mean() < 25
    with pytest.raises(RuntimeError, match="uint8"):
        vision.io.encode_png(torch.zeros(3, 2, 2))


def test_saved_pictures_are_rounded_and_cut_off(tmp_path):
    pytest.importorskip("PIL")
    picture = torch.tensor([[[0.0, 0.5, 1.0], [-1.0, 2.0, 0.25]]]).expand(3, 2, 3)
    vision.utils.save_image(picture, tmp_path / "a.png")
    read = vision.io.read_image(tmp_path / "a.png")
    assert read[0].tolist() == [[0, 128, 255], [0, 255, 64]]


def test_labels_are_drawn():
    pytest.importorskip("PIL")
    canvas = torch.zeros(3, 30, 60, dtype=torch.uint8)
    box = torch.tensor([[2, 2, 50, 25]])
    with_label = vision.utils.draw_bounding_boxes(canvas, box, labels=["cat"], colors="red")
    assert with_label[0].sum().item() > vision.utils.draw_bounding_boxes(canvas, box, colors="red")[0].sum().item()
    with pytest.raises(ValueError, match="mismatch"):
        vision.utils.draw_bounding_boxes(canvas, box, labels=["a", "b"])
