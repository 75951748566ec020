"""MNIST and the data sets in its format: https://yann.lecun.com/exdb/mnist/ describes the idx files."""

from __future__ import annotations

import gzip
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

import torchlike as torch
from torchlike.tensor import Tensor
from torchlike.vision.datasets.base import HeldImages, one_of
from torchlike.vision.datasets.utils import check_integrity, download_url

__all__ = ["EMNIST", "FashionMNIST", "KMNIST", "MNIST"]

_TYPES: dict[int, Any] = {
    code: np.dtype(name) for code, name in ((8, "u1"), (9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8"))
}


def read_idx(path: str | Path) -> np.ndarray:
    """The array of an idx file, packed by gzip or not; ValueError if it is none or not whole.

    Two bytes of zero, one for the type, one for the number of dimensions; the sizes as big-endian 32-bit integers; the
    values, big-endian.
    """
    opener: Callable = gzip.open if str(path).endswith(".gz") else open
    with opener(path, "rb") as file:
        data = file.read()
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _TYPES:
        raise ValueError(f"{path} is not an idx file")
    kind, n = _TYPES[data[2]], data[3]
    if len(data) < 4 + 4 * n:
        raise ValueError(f"{path} is cut off in its header")
    shape = struct.unpack(f">{n}I", data[4 : 4 + 4 * n])
    if len(data) - 4 - 4 * n != int(np.prod(shape, dtype=np.float64)) * kind.itemsize:
        raise ValueError(f"{path} holds {len(data) - 4 - 4 * n} bytes, not those of {list(shape)} values of {kind}")
    values = np.frombuffer(data, kind, offset=4 + 4 * n).reshape(shape)
    return values.astype(kind.newbyteorder("="))


class MNIST(HeldImages):
    """Handwritten digits: 60,000 for training and 10,000 for testing, 28 by 28 (http://yann.lecun.com/exdb/mnist/).

    Sample i is (Pillow image of mode L, int). The files, packed or not, lie in `root/MNIST/raw`.

    Args:
        root: the folder.
        train: whether the 60,000.
        transform, target_transform: functions of the picture and of the number.
        download: whether to fetch the files where they are missing.

    RuntimeError where there are no files.
    """

    mirrors: ClassVar[list[str]] = [
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    ]
    resources: ClassVar[list[tuple[str, str | None]]] = [
        ("train-images-idx3-ubyte.gz", "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", "ec29112dd5afa0611ce80d1b7f02629c"),
    ]
    classes: list[str] = [
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four", "5 - five", "6 - six", "7 - seven", "8 - eight",
        "9 - nine",
    ]  # fmt: skip

    def __init__(
        self, root: str | Path, train: bool = True, transform: Callable | None = None,
        target_transform: Callable | None = None, download: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(root, transform=transform, target_transform=target_transform)
        self.train = train
        if download:
            self.download()
        if not self._check_exists():
            raise RuntimeError("Dataset not found. You can use download=True to download it")
        self.data, self.targets = self._load_data()

    def _names(self) -> tuple[str, str]:
        kind = "train" if self.train else "t10k"
        return f"{kind}-images-idx3-ubyte", f"{kind}-labels-idx1-ubyte"

    def _file(self, name: str) -> Path | None:
        """Where the file lies, packed or not."""
        found = [p for p in (Path(self.raw_folder) / name, Path(self.raw_folder) / f"{name}.gz") if p.is_file()]
        return found[0] if found else None

    def _load_data(self) -> tuple[Tensor, Tensor]:
        images, labels = (read_idx(self._file(name)) for name in self._names())  # type: ignore[arg-type]
        if images.ndim != 3 or images.dtype != np.uint8 or labels.shape != images.shape[:1]:
            raise ValueError(
                f"{self.raw_folder} holds images {list(images.shape)} and labels {list(labels.shape)}, which disagree"
            )
        return torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))

    @property
    def raw_folder(self) -> str:
        """Where the files lie."""
        return os.path.join(self.root, type(self).__name__, "raw")

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The number of each class."""
        return {name: i for i, name in enumerate(self.classes)}

    def _check_exists(self) -> bool:
        return all(self._file(name) is not None for name in self._names())

    def download(self) -> None:
        """Fetch the files, unless they are here."""
        if all(self._file(name.removesuffix(".gz")) is not None for name, _ in self.resources):
            return
        for name, md5 in self.resources:
            failures = []
            for mirror in self.mirrors:
                try:
                    download_url(f"{mirror}{name}", self.raw_folder, name, md5)
                    break
                except RuntimeError as e:
                    failures.append(str(e))
            else:
                raise RuntimeError("\n".join([f"Error downloading {name}:", *failures]))


class FashionMNIST(MNIST):
    """Pictures of clothes in MNIST's format (https://github.com/zalandoresearch/fashion-mnist). See `MNIST`."""

    mirrors: ClassVar[list[str]] = ["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"]
    resources: ClassVar[list[tuple[str, str | None]]] = [
        ("train-images-idx3-ubyte.gz", "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", "bb300cfdad3c16e7a12a480ee83cd310"),
    ]
    classes: list[str] = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ]  # fmt: skip


class KMNIST(MNIST):
    """Kuzushiji, cursive Japanese, in MNIST's format (https://github.com/rois-codh/kmnist). See `MNIST`."""

    mirrors: ClassVar[list[str]] = ["http://codh.rois.ac.jp/kmnist/dataset/kmnist/"]
    resources: ClassVar[list[tuple[str, str | None]]] = [
        ("train-images-idx3-ubyte.gz", "bdb82020997e1d708af4cf47b453dcf7"),
        ("train-labels-idx1-ubyte.gz", "e144d726b3acfaa3e44228e80efcd344"),
        ("t10k-images-idx3-ubyte.gz", "5c965bf0a639b31b8f53240b1b52f4d7"),
        ("t10k-labels-idx1-ubyte.gz", "7320c461ea6c1c855c0b718fb2a4b134"),
    ]
    classes: list[str] = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]


_DIGITS = [str(i) for i in range(10)]
_CAPITALS = [chr(c) for c in range(ord("A"), ord("Z") + 1)]
_MERGED = set("CIJKLMOPSUVWXYZ")  # letters whose two cases look alike, and count as one
_BOTH = [*_DIGITS, *_CAPITALS, *(c.lower() for c in _CAPITALS)]


class EMNIST(MNIST):
    """Handwritten letters and digits in MNIST's format (https://arxiv.org/abs/1702.05373).

    `split` is byclass (62 classes), bymerge and balanced (47), letters (26, with numbers from 1), digits or mnist (10).
    The pictures lie on their side, as in the files. See `MNIST` for the other arguments.
    """

    url = "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip"
    md5 = "58c8d27c78d21e728a6bc7b3cc06412e"
    splits = ("byclass", "bymerge", "balanced", "letters", "digits", "mnist")
    classes_split_dict: ClassVar[dict[str, list[str]]] = {
        "byclass": sorted(_BOTH),
        "bymerge": sorted(set(_BOTH) - {c.lower() for c in _MERGED}),
        "balanced": sorted(set(_BOTH) - {c.lower() for c in _MERGED}),
        "letters": ["N/A", *(c.lower() for c in _CAPITALS)],
        "digits": _DIGITS,
        "mnist": _DIGITS,
    }

    def __init__(self, root: str | Path, split: str, **kwargs: Any) -> None:
        self.split = one_of(split, "split", self.splits)
        super().__init__(root, **kwargs)
        self.classes = self.classes_split_dict[split]

    def _names(self) -> tuple[str, str]:
        stem = f"emnist-{self.split}-{'train' if self.train else 'test'}"
        return f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"

    def download(self) -> None:
        """Fetch the archive of all splits and unpack it, unless the files are here."""
        from torchlike.vision.datasets.utils import extract_archive

        if self._check_exists():
            return
        raw = Path(self.raw_folder)
        archive = raw / "gzip.zip"
        if not check_integrity(archive, self.md5):
            download_url(self.url, raw, archive.name, self.md5)
        extract_archive(archive, raw)
        for path in (raw / "gzip").glob("*.gz"):
            os.replace(path, raw / path.name)
