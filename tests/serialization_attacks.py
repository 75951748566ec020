"""Attacks on torch.save and torch.load, as long as one likes: kills in the middle of a save, and damaged files.

    python -m tests.serialization_attacks kills 100
    python -m tests.serialization_attacks corruptions 10000 [first seed]

A shorter run of each is in `test_serialization_corpus`.
"""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import pickle
import random
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator

import torchlike
from tests.serialization_kit import packed, plain, saved
from torchlike.serialization import load, safetensors, save

CLEAR = (RuntimeError, pickle.UnpicklingError, EOFError, ValueError, NotImplementedError)
"""The errors that damage may be answered with: RecursionError and MemoryError, say, are none of them."""

FORBIDDEN = (
    "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.remove", "os.rename", "os.mkdir", "os.chmod",
    "os.symlink", "os.link", "subprocess.Popen", "socket.", "shutil.", "ctypes.", "pty.", "webbrowser.", "code.__new__",
    "function.__new__", "tempfile.",
)  # fmt: skip


class Watch:
    """Python's own audit of what a process does: see `sys.addaudithook`. While it is on, what is done is noted."""

    def __init__(self) -> None:
        self.on, self.seen = False, []
        sys.addaudithook(self._note)

    def _note(self, event: str, args: tuple) -> None:
        if not self.on:
            return
        writes = event == "open" and (args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if writes or event.startswith(FORBIDDEN):
            self.seen.append(event)

    @contextlib.contextmanager
    def nothing_done(self) -> Iterator[None]:
        """An AssertionError if something was done within."""
        self.seen.clear()
        self.on = True
        try:
            yield
        finally:
            self.on = False
        assert not self.seen, f"the file did {self.seen}"


# --- kills ------------------------------------------------------------------------------------------------------------

SIZE = 300_000


def endless_saves(path: str) -> None:
    """Save one state after the other; say so when the first is there."""
    tensors = {n: {"n": n, "a": torchlike.full((SIZE,), float(n)), "b": torchlike.full((7,), n)} for n in range(4)}
    for n in range(1 << 30):
        save(tensors[n % 4], path)
        if n == 0:
            print("ready", flush=True)


def kills(count: int, seed: int = 0) -> int:
    """Kill a process that saves, `count` times; how often it was in the middle, by the file that it left beside."""
    moments, interrupted = random.Random(seed), 0
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "state.pt"
        for _ in range(count):
            child = subprocess.Popen(
                [sys.executable, "-m", "tests.serialization_attacks", "save", str(path)], stdout=subprocess.PIPE
            )
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            time.sleep(moments.uniform(0, 0.1))
            child.kill()
            child.wait()
            child.stdout.close()
            state = load(path)
            n = state["n"]
            assert state["a"].shape == (SIZE,)
            assert bool((state["a"] == n).all())
            assert state["b"].tolist() == [n] * 7
            rest = [other for other in path.parent.iterdir() if other != path]
            interrupted += bool(rest)
            for other in rest:
                other.unlink()
    return interrupted


# --- corruptions ------------------------------------------------------------------------------------------------------


def state():
    model = torchlike.nn.Linear(3, 4)
    weights = {"half": torchlike.ones(5, dtype=torchlike.bfloat16), "tied": model.weight.detach()}
    return {"model": model.state_dict() | weights, "epoch": 3, "names": ("a", "b"), "lr": 0.1, "step": {1, 2}}


def damaged(data: bytes, rng: random.Random) -> bytes:
    """The bytes with one random thing done to them."""
    at = rng.randrange(len(data))
    length = min(rng.choice((1, 1, 2, 4, 8, 64)), len(data) - at)
    what = rng.randrange(8)
    if what == 0:
        return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
    if what == 1:
        return data[:at] + rng.randbytes(length) + data[at + length :]
    if what == 2:
        return data[:at]
    if what == 3:
        return data[:at] + rng.randbytes(length) + data[at:]
    if what == 4:
        return data[:at] + data[at + length :]
    if what == 5:
        return data[: at + length] + data[at:]
    if what == 6:
        return data[:at] + rng.choice((b"\xff", b"\x00", b"\x7f")) * length + data[at + length :]
    other = rng.randrange(len(data) - length + 1)
    return data[:at] + data[other : other + length] + data[at + length :]


def compressed(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    return out.getvalue()


class Corruptions:
    """Damages files of each kind and loads them."""

    def __init__(self) -> None:
        self.watch = Watch()
        whole = saved(state()).getvalue()
        with zipfile.ZipFile(io.BytesIO(whole)) as z:
            self.records = {name.partition("/")[2]: z.read(name) for name in z.namelist()}
        self.good = plain(load(io.BytesIO(whole)))
        tensors = {k: v.clone() for k, v in state()["model"].items()}
        self.kinds = {
            "zip": whole, "compressed zip": compressed(whole), "pickle": self.records["data.pkl"],
            "old format": saved(state(), _use_new_zipfile_serialization=False).getvalue(),
            "safetensors": safetensors.save(tensors),
        }  # fmt: skip

    def one(self, seed: int) -> str:
        """One damaged file: "error", "equal" or "other" (another value, where there is no checksum)."""
        rng = random.Random(seed)
        kind = rng.choice(sorted(self.kinds))
        data = damaged(self.kinds[kind], rng)
        for _ in range(rng.choice((0, 0, 1, 3))):
            data = damaged(data, rng) if data else data
        if kind == "pickle":  # inside a sound archive, with a right checksum
            others = {k: v for k, v in self.records.items() if k not in ("data.pkl", "version")}
            data = packed(data, **others).getvalue()
        with self.watch.nothing_done():
            try:
                found = safetensors.load(data) if kind == "safetensors" else load(io.BytesIO(data))
            except CLEAR as e:
                if not str(e):
                    raise AssertionError(f"{type(e).__name__} without a message") from e
                return "error"
        if kind in ("zip", "compressed zip"):
            assert plain(found) == self.good, "another value passed the checksums"
            return "equal"
        return "other"


def corruptions(count: int, first: int = 0) -> dict[str, int]:
    """What became of `count` damaged files."""
    run, seen = Corruptions(), {}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for seed in range(first, first + count):
        try:
            what = run.one(seed)
        except BaseException as e:
            e.add_note(f"seed {seed}")
            raise
        seen[what] = seen.get(what, 0) + 1
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 300_000, f"the process grew by {grown} KiB"
    return seen | {"grown by KiB": grown}


if __name__ == "__main__":
    if sys.argv[1] == "save":
        endless_saves(sys.argv[2])
    elif sys.argv[1] == "kills":
        print(f"{sys.argv[2]} kills, each left a whole file; {kills(int(sys.argv[2]))} were in the middle of a save")
    else:
        print(corruptions(*map(int, sys.argv[2:])))
