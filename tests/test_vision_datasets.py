"""torchlike.vision.datasets: small files in the real formats, written here; downloads from a server of our own."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import os
import pickle
import struct
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

import torchlike as torch
from tests import vision_kit as kit
from torchlike.vision import datasets, transforms
from torchlike.vision.datasets import utils
from torchlike.vision.datasets.cifar import read_batch
from torchlike.vision.datasets.mnist import read_idx

pytest.importorskip("PIL")


def idx(array: np.ndarray) -> bytes:
    """The bytes of an idx file."""
    code = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}[array.dtype.str[1:]]
    head = bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


IMAGES = np.stack([kit.picture(28, 28, 1, salt) for salt in range(3)])
LABELS = np.array([7, 0, 3], np.uint8)


# --- MNIST and its kind -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["u1", "i1", "i2", "i4", "f4", "f8"])
def test_idx_files_of_every_type(kind, tmp_path):
    array = (kit.numbers((2, 3), 1) * 100).astype(kind)
    write(tmp_path / "a", idx(array))
    assert np.array_equal(read_idx(tmp_path / "a"), array)


@pytest.mark.parametrize(
    ("damage", "message"),
    [(lambda d: d[:-1], "holds 5 bytes"), (lambda d: d + b"x", "holds 7 bytes"),
     (lambda d: b"\1" + d[1:], "not an idx"),
     (lambda d: d[:6], "cut off"), (lambda d: b"", "not an idx"), (lambda d: d[:2] + b"\7" + d[3:], "not an idx"),
     (lambda d: d[:4] + b"\xff" * 8 + d[12:], "holds 6 bytes")],
)  # fmt: skip
def test_damaged_idx_files(damage, message, tmp_path):
    write(tmp_path / "a", damage(idx(np.zeros((2, 3), np.uint8))))
    with pytest.raises(ValueError, match=message):
        read_idx(tmp_path / "a")


@pytest.mark.parametrize("kind", [datasets.MNIST, datasets.FashionMNIST, datasets.KMNIST])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_mnist(kind, suffix, tmp_path):
    for stem in ("train", "t10k"):
        n = 3 if stem == "train" else 2
        write(tmp_path / kind.__name__ / "raw" / f"{stem}-images-idx3-ubyte{suffix}", idx(IMAGES[:n]))
        write(tmp_path / kind.__name__ / "raw" / f"{stem}-labels-idx1-ubyte{suffix}", idx(LABELS[:n]))
    data = kind(tmp_path, transform=transforms.ToTensor(), target_transform=lambda t: t + 1)
    picture, target = data[0]
    assert (len(data), target, tuple(picture.shape)) == (3, 8, (1, 28, 28))
    assert np.array_equal(data.data.numpy(), IMAGES)
    assert data.targets.dtype is torch.int64
    test = kind(str(tmp_path), train=False, download=True)  # all is here: nothing is fetched
    assert len(test) == 2
    assert np.array_equal(np.asarray(test[1][0]), IMAGES[1])
    assert len(kind.classes) == len(data.class_to_idx) == 10
    assert "Split: Test" in repr(test)


def test_emnist(tmp_path):
    for split in datasets.EMNIST.splits:
        write(tmp_path / "EMNIST" / "raw" / f"emnist-{split}-train-images-idx3-ubyte.gz", idx(IMAGES))
        write(tmp_path / "EMNIST" / "raw" / f"emnist-{split}-train-labels-idx1-ubyte.gz", idx(LABELS))
        assert datasets.EMNIST(tmp_path, split)[0][1] == 7
    sizes = {split: len(datasets.EMNIST.classes_split_dict[split]) for split in datasets.EMNIST.splits}
    assert sizes == {"byclass": 62, "bymerge": 47, "balanced": 47, "letters": 27, "digits": 10, "mnist": 10}
    with pytest.raises(ValueError, match="Unknown value 'all' for argument split"):
        datasets.EMNIST(tmp_path, "all")


def test_missing_files_are_named(tmp_path):
    with pytest.raises(RuntimeError, match="You can use download=True"):
        datasets.MNIST(tmp_path)


# --- CIFAR ------------------------------------------------------------------------------------------------------------


def cifar_batch(n: int, salt: int, key: str, protocol: int = 2) -> bytes:
    data = (kit.numbers((n, 3072), salt) * 255 + 128).astype(np.uint8)
    return pickle.dumps({"data": data, key: [i % 10 for i in range(n)], "batch_label": "a batch"}, protocol)


def small_cifar(monkeypatch, kind, root: Path, key: str) -> None:
    """The files of a small CIFAR, and their MD5s in the class."""
    folder = root / kind.base_folder
    folder.mkdir(parents=True)
    lists: dict = {"train_list": [], "test_list": []}
    for which, made in lists.items():
        for i, (name, _) in enumerate(getattr(kind, which)):
            content = cifar_batch(2, i, key)
            (folder / name).write_bytes(content)
            made.append([name, hashlib.md5(content).hexdigest()])
        monkeypatch.setattr(kind, which, made)
    content = pickle.dumps({kind.meta["key"]: ["plane", "car"]}, 2)
    (folder / kind.meta["filename"]).write_bytes(content)
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": hashlib.md5(content).hexdigest()})


@pytest.mark.parametrize(
    ("kind", "key", "n"), [(datasets.CIFAR10, "labels", 10), (datasets.CIFAR100, "fine_labels", 2)]
)
def test_cifar(kind, key, n, tmp_path, monkeypatch):
    small_cifar(monkeypatch, kind, tmp_path, key)
    data = kind(tmp_path, train=True, transform=transforms.ToTensor())
    assert (len(data), data.data.shape, data.classes) == (n, (n, 32, 32, 3), ["plane", "car"])
    raw = pickle.loads(cifar_batch(2, 0, key))["data"][1].reshape(3, 32, 32)
    assert np.array_equal((data[1][0].numpy() * 255).round(), raw)
    assert len(kind(tmp_path, train=False)) == 2
    name = kind.train_list[0][0]
    (tmp_path / kind.base_folder / name).write_bytes(b"something else")
    with pytest.raises(RuntimeError, match="not found or corrupted"):
        kind(tmp_path)


class _Evil:
    def __init__(self, *reduced):
        self.reduced = reduced

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_cifar_files_of_every_protocol(protocol, tmp_path):
    (tmp_path / "a").write_bytes(cifar_batch(2, 0, "labels", protocol))
    assert read_batch(tmp_path / "a")["data"].shape == (2, 3072)


@pytest.mark.parametrize(
    "evil",
    [_Evil(os.system, ("touch ran",)), _Evil(eval, ("open('ran', 'w')",)), _Evil(np.frombuffer, (b"1234",)),
     _Evil(np._core.multiarray._reconstruct, (int, (0,), b"b"))],
)  # fmt: skip
def test_pickles_of_anything_else_run_nothing(evil, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a").write_bytes(pickle.dumps({"data": evil}, 2))
    with pytest.raises(pickle.UnpicklingError):
        read_batch("a")
    assert not Path("ran").exists()


def test_a_size_in_a_pickle_takes_no_memory(tmp_path):
    array = _Evil(np._core.multiarray._reconstruct, (np.ndarray, (2**40,), b"b"))
    (tmp_path / "a").write_bytes(pickle.dumps({"data": array}, 2))
    assert read_batch(tmp_path / "a")["data"].size == 0


# --- the others -------------------------------------------------------------------------------------------------------


def test_svhn(tmp_path, monkeypatch):
    scipy_io = pytest.importorskip("scipy.io")
    pictures = np.stack([kit.picture(32, 32, 3, salt) for salt in range(3)])
    path = tmp_path / "test_32x32.mat"
    scipy_io.savemat(path, {"X": pictures.transpose(1, 2, 3, 0), "y": np.array([[10], [1], [2]], np.uint8)})
    entry = [*datasets.SVHN.split_list["test"][:2], hashlib.md5(path.read_bytes()).hexdigest()]
    monkeypatch.setitem(datasets.SVHN.split_list, "test", entry)
    data = datasets.SVHN(tmp_path, "test")
    assert [data[i][1] for i in range(len(data))] == [0, 1, 2]
    assert np.array_equal(np.asarray(data[2][0]), pictures[2])
    with pytest.raises(RuntimeError, match="not found or corrupted"):
        datasets.SVHN(tmp_path, "train")


def test_image_folder(tmp_path):
    from PIL import Image

    for name in ("cat/b.png", "cat/a.JPG", "dog/deep/c.bmp", "dog/notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".txt":
            path.write_text("no picture")
        else:
            Image.fromarray(kit.picture(4, 5, 1)).save(path)
    data = datasets.ImageFolder(tmp_path)
    assert data.classes == ["cat", "dog"]
    assert [(Path(p).name, t) for p, t in data.samples] == [("a.JPG", 0), ("b.png", 0), ("c.bmp", 1)]
    assert (data[1][0].mode, data[1][0].size, data.targets) == ("RGB", (5, 4), [0, 0, 1])
    batches = torch.utils.data.DataLoader(datasets.ImageFolder(tmp_path, transforms.ToTensor()), batch_size=3)
    assert next(iter(batches))[0].shape == (3, 3, 4, 5)
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="Found no valid file for the classes empty"):
        datasets.ImageFolder(tmp_path)
    assert len(datasets.ImageFolder(tmp_path, allow_empty=True)) == 3
    texts = datasets.DatasetFolder(tmp_path, lambda p: Path(p).read_text(), (".txt",), allow_empty=True)
    assert texts[0] == ("no picture", 1)


def test_fake_data_is_torchvisions():
    data = datasets.FakeData(4, (3, 2, 2), 10, random_offset=3)
    picture, target = data[1]  # figures of torchvision 0.29.1
    assert (np.asarray(picture).ravel().tolist(), target) == (FAKE[0], FAKE[1])
    with pytest.raises(IndexError):
        data[4]


FAKE = ([103, 50, 218, 59, 154, 175, 59, 149, 225, 216, 230, 195], 2)


def test_digits():
    pytest.importorskip("sklearn")
    train, test = datasets.Digits(), datasets.Digits(train=False)
    assert (len(train), len(test)) == (1438, 359)
    assert train[0][0].size == (8, 8)
    assert train.data.max().item() == 255


# --- downloads --------------------------------------------------------------------------------------------------------


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves `files`; knows ranges; cuts the first answer off after `cut` bytes."""

    files: dict[str, bytes] = {}
    cut: int | None = None
    ranges: list[str | None] = []

    def do_GET(self):
        content = self.files.get(self.path.lstrip("/"))
        asked = self.headers.get("Range")
        type(self).ranges.append(asked)
        if content is None:
            self.send_error(404)
            return
        first = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if asked and first >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        end = len(content)
        if type(self).cut is not None:
            end, type(self).cut = first + type(self).cut, None
        self.wfile.write(content[first:end])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    _Handler.files, _Handler.cut, _Handler.ranges = {}, None, []
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/"
    running.shutdown()
    running.server_close()


def test_download_goes_on_where_it_stopped(server, tmp_path):
    content = kit.numbers((50_000,), 1).tobytes()
    md5 = hashlib.md5(content).hexdigest()
    _Handler.files["a.bin"], _Handler.cut = content, 70_000
    with pytest.raises(RuntimeError, match="goes on where it stopped"):
        utils.download_url(server + "a.bin", tmp_path, md5=md5)
    assert not (tmp_path / "a.bin").exists()
    utils.download_url(server + "a.bin", tmp_path, md5=md5)
    assert (tmp_path / "a.bin").read_bytes() == content
    assert _Handler.ranges == [None, "bytes=70000-"]
    utils.download_url(server + "a.bin", tmp_path, md5=md5)  # it is here
    assert len(_Handler.ranges) == 2
    assert not list(tmp_path.glob("*.part"))


def test_a_wrong_checksum_leaves_nothing_behind(server, tmp_path):
    _Handler.files["a.bin"] = b"not what was asked for"
    with pytest.raises(RuntimeError, match="not found or corrupted"):
        utils.download_url(server + "a.bin", tmp_path, md5="0" * 32)
    assert not list(tmp_path.iterdir())


def test_without_a_network_the_message_says_what_to_do(tmp_path):
    with pytest.raises(RuntimeError, match=r"Where there is no network, put the file at .*a\.bin by hand"):
        utils.download_url("http://127.0.0.1:9/a.bin", tmp_path)


def test_mnist_is_fetched_from_the_second_mirror(server, tmp_path, monkeypatch):
    resources = []
    for stem in ("train", "t10k"):
        for kind, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
            content = gzip.compress(idx(array))
            _Handler.files[f"{stem}-{kind}-ubyte.gz"] = content
            resources.append((f"{stem}-{kind}-ubyte.gz", hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/", server])
    assert len(datasets.MNIST(tmp_path, download=True)) == 3


def test_cifar_is_fetched_and_unpacked(server, tmp_path, monkeypatch):
    small_cifar(monkeypatch, datasets.CIFAR10, tmp_path / "made", "labels")
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as archive:
        archive.add(tmp_path / "made" / datasets.CIFAR10.base_folder, datasets.CIFAR10.base_folder)
    _Handler.files["cifar.tar.gz"] = memory.getvalue()
    monkeypatch.setattr(datasets.CIFAR10, "url", server + "cifar.tar.gz")
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", hashlib.md5(memory.getvalue()).hexdigest())
    assert len(datasets.CIFAR10(tmp_path / "fetched", download=True)) == 10


def test_archives_cannot_write_outside_their_folder(tmp_path):
    inside = tmp_path / "inside"
    inside.mkdir()
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        entry = tarfile.TarInfo("../outside")
        archive.addfile(entry, io.BytesIO())
    with pytest.raises(tarfile.OutsideDestinationError):
        utils.extract_archive(tmp_path / "a.tar", inside)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("../outside", "x")
    utils.extract_archive(tmp_path / "a.zip", inside)  # zipfile drops the dots
    assert not (tmp_path / "outside").exists()
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"text"))
    assert Path(utils.extract_archive(tmp_path / "b.gz")).read_bytes() == b"text"
    (tmp_path / "c.xyz").write_bytes(b"x")
    with pytest.raises(RuntimeError, match="Unknown compression"):
        utils.extract_archive(tmp_path / "c.xyz")
