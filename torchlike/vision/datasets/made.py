"""Data sets that need no download: random pictures, and the digits that scikit-learn carries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import torchlike as torch
from torchlike.vision.datasets.base import HeldImages, VisionDataset

__all__ = ["Digits", "FakeData"]


class FakeData(VisionDataset):
    """Random pictures, the same ones at every look: sample i is drawn from the seed `random_offset + i`.

    Sample i is (Pillow image, int), the bytes and numbers those of torchvision.

    Args:
        size: how many there are.
        image_size: (channels, height, width).
        num_classes: of the random targets.

    >>> from torchlike.vision.datasets import FakeData
    >>> len(FakeData(size=3)), FakeData(size=3, num_classes=10)[0][1]
    (3, 7)
    """

    def __init__(
        self, size: int = 1000, image_size: tuple[int, int, int] = (3, 224, 224), num_classes: int = 10,
        transform: Callable | None = None, target_transform: Callable | None = None, random_offset: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(None, transform=transform, target_transform=target_transform)
        self.size = size
        self.num_classes = num_classes
        self.image_size = image_size
        self.random_offset = random_offset

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        if index >= len(self):
            raise IndexError(f"{type(self).__name__} index out of range")
        from torchlike.vision.transforms.functional import to_pil_image

        # torchvision seeds the default generator and sets it back, which for the numbers is a generator of its own
        source = torch.Generator().manual_seed(index + self.random_offset)
        picture = torch.randn(*self.image_size, generator=source)
        target = int(torch.randint(0, self.num_classes, (1,), generator=source))
        return self.transformed(to_pil_image(picture), target)

    def __len__(self) -> int:
        return self.size


class Digits(HeldImages):
    """The 1,797 handwritten digits, 8 by 8, that scikit-learn carries: a real data set without a download.

    Sample i is (Pillow image of mode L, int). Every fifth one is for testing. (Not in torchvision.)

    Args:
        train: whether the 1,438 for training.
        transform, target_transform: functions of the picture and of the number.

    ImportError without scikit-learn.
    """

    classes = [str(i) for i in range(10)]

    def __init__(
        self, train: bool = True, transform: Callable | None = None, target_transform: Callable | None = None
    ) -> None:
        super().__init__(None, transform=transform, target_transform=target_transform)
        try:
            from sklearn.datasets import load_digits
        except ImportError:
            raise ImportError("Digits come with scikit-learn: pip install scikit-learn") from None
        self.train = train
        bunch = load_digits()
        chosen = (np.arange(len(bunch.target)) % 5 == 4) != train
        # the values are 0 ... 16
        self.data = torch.from_numpy(np.minimum(bunch.images[chosen] * 16, 255).astype(np.uint8))
        self.targets = torch.from_numpy(bunch.target[chosen].astype(np.int64))
