"""torchlike.vision.transforms: torchvision's answers on small pictures, from the same seeds."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

import torchlike as torch
from tests import vision_transforms as cases
from torchlike.vision import transforms

pytest.importorskip("PIL")
RECORDED = json.loads(gzip.decompress((Path(__file__).parent / "data" / "vision_transforms.json.gz").read_bytes()))
ANSWERS = RECORDED["answers"]


def difference(found: list[np.ndarray], wanted: list, rounded: float = 0.0) -> str:
    """What differs first, "" if nothing does; a share `rounded` of integers may be one off."""
    if len(found) != len(wanted):
        return f"{len(found)} arrays for {len(wanted)}"
    for i, (a, (dtype, shape, values)) in enumerate(zip(found, wanted, strict=True)):
        if (str(a.dtype), list(a.shape)) != (dtype, shape):
            return f"{i}: {a.dtype} {a.shape} for {dtype} {shape}"
        b = np.array(values, np.float64).reshape(shape)
        off = np.abs(a.astype(np.float64) - b)
        if a.dtype.kind == "f":  # recorded with five digits behind the point, of numbers up to 3
            if off.size and not off.max() <= 2e-5:
                return f"{i}: floats differ by {off.max()}"
            continue
        least = (a.dtype.itemsize > 1) * 1e-7 * np.abs(b).max(initial=0)  # int32 of float32 has 24 bits
        if off.size and off.max() > least and (off.max() > 1 or (off > 0).mean() > rounded):
            return f"{i}: {int((off > 0).sum())} of {off.size} integers differ, by up to {off.max()}"
    return ""


@pytest.mark.parametrize("name", ANSWERS)
def test_same_answers(name):
    label, kind = name.split(" | ")
    # bytes of tensors are floats that were rounded: a sum in another order can fall on the other side
    rounded = 0.02 if "bytes" in kind or "AugMix" in label else 0.0  # which makes tensors of pictures
    assert difference(cases.answers(transforms, torch, label, kind), ANSWERS[name], rounded) == ""


def test_all_cases_are_recorded():
    assert {f"{name} | {kind}" for name, (kinds, _) in cases.CASES.items() for kind in kinds} == set(ANSWERS)


def test_difference_sees():
    wanted = [["uint8", [2], [1, 2]], ["float32", [1], [0.5]]]
    same = [np.array([1, 2], np.uint8), np.array([0.5], np.float32)]
    assert difference(same, wanted) == ""
    assert difference([np.array([1, 3], np.uint8), same[1]], wanted)
    assert difference([same[0], np.array([0.5001], np.float32)], wanted)
    assert difference(same[:1], wanted)
    assert difference([same[0].astype(np.int64), same[1]], wanted)


F = transforms.functional
RECORDABLE = {
    "normalize": lambda x: F.normalize(x, [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]),
    "resize": lambda x: F.resize(x, [5, 7]),
    "crop": lambda x: F.crop(x, -1, 9, 6, 9),
    "pad": lambda x: F.pad(x, [1, 2], fill=[1, 2, 3]),
    "rotate": lambda x: F.rotate(x, 33, transforms.InterpolationMode.BILINEAR, fill=[0.5]),
    "gaussian_blur": lambda x: F.gaussian_blur(x, 3),
    "adjust_hue": lambda x: F.adjust_hue(x, 0.2),
    "adjust_contrast": lambda x: F.adjust_contrast(x, 1.3),
    "erase": lambda x: F.erase(x, 1, 2, 3, 4, torch.zeros(3, 1, 1)),
}


@pytest.mark.parametrize("name", RECORDABLE)
def test_with_a_gradient_the_same_function_is_an_operation(name):
    x = cases.given(torch, "floats")
    plain = RECORDABLE[name](x)
    x.requires_grad_()
    recorded = RECORDABLE[name](x)
    assert recorded.grad_fn is not None
    np.testing.assert_allclose(recorded.detach().numpy(), plain.numpy(), rtol=1e-5, atol=1e-6)
    recorded.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()


def test_nests_are_transformed_with_one_draw():
    v2 = transforms.v2
    picture, label = cases.given(torch, "picture"), torch.tensor(3)
    torch.manual_seed(1)
    made = v2.RandomCrop(5)({"a": picture, "b": [picture, label], "c": "name"})
    assert np.array_equal(np.asarray(made["a"]), np.asarray(made["b"][0]))
    assert made["b"][1] is label
    assert made["c"] == "name"
    image, target = v2.ToDtype(torch.float32, scale=True)(torch.ones(3, 2, 2, dtype=torch.uint8), label)
    assert image.dtype is torch.float32
    assert target is label


def test_bad_arguments():
    x = torch.zeros(3, 4, 4)
    with pytest.raises(ValueError, match="Required crop size"):
        transforms.RandomCrop(9)(x)
    with pytest.raises(ValueError, match=r"hue_factor \(0.7\) is not in"):
        F.adjust_hue(x, 0.7)
    with pytest.raises(ValueError, match="std evaluated to zero"):
        F.normalize(x, [0.0] * 3, [1.0, 0.0, 1.0])
    with pytest.raises(RuntimeError, match="cannot be performed safely"):
        F.convert_image_dtype(x, torch.int32)
    with pytest.raises(TypeError, match="pic should be PIL Image or ndarray"):
        F.to_tensor([1])
    with pytest.raises(ValueError, match="unsupported with Tensor"):
        F.resize(x, 2, transforms.InterpolationMode.LANCZOS)


@pytest.mark.parametrize(
    ("make", "shown"),
    [
        (lambda T: T.Resize(4), "Resize(size=4, interpolation=bilinear, max_size=None, antialias=True)"),
        (lambda T: T.CenterCrop(4), "CenterCrop(size=(4, 4))"),
        (lambda T: T.RandomHorizontalFlip(), "RandomHorizontalFlip(p=0.5)"),
        (lambda T: T.Compose([T.ToTensor()]), "Compose(\n    ToTensor()\n)"),
        (lambda T: T.Normalize((0.5,), (0.2,)), "Normalize(mean=(0.5,), std=(0.2,))"),
        (lambda T: T.RandomCrop(3, padding=1), "RandomCrop(size=(3, 3), padding=1)"),
    ],
)
def test_reprs(make, shown):
    assert repr(make(transforms)) == shown
