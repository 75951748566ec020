"""Worker processes of DataLoader against PyTorch's: an augmented folder of pictures, start and memory of workers.

    python -m tests.benchmarks.loader pictures [torchlike|torch]   # images a second, two workers, by turns
    python -m tests.benchmarks.loader idle                         # how long the device waits for batches
    python -m tests.benchmarks.loader start                        # seconds to a first batch, and memory of a worker

The pictures are 512 JPEG and PNG files of 96 x 128 pixels that Pillow makes; each is opened, cropped and mirrored
at random, resized to 64 x 64 and normalised in NumPy. PyTorch forks its workers.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

COUNT, BATCH, SIZE = 512, 32, 64
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


def make_pictures(folder: pathlib.Path) -> None:
    """Noise over a gradient, half of it JPEG and half PNG, in eight folders for classes."""
    rng = np.random.default_rng(0)
    for i in range(COUNT):
        at = folder / str(i % 8)
        at.mkdir(exist_ok=True)
        ramp = np.linspace(0, 200, 128)[None, :, None] + rng.integers(0, 56, (96, 128, 3))
        Image.fromarray(ramp.astype(np.uint8)).save(at / f"{i}.{'png' if i % 2 else 'jpg'}")


class Folder:
    """The pictures of a folder of folders, augmented, as float32 of [3, 64, 64] with the number of their class."""

    def __init__(self, folder: pathlib.Path):
        self.files = sorted(folder.glob("*/*"))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int):
        path = self.files[index]
        with Image.open(path) as file:
            picture = file.convert("RGB")
        left, top = random.randrange(33), random.randrange(17)
        picture = picture.crop((left, top, left + 96, top + 80)).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        array = np.asarray(picture, np.float32) / 255
        if random.random() < 0.5:
            array = array[:, ::-1]
        return np.ascontiguousarray(((array - MEAN) / STD).transpose(2, 0, 1)), int(path.parent.name)


def batches(lib, folder: pathlib.Path, **options):
    return lib.utils.data.DataLoader(Folder(folder), batch_size=BATCH, shuffle=True, **options)


KINDS = {
    "no workers": {"num_workers": 0},
    "2 workers": {"num_workers": 2},
    "2 workers, persistent": {"num_workers": 2, "persistent_workers": True},
}


def epochs_on_request(name: str, folder: str) -> None:
    """One library in a process of its own: for each line that comes an epoch of each kind, answered in seconds."""
    lib = importlib.import_module(name)
    if name == "torch":
        lib.set_num_threads(1)
    loaders = [batches(lib, pathlib.Path(folder), **options) for options in KINDS.values()]
    for _ in sys.stdin:
        seconds = []
        for loader in loaders:
            start = time.perf_counter()
            for x, _ in loader:
                assert tuple(x.shape[1:]) == (3, SIZE, SIZE)
            seconds.append(time.perf_counter() - start)
        print(json.dumps(seconds), flush=True)


def pictures(names: list[str], rounds: int = 9) -> None:
    """Images a second over whole epochs, the libraries by turns: the workers' start within, and workers that stay."""
    with tempfile.TemporaryDirectory() as at:
        make_pictures(pathlib.Path(at))
        command = [sys.executable, "-m", "tests.benchmarks.loader", "_epochs"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        running = {name: subprocess.Popen([*command, name, at], **pipes) for name in names}
        found: dict = {name: [] for name in names}
        for _ in range(rounds + 1):
            for name, process in running.items():
                process.stdin.write("\n")
                process.stdin.flush()
                found[name].append(json.loads(process.stdout.readline()))
        for process in running.values():
            process.communicate()
        for name, seconds in found.items():
            for kind, (first, *rest) in zip(KINDS, zip(*seconds, strict=True), strict=True):
                middle, best = COUNT / statistics.median(rest), COUNT / min(rest)
                print(f"{name:10} {kind:22} {middle:7.0f} images/s (best {best:.0f}; first epoch {first:.2f} s)")


def idle(rounds: int = 5) -> None:
    """The share of a training epoch in which the device has nothing to do, with and without reading ahead onto it.

    That is what an epoch takes longer than the same steps with batches that are there, the loss read in each step or
    at the end alone.
    """
    import torchlike as torch
    from torchlike import nn

    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(7200, 8)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def epoch(loader, each: bool) -> float:
        start = time.perf_counter()
        for x, y in loader:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            if each:
                loss.item()
        loss.item()
        return time.perf_counter() - start

    with tempfile.TemporaryDirectory() as at:
        make_pictures(pathlib.Path(at))
        loaders = {"": list(batches(torch, pathlib.Path(at)))}
        for workers in (0, 1, 2):
            loader = batches(torch, pathlib.Path(at), num_workers=workers, persistent_workers=workers > 0)
            loaders[f"{workers} workers"] = loader
            loaders[f"{workers} workers, read ahead"] = torch.utils.data.prefetch_to_device(loader)
        found: dict = {}
        for _ in range(rounds + 1):
            for name, loader in loaders.items():
                for each in (True, False):
                    found.setdefault((name, each), []).append(epoch(loader, each))
    middle = {key: statistics.median(seconds[1:]) for key, seconds in found.items()}
    for (name, each), seconds in middle.items():
        if name:
            share = 1 - middle["", each] / seconds
            print(f"{name:22} loss read {'each step' if each else 'at the end'}: {share:4.0%} idle of {seconds:.2f} s")


def _memory() -> tuple[int, int]:
    """Proportional and private KiB of this process."""
    lines = pathlib.Path("/proc/self/smaps_rollup").read_text().splitlines()
    held = {line.split(":")[0]: int(line.split()[-2]) for line in lines[1:]}
    return held["Pss"], held["Private_Clean"] + held["Private_Dirty"]


class Arrays:
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int):
        return np.array(_memory())


class Tensors(Arrays):
    def __init__(self, lib: str):
        self.lib = lib

    def __getitem__(self, index: int):
        importlib.import_module(self.lib).ones(3) + 1
        return np.array(_memory())


def start(name: str) -> None:
    """Seconds from `iter` to the end of eight batches with two workers, three times, and the memory of a worker."""
    lib = importlib.import_module(name)
    lib.ones(3) + 1
    for what in (Arrays(), Tensors(name)):
        for round in range(3):
            begun = time.perf_counter()
            found = [batch.tolist() for batch in lib.utils.data.DataLoader(what, num_workers=2, batch_size=None)]
            seconds = time.perf_counter() - begun
            shared, private = found[-1]
            size = f"{private / 1024:.0f} MiB of its own, {shared / 1024:.0f} MiB with its part of what is shared"
            print(f"{name:10} {type(what).__name__:8} round {round}: {seconds:.2f} s, a worker has {size}")


if __name__ == "__main__":
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    what, *names = sys.argv[1:]
    if what == "_epochs":
        epochs_on_request(*names)
    elif what == "pictures":
        pictures(names or ["torchlike", "torch"])
    elif what == "idle":
        idle()
    else:
        for name in names or ["torchlike", "torch"]:
            start(name)
