"""Transforms of version 2 on samples of pictures, masks, boxes and labels, to be compared with torchvision's.

A case is a function of torchvision's module `transforms.v2` that gives a transform; samples are functions of
`tv_tensors` and `torch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.vision_kit import numbers, picture

HEIGHT, WIDTH = 12, 15
XYXY = np.array([[2, 1, 8, 5], [0, 3, 15, 12], [7, 7, 7.5, 9.25], [11, 2, 14, 11]], np.float32)


def boxes(tv: Any, torch: Any, fmt: str = "XYXY", dtype: str = "float32", clamping_mode: Any = "soft") -> Any:
    x1, y1, x2, y2 = XYXY.T
    w, h = x2 - x1, y2 - y1
    columns = {"XYXY": (x1, y1, x2, y2), "XYWH": (x1, y1, w, h), "CXCYWH": (x1 + w / 2, y1 + h / 2, w, h)}[fmt]
    tensor = torch.from_numpy(np.stack(columns, 1)).to(getattr(torch, dtype))
    return tv.BoundingBoxes(tensor, format=fmt, canvas_size=(HEIGHT, WIDTH), clamping_mode=clamping_mode)


def masks(tv: Any, torch: Any) -> Any:
    return tv.Mask(torch.from_numpy(np.stack([picture(HEIGHT, WIDTH, 1, salt) // 64 for salt in range(4)])))


def image(tv: Any, torch: Any) -> Any:
    return tv.Image(torch.from_numpy(np.ascontiguousarray(picture(HEIGHT, WIDTH, 3, 5).transpose(2, 0, 1))))


SAMPLES: dict[str, Callable[[Any, Any], Any]] = {
    "detection": lambda tv, torch: (
        image(tv, torch), {"boxes": boxes(tv, torch), "labels": torch.arange(4), "masks": masks(tv, torch)},
    ),
    "XYWH": lambda tv, torch: [boxes(tv, torch, "XYWH"), image(tv, torch)],
    "CXCYWH": lambda tv, torch: [image(tv, torch), boxes(tv, torch, "CXCYWH", clamping_mode=None)],
    "integers": lambda tv, torch: [boxes(tv, torch, dtype="int64"), masks(tv, torch)[1:], "name", 3],
    "segmentation": lambda tv, torch: (
        torch.from_numpy(numbers((3, HEIGHT, WIDTH), 3)), tv.Mask(torch.from_numpy(picture(HEIGHT, WIDTH, 1, 2) // 50)),
    ),
}  # fmt: skip

GEOMETRIC: dict[str, Callable[[Any], Any]] = {
    "RandomHorizontalFlip": lambda v2: v2.RandomHorizontalFlip(1.0),
    "RandomVerticalFlip": lambda v2: v2.RandomVerticalFlip(0.9),
    "Resize": lambda v2: v2.Resize((9, 20)),
    "Resize a side": lambda v2: v2.Resize(7, antialias=False),
    "CenterCrop": lambda v2: v2.CenterCrop((7, 9)),
    "CenterCrop larger": lambda v2: v2.CenterCrop((16, 8)),
    "Pad": lambda v2: v2.Pad([1, 2, 3, 4], fill=2),
    "RandomCrop": lambda v2: v2.RandomCrop((6, 9), padding=1),
    "RandomCrop padded": lambda v2: v2.RandomCrop(14, pad_if_needed=True),
    "RandomResizedCrop": lambda v2: v2.RandomResizedCrop((8, 6), antialias=True),
    "RandomRotation": lambda v2: v2.RandomRotation(40),
    "RandomRotation expanded": lambda v2: v2.RandomRotation(30, expand=True, fill=1),
    "RandomRotation about": lambda v2: v2.RandomRotation((10, 20), center=[3, 4]),
    "RandomAffine": lambda v2: v2.RandomAffine(20, (0.2, 0.3), (0.8, 1.3), (-5, 5, -9, 9)),
    "ScaleJitter": lambda v2: v2.ScaleJitter((11, 14), (0.4, 1.3)),
    "RandomShortestSize": lambda v2: v2.RandomShortestSize([5, 8, 20], 18),
    "RandomResize": lambda v2: v2.RandomResize(5, 17),
    "RandomZoomOut": lambda v2: v2.RandomZoomOut(3, (1.0, 2.0), p=0.8),
    "RandomPerspective": lambda v2: v2.RandomPerspective(0.4, p=1.0),
}
OTHER: dict[str, Callable[[Any], Any]] = {
    "ColorJitter": lambda v2: v2.ColorJitter(0.4, 0.3),
    "RandomInvert": lambda v2: v2.RandomInvert(1.0),
    "RandomErasing": lambda v2: v2.RandomErasing(1.0, value=7),
    "GaussianBlur": lambda v2: v2.GaussianBlur(3),
    "ToImage": lambda v2: v2.ToImage(),
    "ToPureTensor": lambda v2: v2.ToPureTensor(),
    "ConvertBoundingBoxFormat": lambda v2: v2.ConvertBoundingBoxFormat("CXCYWH"),
    "ClampBoundingBoxes": lambda v2: v2.ClampBoundingBoxes(),
    "SanitizeBoundingBoxes": lambda v2: v2.SanitizeBoundingBoxes(),
    "RandomIoUCrop": lambda v2: v2.RandomIoUCrop(sampler_options=[0.1, 0.3]),
    "RandomIoUCrop sometimes": lambda v2: v2.RandomIoUCrop(0.5, trials=3),
    "RandomPhotometricDistort": lambda v2: v2.RandomPhotometricDistort(p=0.7),
    "RandomChannelPermutation": lambda v2: v2.RandomChannelPermutation(),
    "RGB": lambda v2: v2.RGB(),
    "ConvertImageDtype": lambda v2: v2.ConvertImageDtype(),
    "SSD": lambda v2: v2.Compose([
        v2.RandomPhotometricDistort(), v2.RandomZoomOut({type(None): 1, "others": 0}), v2.RandomIoUCrop(),
        v2.RandomHorizontalFlip(), v2.SanitizeBoundingBoxes(),
    ]),
    "training": lambda v2: v2.Compose([
        v2.RandomResizedCrop((9, 9), (0.2, 0.6), antialias=True), v2.RandomHorizontalFlip(), v2.ClampBoundingBoxes(),
        v2.SanitizeBoundingBoxes(3, 9),
    ]),
}  # fmt: skip

CASES: dict[str, tuple[Callable, Callable]] = {
    **{f"{name} | {kind}": (made, SAMPLES[kind]) for name, made in GEOMETRIC.items() for kind in SAMPLES},
    **{f"{name} | detection": (made, SAMPLES["detection"]) for name, made in OTHER.items()},
}


def _batch(tv: Any, torch: Any, labels: Any = None) -> Any:
    return torch.from_numpy(numbers((4, 3, 6, 7), 1)), torch.tensor([2, 0, 3, 3]) if labels is None else labels


_SHARES = numbers((4, 5), 2)
for _name in ("MixUp", "CutMix"):
    CASES |= {
        f"{_name} | numbers": (lambda v2, n=_name: getattr(v2, n)(num_classes=4), _batch),
        f"{_name} | shares": (
            lambda v2, n=_name: getattr(v2, n)(alpha=0.3),
            lambda tv, torch: _batch(tv, torch, torch.from_numpy(_SHARES)),
        ),
        f"{_name} | images": (
            lambda v2, n=_name: getattr(v2, n)(alpha=2.0, num_classes=4),
            lambda tv, torch: {"x": tv.Image(_batch(tv, torch)[0]), "Labels": torch.tensor([0, 1, 2, 3]), "z": "name"},
        ),
        f"{_name} | a getter": (
            lambda v2, n=_name: getattr(v2, n)(num_classes=6, labels_getter=lambda s: s["y"][0]),
            lambda tv, torch: {"x": _batch(tv, torch)[0], "y": [torch.tensor([5, 5, 1, 0])]},
        ),
    }  # fmt: skip


def plain(x: Any) -> Iterator[np.ndarray]:
    """All arrays and facts in an answer, each after the name of its kind."""
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, tuple | list):
        for part in x:
            yield from plain(part)
    elif hasattr(x, "numpy"):
        kind = [type(x).__name__]
        if hasattr(x, "canvas_size"):
            kind += [x.format.value, str(tuple(x.canvas_size)), str(x.clamping_mode)]
        yield np.array([ord(c) for c in " ".join(kind)])
        yield x.numpy()
    else:
        yield np.array([ord(c) for c in str(x)])


def answers(v2: Any, tv: Any, torch: Any, name: str) -> list[np.ndarray]:
    """Two applications from a seed, and the number that the generator gives then."""
    torch.manual_seed(sum(map(ord, name)))
    make, sample = CASES[name]
    transform = make(v2)
    return [*plain(transform(sample(tv, torch))), *plain(transform(sample(tv, torch))), torch.rand(1).numpy()]
