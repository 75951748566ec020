"""The process that a loader's worker processes are forked from. Run as a file, before torchlike is imported.

Forking the process in which JAX computes is not safe: its threads and their locks do not come along. So workers come
from a process of their own that computes nothing and has one thread. It holds the data toolbox without JAX
(`shell.py`); a *warm* one has loaded all of torchlike, but asked JAX for no device: what it has loaded its workers
share, and they start in milliseconds.

Only the standard library may be imported here.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
import time
from typing import Any, NoReturn

GRACE = 5.0
"""Seconds that a worker has to leave by itself."""

QUIET = {
    "JAX_PLATFORMS": "cpu",  # a worker must not take the accelerator from its parent, nor its memory
    "NPROC": "1",  # XLA's pool of threads: workers share the cores with each other and with the parent
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""The environment of workers beside the parent's."""


def enter() -> Any:
    """Give this process a torchlike without JAX."""
    if "torchlike.utils.data.shell" in sys.modules:
        return sys.modules["torchlike.utils.data.shell"]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "shell.py")
    spec = importlib.util.spec_from_file_location("torchlike.utils.data.shell", path)
    shell = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # type: ignore[union-attr, arg-type]
    spec.loader.exec_module(shell)  # type: ignore[union-attr]
    shell.stand_in()
    return shell


def become_worker(link: socket.socket) -> None:
    """What a worker process does: all that the other end of `link` asks of it."""
    from torchlike.utils.data.worker import work

    work(link)


class Server:
    """Forks a worker for each request on `control`, reports what ended, and ends with its parent."""

    def __init__(self, control: socket.socket):
        self.control = control
        self.alive: set[int] = set()
        self.doomed: dict[int, float] = {}  # when to end a worker that was asked to leave
        self.woken, wakes = os.pipe()
        os.set_blocking(wakes, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)

    def run(self) -> None:
        """Until the parent closes its end of the line or is gone."""
        while True:
            either: list[Any] = [self.control, self.woken]
            ready, _, _ = select.select(either, [], [], 0.5 if self.doomed else None)
            if self.woken in ready:
                os.read(self.woken, 4096)
            self.reap()
            if self.control in ready and not self.serve():
                break
            now = time.monotonic()
            for pid in [pid for pid, end in self.doomed.items() if end <= now]:
                self.send_signal(pid, signal.SIGKILL)
                del self.doomed[pid]
        for ending, seconds in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 2.0)):
            for pid in self.alive:
                self.send_signal(pid, ending)
            end = time.monotonic() + seconds
            while self.alive and time.monotonic() < end:
                time.sleep(0.01)
                self.reap()

    def send_signal(self, pid: int, number: int) -> None:
        if pid in self.alive:  # not reaped, so the number is still this worker's
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def reap(self) -> None:
        while self.alive:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self.alive.discard(pid)
            self.doomed.pop(pid, None)
            with contextlib.suppress(OSError):
                self.answer("ended", pid, os.waitstatus_to_exitcode(status))

    def answer(self, *what: Any) -> None:
        self.control.sendall((json.dumps(what) + "\n").encode())

    def serve(self) -> bool:
        """One request: b"w" and a socket for a worker, or b"e" and the number of one that is to end."""
        try:
            kind, fds, _, _ = socket.recv_fds(self.control, 1, 1)
        except OSError:
            return False
        if kind == b"w":
            self.fork(fds[0])
        elif kind == b"e":
            pid = int.from_bytes(self.control.recv(8, socket.MSG_WAITALL), "little")
            if pid in self.alive:
                self.doomed[pid] = time.monotonic() + GRACE
        return bool(kind)

    def fork(self, fd: int) -> None:
        pid = os.fork()
        if not pid:
            self.be_worker(fd)
        os.close(fd)
        self.alive.add(pid)
        self.answer("started", pid)

    def be_worker(self, fd: int) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self.control.close()
            os.close(self.woken)
            become_worker(socket.socket(fileno=fd))
            code = 0
        except SystemExit as e:
            code = e.code if isinstance(e.code, int) else 1
        except BaseException:
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        finally:
            with contextlib.suppress(Exception):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)


def _main(fd: str, warm: str, path: str) -> None:
    sys.path[:] = json.loads(path)
    shell = enter()
    import torchlike.utils.data.worker  # noqa: F401  what every worker needs

    if warm == "1":
        shell.load()
    Server(socket.socket(fileno=int(fd))).run()


if __name__ == "__main__":
    _main(*sys.argv[1:])
elif __name__ == "torchlike_worker":  # a process that multiprocessing started: see launch.py
    os.environ.update(QUIET)
    sys.path[:] = globals()["PATH"]
    enter()
    become_worker(globals()["LINK"])
