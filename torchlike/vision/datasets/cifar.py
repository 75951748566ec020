"""CIFAR-10 and CIFAR-100 (https://www.cs.toronto.edu/~kriz/cifar.html): pickles of dictionaries, read safely."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from torchlike.vision.datasets.base import VisionDataset, image_of
from torchlike.vision.datasets.utils import check_integrity, download_and_extract_archive

__all__ = ["CIFAR10", "CIFAR100"]


class _ArraysOnly(pickle.Unpickler):
    """Reads plain containers and NumPy arrays; whatever else a pickle asks for is refused, and nothing is run."""

    def find_class(self, module: str, name: str) -> Any:
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return _empty_array
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        if (module, name) == ("_codecs", "encode"):  # how protocol 2 of Python 3 writes bytes
            return _latin1
        raise pickle.UnpicklingError(f"{module}.{name} has no place in a file of CIFAR: nothing was loaded")


def _empty_array(kind: Any, shape: Any, code: Any) -> np.ndarray:
    """What an array's pickle begins with; its state follows. A size given here, however large, takes no memory."""
    if kind is not np.ndarray:
        raise pickle.UnpicklingError(f"arrays of {kind} have no place in a file of CIFAR")
    return np.ndarray.__new__(np.ndarray, (0,), np.uint8)


def _latin1(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"encoding {encoding} has no place in a file of CIFAR")
    return text.encode("latin1")


def read_batch(path: str | Path) -> dict[str, Any]:
    """The dictionary of one file. pickle.UnpicklingError if it holds anything but plain data and arrays."""
    with open(path, "rb") as file:
        entry = _ArraysOnly(file, encoding="latin1").load()
    if not isinstance(entry, dict):
        raise pickle.UnpicklingError(f"{path} holds a {type(entry).__name__}, not a dictionary")
    return entry


class CIFAR10(VisionDataset):
    """60,000 pictures of ten classes, 32 by 32: 50,000 for training, 10,000 for testing.

    Sample i is (Pillow image of mode RGB, int). The files lie in `root/cifar-10-batches-py`; their MD5 is checked.

    Args:
        root: the folder.
        train: whether the 50,000.
        transform, target_transform: functions of the picture and of the number.
        download: whether to fetch the archive where it is missing.

    RuntimeError where files are missing or not what they should be.
    """

    base_folder = "cifar-10-batches-py"
    url = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    filename = "cifar-10-python.tar.gz"
    tgz_md5 = "c58f30108f718f92721af3b95e74349a"
    train_list: ClassVar[list[list[str]]] = [
        ["data_batch_1", "c99cafc152244af753f735de768cd75f"],
        ["data_batch_2", "d4bba439e000b95fd0a9bffe97cbabec"],
        ["data_batch_3", "54ebc095f3ab1f0389bbae665268c751"],
        ["data_batch_4", "634d18415352ddfa80567beed471001a"],
        ["data_batch_5", "482c414d41f54cd18b22e5b47cb7c3cb"],
    ]
    test_list: ClassVar[list[list[str]]] = [["test_batch", "40351d587109b95175f43aff81a1287e"]]
    meta: ClassVar[dict[str, str]] = {
        "filename": "batches.meta", "key": "label_names", "md5": "5ff9c542aee3614f3951f8cda6e48888",
    }  # fmt: skip

    def __init__(
        self, root: str | Path, train: bool = True, transform: Callable | None = None,
        target_transform: Callable | None = None, download: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        if not self._check_integrity():
            raise RuntimeError("Dataset not found or corrupted. You can use download=True to download it")
        data, self.targets = [], []
        for name, _ in self.train_list if train else self.test_list:
            entry = read_batch(self._path(name))
            data.append(np.asarray(entry["data"], np.uint8))
            self.targets.extend(entry["labels"] if "labels" in entry else entry["fine_labels"])
        # a row is 1024 reds, 1024 greens, 1024 blues
        self.data = np.ascontiguousarray(np.vstack(data).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        self.classes: list[str] = read_batch(self._path(self.meta["filename"]))[self.meta["key"]]
        self.class_to_idx = {name: i for i, name in enumerate(self.classes)}

    def _path(self, name: str) -> str:
        return os.path.join(self.root, self.base_folder, name)

    def _check_integrity(self) -> bool:
        files = [*self.train_list, *self.test_list, [self.meta["filename"], self.meta["md5"]]]
        return all(check_integrity(self._path(name), md5) for name, md5 in files)

    def download(self) -> None:
        """Fetch the archive and unpack it, unless the files are here."""
        if not self._check_integrity():
            download_and_extract_archive(self.url, self.root, filename=self.filename, md5=self.tgz_md5)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return self.transformed(image_of(self.data[index]), self.targets[index])

    def __len__(self) -> int:
        return len(self.data)

    def extra_repr(self) -> str:
        """The split."""
        return f"Split: {'Train' if self.train else 'Test'}"


class CIFAR100(CIFAR10):
    """As CIFAR10, with a hundred classes."""

    base_folder = "cifar-100-python"
    url = "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz"
    filename = "cifar-100-python.tar.gz"
    tgz_md5 = "eb9058c3a382ffc7106e4002c42a8d85"
    train_list: ClassVar[list[list[str]]] = [["train", "16019d7e3df5f24257cddd939b257f8d"]]
    test_list: ClassVar[list[list[str]]] = [["test", "f0ef6b0ae62326f3e7ffdfab6717acfc"]]
    meta: ClassVar[dict[str, str]] = {
        "filename": "meta", "key": "fine_label_names", "md5": "7973b15100ade9c7d40fb424638fde48",
    }  # fmt: skip
