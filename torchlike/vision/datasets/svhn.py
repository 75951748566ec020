"""The Street View House Numbers (http://ufldl.stanford.edu/housenumbers/)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from torchlike.vision.datasets.base import VisionDataset, image_of, one_of
from torchlike.vision.datasets.utils import check_integrity, download_url

__all__ = ["SVHN"]


class SVHN(VisionDataset):
    """Digits of house numbers, 32 by 32: 73,257 for training, 26,032 for testing, 531,131 extra. SciPy reads the files.

    Sample i is (Pillow image of mode RGB, int); the files call the digit 0 "10", here it is 0.

    Args:
        root: the folder of the .mat files; their MD5 is checked.
        split: train, test or extra.
        transform, target_transform: functions of the picture and of the number.
        download: whether to fetch the file where it is missing.

    RuntimeError where the file is missing or not what it should be; ImportError without SciPy.
    """

    split_list: ClassVar[dict[str, list[str]]] = {
        split: [f"http://ufldl.stanford.edu/housenumbers/{split}_32x32.mat", f"{split}_32x32.mat", md5]
        for split, md5 in (
            ("train", "e26dedcc434d2e4c54c9b2d4a06d8373"), ("test", "eb5a983be6a315427106f1b164d9cef3"),
            ("extra", "a93ce644f1a588dc4d68dda5feec44a7"),
        )
    }  # fmt: skip

    def __init__(
        self, root: str | Path, split: str = "train", transform: Callable | None = None,
        target_transform: Callable | None = None, download: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.split = one_of(split, "split", tuple(self.split_list))
        self.url, self.filename, self.file_md5 = self.split_list[split]
        if download:
            self.download()
        path = os.path.join(self.root, self.filename)
        if not check_integrity(path, self.file_md5):
            raise RuntimeError("Dataset not found or corrupted. You can use download=True to download it")
        try:
            from scipy.io import loadmat
        except ImportError:
            raise ImportError("SVHN's files are MATLAB's, and SciPy reads them: pip install scipy") from None
        content = loadmat(path)
        self.data = np.ascontiguousarray(np.transpose(content["X"], (3, 2, 0, 1)))
        self.labels = content["y"].astype(np.int64).reshape(-1)
        self.labels[self.labels == 10] = 0

    def download(self) -> None:
        """Fetch the file, unless it is here."""
        download_url(self.url, self.root, self.filename, self.file_md5)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        picture = image_of(np.ascontiguousarray(self.data[index].transpose(1, 2, 0)))
        return self.transformed(picture, int(self.labels[index]))

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        """The split."""
        return f"Split: {self.split}"
