"""Small sets of images in the file formats of CIFAR-10 and MNIST, for machines that do not have the real ones."""

import gzip
import hashlib
import pickle
import struct
from pathlib import Path

import numpy as np

SHAPES = ["disc", "ring", "square", "frame", "triangle", "cross", "stripes", "bars", "checks", "two discs"]


def _shape(kind, x, y):
    """Where a shape is, for coordinates around its middle in units of its size."""
    r, box = np.hypot(x, y), np.maximum(abs(x), abs(y))
    return [
        r < 1, (r < 1) & (r > 0.6), box < 0.9, (box < 0.9) & (box > 0.5), (y > -0.8) & (2 * abs(x) + y < 1),
        (np.minimum(abs(x), abs(y)) < 0.3) & (box < 1), (box < 1) & (np.sin(6 * y) > 0),
        (box < 1) & (np.sin(6 * x) > 0), (box < 1) & (np.sin(5 * x) * np.sin(5 * y) > 0),
        np.hypot(abs(x) - 0.6, y) < 0.5,
    ][kind]  # fmt: skip


def shapes(count, seed):
    """(images [count, 3, 32, 32] of bytes, labels): shapes of ten kinds in random places, sizes and colours."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, len(SHAPES), count)
    grid = np.arange(32)
    images = np.empty((count, 3, 32, 32))
    for image, kind in zip(images, labels, strict=True):
        size, (middle_x, middle_y) = rng.uniform(7, 12), rng.uniform(12, 20, 2)
        inside = _shape(kind, (grid[None, :] - middle_x) / size, (grid[:, None] - middle_y) / size)
        back, front = rng.uniform(0, 110, 3), rng.uniform(140, 255, 3)
        image[:] = np.where(inside, front[:, None, None], back[:, None, None]) + rng.normal(0, 18, (3, 32, 32))
    return images.clip(0, 255).astype(np.uint8), labels


def write_cifar10(folder, count=2000):
    """Training and test set of shapes, as the pickles of CIFAR-10; returns {file name: MD5 sum}."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    parts = {f"data_batch_{i}": shapes(count // 5, i) for i in range(1, 6)}
    parts["test_batch"] = shapes(count // 4, 6)
    files = {name: {"data": x.reshape(len(x), -1), "labels": y.tolist()} for name, (x, y) in parts.items()}
    files["batches.meta"] = {"label_names": SHAPES}
    sums = {}
    for name, content in files.items():
        data = pickle.dumps(content, protocol=2)
        (folder / name).write_bytes(data)
        sums[name] = hashlib.md5(data).hexdigest()
    return sums


def write_mnist(folder):
    """scikit-learn's 1,797 digits, enlarged from 8x8 to 28x28, as the idx files of MNIST."""
    from PIL import Image
    from sklearn.datasets import load_digits

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    digits = load_digits()
    small = (digits.images * 255 / 16).astype(np.uint8)
    images = np.stack([np.asarray(Image.fromarray(x).resize((28, 28), Image.Resampling.BILINEAR)) for x in small])
    labels = digits.target.astype(np.uint8)
    for name, part in (("train", slice(0, 1437)), ("t10k", slice(1437, None))):
        for what, values in (("images-idx3", images[part]), ("labels-idx1", labels[part])):
            head = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
            with gzip.open(folder / f"{name}-{what}-ubyte.gz", "wb") as file:
                file.write(head + values.tobytes())
