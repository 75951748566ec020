"""Worker processes of DataLoader: PyTorch's batches, errors, seeds; no JAX where none is needed; nothing left behind.

`loader_outcomes.json` holds what PyTorch 2.13 shows of each program in `loader_programs`.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import torchlike
from tests import loader_programs
from torchlike.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, launch
from torchlike.utils.data.collate import default_collate_fn_map

RECORDED = json.loads((pathlib.Path(__file__).parent / "data" / "loader_outcomes.json").read_text())
ROOT = pathlib.Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers are for systems with Unix sockets")


@pytest.fixture(scope="module")
def outcomes():
    return loader_programs.results("torchlike")


@pytest.mark.parametrize("program", loader_programs.PROGRAMS)
def test_same_as_pytorch(program, outcomes):
    assert outcomes[program] == RECORDED[program]


def test_nothing_is_recorded_that_is_not_run():
    assert sorted(RECORDED) == sorted(loader_programs.PROGRAMS)
    assert RECORDED["generators"] != RECORDED["generators, persistent"]  # the comparison sees a seed


# --- what a worker is -------------------------------------------------------------------------------------------------


class Here(Dataset):
    """Says things about the process that reads it."""

    def __init__(self, ask, size=2):
        self.ask, self.size = ask, size

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        return self.ask()


def asked(ask, **options):
    return list(DataLoader(Here(ask), batch_size=None, **({"num_workers": 2} | options)))


def has_jax():
    return "jax" in sys.modules, "torchlike.tensor" in sys.modules


def images():
    """What a data set of pictures does: arrays from files, no tensors."""
    return np.zeros((4, 4, 3), np.uint8), 3, "name", has_jax()


@pytest.fixture
def no_warm_server(monkeypatch):
    monkeypatch.setattr(launch, "warm", threading.Event())


def test_workers_have_no_jax(no_warm_server):
    assert asked(has_jax) == [[False, False]] * 2
    for pictures, labels, names, there in DataLoader(Here(images, 8), batch_size=4, num_workers=2):
        assert (type(pictures), tuple(pictures.shape)) == (torchlike.Tensor, (4, 4, 4, 3))
        assert (labels.tolist(), list(names)) == ([3] * 4, ["name"] * 4)
        assert [x.tolist() for x in there] == [[False] * 4] * 2


def where_tensors_are():
    x = torchlike.ones(2) + 1
    import jax

    return [d.platform for d in jax.devices()], os.environ["JAX_PLATFORMS"], str(x.device)


def test_tensors_in_workers_stay_on_the_cpu(no_warm_server):
    expected = [[["cpu"], "cpu", "cpu"]] * 2
    assert asked(where_tensors_are) == expected
    assert launch.warm.is_set()  # the next workers come with what these had to load
    assert asked(where_tensors_are) == expected
    assert asked(has_jax) == [[True, True]] * 2


def test_a_data_set_with_tensors_begins_warm(no_warm_server):
    data = TensorDataset(torchlike.arange(6).reshape(3, 2))
    assert [x.tolist() for (x,) in DataLoader(data, num_workers=1)] == [[[0, 1]], [[2, 3]], [[4, 5]]]
    assert launch.warm.is_set()


def surroundings():
    return os.getcwd(), os.environ.get("TORCHLIKE_TEST"), sys.argv


def test_workers_take_on_the_surroundings(monkeypatch, tmp_path):
    asked(surroundings)  # the server has begun
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCHLIKE_TEST", "x")
    monkeypatch.setattr(sys, "argv", ["a", "b"])
    assert asked(surroundings) == [[str(tmp_path), "x", ["a", "b"]]] * 2


class Big(Dataset):
    """An array that all workers see and each may write for itself."""

    def __init__(self):
        self.values = np.zeros(1 << 16)

    def __len__(self):
        return 4

    def __getitem__(self, index):
        self.values[0] += 1
        return self.values[0], self.values.flags.owndata


def test_workers_share_the_arrays_of_a_data_set():
    data = Big()
    seen = list(DataLoader(data, batch_size=None, num_workers=2))
    assert [(value.item(), owned) for value, owned in seen] == [(1, False), (1, False), (2, False), (2, False)]
    assert data.values[0] == 0


def test_user_rules_of_collation_go_to_workers(monkeypatch):
    monkeypatch.setitem(default_collate_fn_map, set, lambda batch, **_: sorted(set.union(*batch)))
    assert list(DataLoader([{1}, {2}, {1, 3}], batch_size=3, num_workers=1)) == [[1, 2, 3]]
    monkeypatch.setitem(default_collate_fn_map, int, lambda batch, **_: "ints")
    assert list(DataLoader([1, 2], batch_size=2, num_workers=1)) == ["ints"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_other_ways_of_starting(method):
    loader = DataLoader(Here(has_jax, 3), batch_size=3, num_workers=1, multiprocessing_context=method)
    assert [[x.tolist() for x in batch] for batch in loader] == [[[False] * 3] * 2]


def test_forks_are_refused_with_the_way_around():
    with pytest.raises(NotImplementedError, match="survive a fork. Leave it out, or use 'forkserver' or 'spawn'"):
        DataLoader(range(3), num_workers=1, multiprocessing_context="fork")


def test_a_data_set_that_cannot_be_pickled():
    with pytest.raises(TypeError, match="cannot pickle"):
        iter(DataLoader(Here(threading.Lock()), num_workers=1))


class Unpicklable(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return threading.Lock()


def test_a_batch_that_cannot_be_pickled():
    with pytest.raises(TypeError, match=r"(?s)Caught TypeError in DataLoader worker process 0\..*cannot pickle"):
        next(iter(DataLoader(Unpicklable(), batch_size=None, num_workers=1)))


SCRIPT = """
import collections
import torchlike as torch
from torchlike import nn

class Net(nn.Module):
    pass

Point = collections.namedtuple("Point", "x y")

class Points(torch.utils.data.Dataset):
    def __init__(self, transform):
        self.transform = transform
    def __len__(self):
        return 4
    def __getitem__(self, i):
        import sys
        return Point(self.transform(i), ("jax" in sys.modules))

scale = 10
loader = torch.utils.data.DataLoader(Points(lambda x: x * scale), batch_size=2, num_workers=2)
for batch in loader:
    print(type(batch) is Point, batch.x.tolist(), batch.y.tolist())
"""


def test_a_script_without_a_guard(tmp_path):
    """Scripts written for forked workers: nothing is guarded by __name__, and there are lambdas."""
    (tmp_path / "script.py").write_text(SCRIPT)
    run = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=300,
        capture_output=True, text=True,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.splitlines() == ["True [0, 10] [False, False]", "True [20, 30] [False, False]"]


# --- memory -----------------------------------------------------------------------------------------------------------


class Filled(Dataset):
    def __len__(self):
        return 60

    def __getitem__(self, index):
        return np.full(5000, index, np.int32)


@pytest.mark.parametrize("collate_fn", [None, np.stack], ids=["tensors", "arrays"])
def test_batches_that_are_kept_keep_their_values(collate_fn):
    """Blocks are filled again only when nobody looks at them: all at once, one at a time, parts of a batch."""
    loader = DataLoader(Filled(), batch_size=2, num_workers=2, collate_fn=collate_fn, persistent_workers=True)
    kept = list(loader)
    parts = [batch[0, :3] for batch in loader]
    for i, batch in enumerate(loader):
        assert (batch[:, 0].tolist(), batch[:, -1].tolist()) == ([2 * i, 2 * i + 1],) * 2
        batch += 1  # in place: ours to write
        assert batch[0, 0] == 2 * i + 1
    del loader
    assert [batch[:, 4999].tolist() for batch in kept] == [[i, i + 1] for i in range(0, 60, 2)]
    assert [part.tolist() for part in parts] == [[i] * 3 for i in range(0, 60, 2)]


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts files under /proc")
def test_no_descriptor_and_no_shared_memory_is_left():
    def look():
        return len(os.listdir("/proc/self/fd")), set(os.listdir("/dev/shm"))

    list(DataLoader(Filled(), num_workers=2))
    before = look()
    kept = []
    for _ in range(3):
        kept += list(DataLoader(Filled(), num_workers=2))
    assert look()[0] - before[0] < 40  # some blocks are held by what is kept, not one for each batch
    del kept
    for batch in DataLoader(Filled(), num_workers=2):
        del batch
        break
    gc.collect()
    files, shared = look()
    assert (files <= before[0], shared) == (True, before[1])


def test_what_an_epoch_that_was_left_sent_is_not_waited_behind(monkeypatch):
    loader = DataLoader(list(range(9)), num_workers=1, persistent_workers=True)
    next(iter(loader))
    time.sleep(0.5)  # its other batches have come
    epoch = iter(loader)
    time.sleep(0.5)  # and behind them the first of the next
    wait = type(epoch)._wait

    def wait_for_what_has_not_come(self, seconds):
        assert not any(worker.receiver.line.incoming for worker in self._workers)
        wait(self, seconds)

    monkeypatch.setattr(type(epoch), "_wait", wait_for_what_has_not_come)
    assert [x.item() for x in epoch] == list(range(9))


# --- ends -------------------------------------------------------------------------------------------------------------


def alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def all_end(pids, seconds=60.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


class Pids(IterableDataset):
    def __iter__(self):
        while True:
            yield os.getpid()


def test_workers_leave_when_the_loop_does():
    for options in ({}, {"persistent_workers": True}):
        loader = DataLoader(Pids(), num_workers=2, batch_size=4, **options)
        it = iter(loader)
        pids = {next(it)[0].item() for _ in range(4)}
        assert len(pids) == 2
        assert all(alive(pid) for pid in pids)
        del it, loader
        assert all_end(pids)


def test_a_dead_worker_says_of_what_it_died():
    loader = DataLoader(Pids(), num_workers=1, batch_size=1, persistent_workers=True)
    it = iter(loader)
    pid = next(it).item()
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(RuntimeError, match=rf"DataLoader worker \(pid\(s\) {pid}\) exited unexpectedly") as caught:
        for _ in it:
            pass
    assert str(caught.value.__cause__) == f"DataLoader worker (pid {pid}) is killed by signal: Killed. "
    assert next(iter(loader)).item() != pid  # and another epoch begins with new ones


def test_an_epoch_after_the_server_died():
    first = asked(os.getppid)[0]
    os.kill(first, signal.SIGKILL)
    assert all_end([first])
    assert asked(os.getppid)[0] != first


ENDLESS = """
    import os, sys, time
    import torchlike as torch

    class Slow(torch.utils.data.IterableDataset):
        def __iter__(self):
            yield os.getpid()
            yield os.getppid()
            while True:
                time.sleep(0.01)
                yield 0

    if __name__ == "__main__":
        options = {"multiprocessing_context": sys.argv[1]} if len(sys.argv) > 1 else {}
        loader = torch.utils.data.DataLoader(Slow(), batch_size=2, num_workers=2, **options)
        for i, x in enumerate(loader):
            if i < 2:
                print(*x.tolist(), flush=True)
            if i == 2:
                print("running", flush=True)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks at processes under /proc")
@pytest.mark.parametrize("method", ["", "spawn"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_nothing_is_left_of_an_interrupted_script(tmp_path, number, method):
    """An interrupt goes to all processes in the foreground, as a terminal sends it; the other signals to the script."""
    if method and number is not signal.SIGINT:
        pytest.skip("Python's multiprocessing has its own ends")
    (tmp_path / "endless.py").write_text(textwrap.dedent(ENDLESS))
    shared = set(os.listdir("/dev/shm"))
    script = subprocess.Popen(
        [sys.executable, "endless.py", *filter(None, [method])], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}, text=True, start_new_session=True,
        # a command that a shell runs in the background passes on that interrupts are ignored
        preexec_fn=functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    pids = {int(pid) for _ in range(2) for pid in script.stdout.readline().split()} - {script.pid}
    assert script.stdout.readline() == "running\n"
    assert len(pids) == (2 if method else 3)
    if number is signal.SIGINT:
        os.killpg(script.pid, number)
    else:
        script.send_signal(number)
    _, errors = script.communicate(timeout=120)
    assert script.returncode == -number
    assert ("KeyboardInterrupt" in errors) == (number is signal.SIGINT)
    assert errors.count("Traceback") <= 1  # the workers say nothing
    assert all_end(pids)
    assert set(os.listdir("/dev/shm")) <= shared


def test_iterators_say_what_they_are():
    it = iter(DataLoader(range(3), num_workers=1))
    assert type(it).__name__ == "_MultiProcessingDataLoaderIter"
    with pytest.raises(NotImplementedError):
        pickle.dumps(it)
