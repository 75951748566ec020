"""torchlike.vision.tv_tensors and transforms of version 2 on samples: torchvision's answers, recorded."""

from __future__ import annotations

import copy
import gzip
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import torchlike as torch
from tests import vision_samples as cases
from tests.test_vision_transforms import difference
from torchlike.utils.data import DataLoader
from torchlike.vision import tv_tensors
from torchlike.vision.transforms import v2

RECORDED = json.loads(gzip.decompress((Path(__file__).parent / "data" / "vision_samples.json.gz").read_bytes()))
ANSWERS = RECORDED["answers"]


@pytest.mark.filterwarnings("ignore:RandomErasing")
@pytest.mark.parametrize("name", cases.CASES)
def test_same_answers(name):
    assert difference(cases.answers(v2, tv_tensors, torch, name), ANSWERS[name], 0.02) == ""


def test_all_cases_are_recorded():
    assert list(cases.CASES) == list(ANSWERS)


def sample_boxes(**options):
    return tv_tensors.BoundingBoxes([[2.0, 1, 8, 5]], **{"format": "XYXY", "canvas_size": (12, 15)} | options)


KINDS = {
    "image": lambda: tv_tensors.Image(torch.zeros(3, 2, 2)),
    "mask": lambda: tv_tensors.Mask(torch.zeros(2, 2, dtype=torch.int64)),
    "boxes": lambda: sample_boxes(clamping_mode=None),
}


def facts(x):
    return type(x), x.tolist(), *(getattr(x, name, "none") for name in ("format", "canvas_size", "clamping_mode"))


@pytest.mark.parametrize("kind", KINDS)
def test_copies_keep_the_kind_and_operations_do_not(kind):
    x = KINDS[kind]()
    same = [x.clone(), x.detach(), x.to("cpu"), copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))]
    assert [facts(made) for made in same] == [facts(x)] * 6
    assert facts(x.to(torch.float64))[2:] == facts(x)[2:]
    assert {type(made) for made in (x + 1, x[0], x.sum(), torch.cat([x, x]), x.as_subclass(torch.Tensor))} == {
        torch.Tensor
    }
    assert facts(tv_tensors.wrap(x + 1, like=x))[2:] == facts(x)[2:]
    assert x.untyped_storage().data_ptr() == x.detach().untyped_storage().data_ptr()


def test_what_they_are_made_of():
    plain = torch.ones(4, 5, requires_grad=True)
    image = tv_tensors.Image(plain)
    assert (image.shape, image.requires_grad) == ((1, 4, 5), True)
    assert type(plain) is torch.Tensor
    assert tv_tensors.Mask([[1, 0]], dtype=torch.uint8).dtype is torch.uint8
    assert sample_boxes().shape == tv_tensors.BoundingBoxes([2, 1, 8, 5], format="xywh", canvas_size=(9, 9)).shape
    assert repr(sample_boxes()) == (
        "BoundingBoxes([[2., 1., 8., 5.]], format=BoundingBoxFormat.XYXY, canvas_size=(12, 15), clamping_mode=soft)"
    )
    for bad, message in (
        (lambda: tv_tensors.Image(torch.ones(3)), "Tensor must be 2D or higher, got 1D tensor"),
        (lambda: tv_tensors.BoundingBoxes(torch.ones(1, 1, 4), format="XYXY", canvas_size=(1, 1)), "got 3D"),
        (lambda: sample_boxes(clamping_mode="no"), "clamping_mode must be None, hard or soft, got no"),
    ):
        with pytest.raises(ValueError, match=message):
            bad()


def test_what_is_not_there_says_so():
    with pytest.raises(NotImplementedError, match="rotated boxes are not there"):
        sample_boxes(format="CXCYWHR")
    with pytest.raises(NotImplementedError, match="use Image, whose first dimensions may be frames"):
        tv_tensors.Video  # noqa: B018
    with pytest.raises(NotImplementedError, match="v2.JPEG is not there: encode and decode by"):
        v2.JPEG  # noqa: B018
    with pytest.raises(AttributeError):
        v2.Nothing  # noqa: B018
    with pytest.raises(NotImplementedError, match="transform a Mask of each object instead"):
        v2.ElasticTransform(sigma=0.5)(sample_boxes())


def test_which_tensors_are_transformed():
    image, plain, mask = tv_tensors.Image(torch.ones(1, 4, 4)), torch.ones(1, 4, 4), KINDS["mask"]()
    crop = v2.CenterCrop(2)
    assert [x.shape[-1] for x in crop(image, plain, plain)] == [2, 4, 4]
    assert [x.shape[-1] for x in crop(mask, plain, plain)] == [2, 2, 4]
    assert [type(x) for x in v2.ToImage()(plain, mask)] == [tv_tensors.Image, tv_tensors.Mask]


def test_boxes_carry_gradients():
    plain = torch.tensor([[2.0, 1, 8, 5]], requires_grad=True)
    boxes = tv_tensors.BoundingBoxes(plain, format="XYXY", canvas_size=(12, 15))
    moved = v2.functional.resize(v2.functional.hflip(boxes), [6, 5])
    moved[0, :2].sum().backward()
    assert type(moved) is tv_tensors.BoundingBoxes
    np.testing.assert_allclose(plain.grad.numpy(), [[0, 0.5, -1 / 3, 0]], rtol=1e-6)


def test_dtypes_by_kind():
    both = (tv_tensors.Image(torch.ones(1, 2, 2, dtype=torch.uint8)), KINDS["mask"]())
    image, mask = v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True)(*both)
    assert (image.dtype, mask.dtype) == (torch.float32, torch.int64)
    assert image.max().item() == pytest.approx(1 / 255)
    assert [x.dtype for x in v2.ToDtype(torch.float16)(*both)] == [torch.float16, torch.int64]
    assert v2.ToDtype({tv_tensors.Mask: torch.uint8, "others": None})(*both)[1].dtype is torch.uint8
    with pytest.raises(ValueError, match="No dtype was specified for type"):
        v2.ToDtype({tv_tensors.Mask: torch.uint8})(*both)


def test_colours_by_kind():
    image, mask = tv_tensors.Image(torch.zeros(1, 2, 2)), KINDS["mask"]()
    image, mask = v2.Pad(1, fill={tv_tensors.Image: 0.5, "others": 9})(image, mask)
    assert (image[0, 0].tolist(), mask[0].tolist()) == ([0.5] * 4, [9] * 4)


def test_bad_samples():
    image = tv_tensors.Image(torch.zeros(3, 4, 4, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"Found multiple HxW dimensions in the sample: \(4, 4\), \(12, 15\)"):
        v2.RandomCrop(2)(image, sample_boxes())
    with pytest.raises(TypeError, match=r"Inputs of type BoundingBoxes are not supported by RandAugment\(\)"):
        v2.RandAugment()(image, sample_boxes())
    with pytest.raises(TypeError, match="single image or video, but found 2"):
        v2.AugMix()(image, image)
    with pytest.raises(TypeError, match="Mask's and KeyPoints are not supported by FiveCrop"):
        v2.FiveCrop(2)(image, KINDS["mask"]())
    with pytest.raises(ValueError, match="Padding mode 'edge' is not supported with bounding boxes"):
        v2.Pad(1, padding_mode="edge")(sample_boxes())
    with pytest.raises(TypeError, match="requires input sample to contain tensor or PIL images and bounding boxes"):
        v2.RandomIoUCrop()(sample_boxes())
    with pytest.raises(ValueError, match="Invalid side range"):
        v2.RandomZoomOut(side_range=(0.5, 2))
    with pytest.raises(ValueError, match="Length of permutation does not match number of channels: 2 != 3"):
        v2.functional.permute_channels(image, [1, 0])
    with pytest.raises(ValueError, match="No bounding boxes were found in the sample"):
        v2.SanitizeBoundingBoxes(labels_getter=None)(image)
    with pytest.warns(UserWarning, match="currently passing through inputs of type tv_tensors.Mask"):
        v2.RandomErasing(1.0)(tv_tensors.Image(torch.zeros(3, 9, 9)), tv_tensors.Mask(torch.zeros(9, 9)))


@pytest.mark.parametrize("mix", [v2.MixUp, v2.CutMix])
def test_mixing_refuses(mix):
    x, y = torch.zeros(4, 3, 2, 2), torch.tensor([0, 1, 1, 0])
    for given, options, message in (
        ((x, y), {}, "num_classes must be passed if the labels are index-based"),
        ((x, y[:3]), {"num_classes": 2}, "does not match the batch size of the labels: 4 != 3"),
        ((x[0], y), {"num_classes": 2}, "Expected a batched input with 4 dims, but got 3"),
        ((x, y.reshape(1, 2, 2)), {}, "but got a tensor of shape"),
        ((x, torch.zeros(4, 3)), {"num_classes": 2}, "last dimension must match num_classes: 3 != 2"),
        ((x, "labels"), {}, "a two-tuple whose second item is a dictionary or a tensor"),
        ({"x": x, "y": y}, {}, "Could not infer where the labels are"),
        ((x, KINDS["mask"]()), {}, "does not support PIL images, bounding boxes"),
    ):
        with pytest.raises(ValueError, match=message):
            mix(**options)(given)
    with pytest.raises(ValueError, match="labels_getter should either be"):
        mix(labels_getter=3)


def test_samples_come_whole_from_workers():
    data = [(tv_tensors.Image(torch.ones(3, 2, 2) * i), sample_boxes()) for i in range(2)]
    for image, boxes in DataLoader(data, batch_size=None, num_workers=1):
        assert (type(image), facts(boxes)) == (tv_tensors.Image, facts(sample_boxes()))
    (batch,) = DataLoader([image for image, _ in data], batch_size=2, num_workers=1)
    assert (type(batch), batch[:, 0, 0, 0].tolist()) == (torch.Tensor, [0, 1])
