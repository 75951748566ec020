"""Transforms to be compared with torchvision's: each a function of its `transforms` module, `torch` and a picture."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests.vision_kit import picture

ALL = ("picture", "bytes", "floats")
INPUTS = (*ALL, "gray", "gray bytes")
TENSORS = ("bytes", "floats")
WHOLE = ("picture", "bytes")
CASES: dict[str, tuple[tuple[str, ...], Callable]] = {}


def case(name: str, made: Callable, inputs: tuple[str, ...] = ALL) -> None:
    """File a case: `made(T, torch)` gives the transform."""
    assert name not in CASES
    CASES[name] = inputs, made


def given(torch: Any, kind: str) -> Any:
    """The picture of this kind."""
    array = picture(12, 15, 1 if kind.startswith("gray") else 3, salt=5)
    if kind in ("picture", "gray"):
        from PIL import Image

        return Image.fromarray(array)
    if kind == "batch bytes":
        array = np.stack([array, array[::-1]])
        return torch.from_numpy(np.ascontiguousarray(array.transpose(0, 3, 1, 2)))
    planes = np.ascontiguousarray(array.transpose(2, 0, 1) if array.ndim == 3 else array[None])
    return torch.from_numpy(planes if "bytes" in kind else planes.astype(np.float32) / 255)


def plain(x: Any) -> Iterator[np.ndarray]:
    """All arrays in an answer."""
    if isinstance(x, tuple | list):
        for part in x:
            yield from plain(part)
    else:
        yield x.numpy() if hasattr(x, "numpy") else np.asarray(x)


def answers(transforms: Any, torch: Any, name: str, kind: str) -> list[np.ndarray]:
    """Two applications from a seed, and the number that the generator gives then."""
    torch.manual_seed(sum(map(ord, name)))
    random.seed(7)
    transform = CASES[name][1](transforms, torch)
    made = [*plain(transform(given(torch, kind))), *plain(transform(given(torch, kind)))]
    return [*made, torch.rand(1).numpy()]


def _functional() -> None:
    calls: dict[str, tuple[Callable, tuple[str, ...]]] = {
        "hflip": (lambda F, x: F.hflip(x), ALL),
        "vflip": (lambda F, x: F.vflip(x), ALL),
        "crop": (lambda F, x: F.crop(x, 3, -2, 6, 9), ALL),
        "crop beyond": (lambda F, x: F.crop(x, 9, 12, 6, 9), ALL),
        "center_crop": (lambda F, x: F.center_crop(x, [7, 6]), ALL),
        "center_crop larger": (lambda F, x: F.center_crop(x, [17, 6]), ALL),
        "resized_crop": (lambda F, x: F.resized_crop(x, 1, 2, 8, 7, [5, 6]), ALL),
        "ten_crop": (lambda F, x: F.ten_crop(x, 5), WHOLE),
        "affine": (lambda F, x: F.affine(x, 25, [2, -1], 1.2, [5.0, 9.0], fill=[9.0]), ALL),
        "perspective": (
            lambda F, x: F.perspective(x, [[0, 0], [14, 0], [14, 11], [0, 11]], [[1, 2], [12, 1], [13, 9], [2, 11]]),
            ALL,
        ),
        "gaussian_blur": (lambda F, x: F.gaussian_blur(x, [5, 3], [1.2, 0.7]), (*ALL, "gray")),
        "adjust_brightness": (lambda F, x: F.adjust_brightness(x, 1.4), INPUTS),
        "adjust_contrast": (lambda F, x: F.adjust_contrast(x, 1.7), INPUTS),
        "adjust_saturation": (lambda F, x: F.adjust_saturation(x, 0.4), INPUTS),
        "adjust_hue": (lambda F, x: F.adjust_hue(x, -0.2), INPUTS),
        "adjust_gamma": (lambda F, x: F.adjust_gamma(x, 1.6, 1.1), INPUTS),
        "adjust_sharpness": (lambda F, x: F.adjust_sharpness(x, 1.8), INPUTS),
        "rgb_to_grayscale": (lambda F, x: F.rgb_to_grayscale(x, 3), ALL),
        "invert": (lambda F, x: F.invert(x), ALL),
        "posterize": (lambda F, x: F.posterize(x, 3), WHOLE),
        "solarize": (lambda F, x: F.solarize(x, 100), WHOLE),
        "solarize floats": (lambda F, x: F.solarize(x, 0.4), ("floats",)),
        "autocontrast": (lambda F, x: F.autocontrast(x), ALL),
        "equalize": (lambda F, x: F.equalize(x), WHOLE),
        "normalize": (lambda F, x: F.normalize(x, [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]), ("floats",)),
        "to_pil_image": (lambda F, x: F.to_pil_image(x), (*TENSORS, "gray bytes")),
        "pil_to_tensor": (lambda F, x: F.pil_to_tensor(x), ("picture", "gray")),
        "to_tensor": (lambda F, x: F.to_tensor(x), ("picture", "gray")),
    }
    for label, (call, inputs) in calls.items():
        case(label, lambda T, torch, call=call: lambda x: call(T.functional, x), inputs)
    for kind in ("float64", "int16", "uint8", "int32"):
        case(
            f"convert_image_dtype {kind}",
            lambda T, torch, k=kind: lambda x: T.functional.convert_image_dtype(x, getattr(torch, k)),
            TENSORS if kind != "int32" else ("bytes",),
        )
        case(
            f"to_dtype {kind}",
            lambda T, torch, k=kind: lambda x: T.v2.functional.to_dtype(x, getattr(torch, k), scale=True),
            TENSORS if kind != "int32" else ("bytes",),
        )
    for mode in ("nearest", "bilinear", "bicubic"):
        named = lambda T, m=mode: T.InterpolationMode(m)  # noqa: E731
        for size in ([5, 7], [20, 31]):
            case(f"resize {mode} {size}", lambda T, torch, n=named, s=size: T.Resize(s, n(T)))
            case(f"v2 resize {mode} {size}", lambda T, torch, n=named, s=size: T.v2.Resize(s, n(T)))
    case("resize plain", lambda T, torch: T.Resize([5, 7], antialias=False))
    case("resize by a side", lambda T, torch: T.Resize(6, max_size=7))
    case("resize lanczos", lambda T, torch: T.Resize(6, T.InterpolationMode.LANCZOS), ("picture",))
    for mode in ("nearest", "bilinear"):
        named = lambda T, m=mode: T.InterpolationMode(m)  # noqa: E731
        case(f"rotate {mode}", lambda T, torch, n=named: lambda x: T.functional.rotate(x, 33, n(T), fill=[7.0]))
        case(f"rotate {mode} expand", lambda T, torch, n=named: T.RandomRotation((-20, -20), n(T), expand=True))
    case("rotate about", lambda T, torch: lambda x: T.functional.rotate(x, 90, center=[3, 4]))
    for mode in ("constant", "edge", "reflect", "symmetric"):
        case(f"pad {mode}", lambda T, torch, m=mode: T.Pad((1, 2, 3, 4), fill=6, padding_mode=m), WHOLE)
        case(f"pad {mode} floats", lambda T, torch, m=mode: T.Pad(2, fill=1, padding_mode=m), ("floats",))


def _random() -> None:
    case("RandomCrop", lambda T, torch: T.RandomCrop((6, 9), padding=2))
    case("RandomCrop padded", lambda T, torch: T.RandomCrop(14, pad_if_needed=True))
    case("RandomResizedCrop", lambda T, torch: T.RandomResizedCrop(7))
    case("RandomResizedCrop whole", lambda T, torch: T.RandomResizedCrop(7, scale=(3.0, 4.0)), WHOLE)
    case("RandomHorizontalFlip", lambda T, torch: T.RandomHorizontalFlip(), WHOLE)
    case("RandomVerticalFlip", lambda T, torch: T.RandomVerticalFlip(0.3), WHOLE)
    case("ColorJitter", lambda T, torch: T.ColorJitter(0.4, 0.3, (0.2, 1.4), 0.3))
    case("RandomGrayscale", lambda T, torch: T.RandomGrayscale(0.5), WHOLE)
    case("RandomRotation", lambda T, torch: T.RandomRotation(40))
    case("RandomAffine", lambda T, torch: T.RandomAffine(20, (0.2, 0.3), (0.8, 1.3), (-5, 5, -9, 9), fill=3))
    case("RandomPerspective", lambda T, torch: T.RandomPerspective(0.6, p=0.8))
    case("GaussianBlur", lambda T, torch: T.GaussianBlur(3))
    case("RandomErasing", lambda T, torch: T.RandomErasing(0.8), ("floats",))
    case("RandomErasing random", lambda T, torch: T.RandomErasing(1.0, value="random"), ("floats",))
    case("RandomErasing colours", lambda T, torch: T.RandomErasing(1.0, value=(1, 2, 3)), ("floats",))
    case("ElasticTransform", lambda T, torch: T.ElasticTransform(30.0, 1.0))
    for name in ("RandomInvert", "RandomAutocontrast", "RandomEqualize"):
        case(name, lambda T, torch, n=name: getattr(T, n)(), WHOLE)
    case("RandomPosterize", lambda T, torch: T.RandomPosterize(2), WHOLE)
    case("RandomSolarize", lambda T, torch: T.RandomSolarize(90), WHOLE)
    case("RandomAdjustSharpness", lambda T, torch: T.RandomAdjustSharpness(0.2), WHOLE)
    case("RandomApply", lambda T, torch: T.RandomApply([T.RandomVerticalFlip(), T.Pad(1)], 0.6), WHOLE)
    case("RandomChoice", lambda T, torch: T.RandomChoice([T.Pad(1), T.Pad(2), T.Pad(3)], [0.2, 0.5, 0.3]), WHOLE)
    case("RandomOrder", lambda T, torch: T.RandomOrder([T.Pad(1), T.CenterCrop(8), T.Resize(9)]), WHOLE)
    for kind in ("IMAGENET", "CIFAR10", "SVHN"):
        policy = lambda T, k=kind: getattr(T.AutoAugmentPolicy, k)  # noqa: E731
        case(f"AutoAugment {kind}", lambda T, torch, p=policy: _times(T.AutoAugment(p(T)), 4), WHOLE)
    case("RandAugment", lambda T, torch: _times(T.RandAugment(), 4), WHOLE)
    case("RandAugment filled", lambda T, torch: _times(T.RandAugment(3, 12, fill=[1, 2, 3]), 3), WHOLE)
    case("TrivialAugmentWide", lambda T, torch: _times(T.TrivialAugmentWide(), 6), WHOLE)
    case("AugMix", lambda T, torch: _times(T.AugMix(), 3), (*WHOLE, "gray bytes", "batch bytes"))
    case("AugMix deep", lambda T, torch: T.AugMix(9, 2, 4, 0.3, False, fill=[1, 2, 3]), WHOLE)
    case(
        "training", lambda T, torch: T.Compose([
            T.RandomResizedCrop(8), T.RandomHorizontalFlip(), T.ColorJitter(0.2), T.ToTensor(),
            T.Normalize((0.5,) * 3, (0.25,) * 3), T.RandomErasing(),
        ]), ("picture",),
    )  # fmt: skip


def _times(transform: Any, n: int) -> Callable:
    return lambda x: [transform(x) for _ in range(n)]


def _second() -> None:
    case("v2 RandomCrop", lambda T, torch: T.v2.RandomCrop((12, 9)), WHOLE)
    case("v2 RandomCrop padded", lambda T, torch: T.v2.RandomCrop(14, padding=1, pad_if_needed=True), WHOLE)
    case("v2 RandomResizedCrop", lambda T, torch: T.v2.RandomResizedCrop(7))
    case("v2 RandomHorizontalFlip", lambda T, torch: T.v2.RandomHorizontalFlip(), WHOLE)
    case("v2 ColorJitter", lambda T, torch: T.v2.ColorJitter(0.4, 0.3, (0.2, 1.4), 0.3))
    case("v2 RandomRotation", lambda T, torch: T.v2.RandomRotation(40), WHOLE)
    case("v2 RandomAffine", lambda T, torch: T.v2.RandomAffine(20, (0.2, 0.3), (0.8, 1.3), (-5, 5, -9, 9)), WHOLE)
    case("v2 RandomPerspective", lambda T, torch: T.v2.RandomPerspective(0.6, p=0.8), WHOLE)
    case("v2 GaussianBlur", lambda T, torch: T.v2.GaussianBlur(3), WHOLE)
    case("v2 RandomErasing", lambda T, torch: T.v2.RandomErasing(0.9, value=[1.0]), ("floats",))
    case("v2 RandomGrayscale", lambda T, torch: T.v2.RandomGrayscale(0.5), WHOLE)
    case("v2 RandomApply", lambda T, torch: T.v2.RandomApply([T.v2.RandomVerticalFlip()], 0.6), WHOLE)
    case("v2 RandomChoice", lambda T, torch: T.v2.RandomChoice([T.v2.Pad(1), T.v2.Pad(2)], [0.2, 0.5]), WHOLE)
    case("v2 RandomOrder", lambda T, torch: T.v2.RandomOrder([T.v2.Pad(1), T.v2.CenterCrop(8), T.v2.Pad(2)]), WHOLE)
    case("v2 RandAugment", lambda T, torch: _times(T.v2.RandAugment(), 4), WHOLE)
    case("v2 TrivialAugmentWide", lambda T, torch: _times(T.v2.TrivialAugmentWide(), 6), WHOLE)
    case("v2 RGB", lambda T, torch: T.v2.RGB(), ("picture", "gray", "gray bytes"))
    case("v2 RandomPhotometricDistort", lambda T, torch: T.v2.RandomPhotometricDistort(p=0.9), WHOLE)
    case("v2 AugMix", lambda T, torch: _times(T.v2.AugMix(alpha=0.5), 3), (*WHOLE, "batch bytes"))
    case("v2 AutoAugment", lambda T, torch: _times(T.v2.AutoAugment(), 4), WHOLE)
    case(
        "v2 training", lambda T, torch: T.v2.Compose([
            T.v2.ToImage(), T.v2.RandomResizedCrop(8), T.v2.RandomHorizontalFlip(),
            T.v2.ToDtype(torch.float32, scale=True), T.v2.Normalize([0.5] * 3, [0.25] * 3),
        ]), ("picture",),
    )  # fmt: skip


_functional()
_random()
_second()
