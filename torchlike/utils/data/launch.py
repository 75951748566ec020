"""Starting worker processes, and ending them.

By default they are forked from a server (`server.py`), of which there are two kinds: one without JAX, and a warm one,
which is used as soon as a worker has needed tensors. `multiprocessing_context="spawn"` or "forkserver" starts them by
Python's multiprocessing instead, which runs the main script again in each.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import pickle
import runpy
import socket
import subprocess
import sys
import threading
import weakref
from typing import Any

from torchlike.utils.data import server as _server
from torchlike.utils.data.handover import Block, Line, encode, places
from torchlike.utils.data.worker import Job

_lock = threading.Lock()
_running: dict[bool, _Server] = {}
_processes: weakref.WeakSet[Process] = weakref.WeakSet()
warm = threading.Event()
"""Set when a worker has needed tensors: from then on workers come from the server that has them."""


class _Server:
    """A server process and the line to it."""

    def __init__(self, is_warm: bool):
        self.control, theirs = socket.socketpair()
        self.owner = os.getpid()
        self.ended: dict[int, int] = {}
        self.pending = b""
        command = [
            sys.executable, "-P", _server.__file__, str(theirs.fileno()), str(int(is_warm)), json.dumps(sys.path),
        ]  # fmt: skip
        with theirs:
            self.process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], env=os.environ | _server.QUIET, stdin=subprocess.DEVNULL,
                start_new_session=True,  # an interrupt at the keyboard is for the parent, which then ends the workers
            )  # fmt: skip

    @property
    def usable(self) -> bool:
        return self.owner == os.getpid() and self.process.poll() is None

    def start(self) -> tuple[int, socket.socket]:
        """A new worker: its number as a process, and our end of the line to it."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self.control, [b"w"], [theirs.fileno()])
        while True:
            what, pid, *_ = self._event()
            if what == "started":
                return pid, ours

    def _event(self) -> list:
        while b"\n" not in self.pending:
            part = self.control.recv(4096)
            if not part:
                raise ConnectionError("the process that workers are forked from has ended")
            self.pending += part
        line, _, self.pending = self.pending.partition(b"\n")
        event = json.loads(line)
        if event[0] == "ended":
            self.ended[event[1]] = event[2]
        return event

    def end(self, pid: int) -> None:
        """Give a worker some seconds to leave."""
        if self.owner == os.getpid():
            with contextlib.suppress(OSError):
                self.control.sendall(b"e" + pid.to_bytes(8, "little"))

    def exit_code(self, pid: int) -> int | None:
        """Of a worker whose line is closed: how it ended."""
        self.control.settimeout(1.0)
        try:
            while pid not in self.ended:
                self._event()
        except (OSError, ConnectionError):
            return None
        finally:
            self.control.settimeout(None)
        return self.ended.pop(pid)

    def close(self) -> None:
        self.control.close()
        if self.owner != os.getpid():  # of a process that was forked from this one
            return
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _running_server(is_warm: bool) -> _Server:
    found = _running.get(is_warm)
    if found is None or not found.usable:
        if found is not None:
            found.close()
        elif not _running:
            atexit.register(_close_all)
        found = _running[is_warm] = _Server(is_warm)
    return found


def come_warm() -> None:
    """Tensors are needed in workers: begin the server that has them, for the next ones."""
    if not warm.is_set():
        warm.set()
        with _lock:
            _running_server(True)


def _close_all() -> None:
    for process in list(_processes):
        process.link.close()  # then it leaves by itself
    while _running:
        _running.popitem()[1].close()


class Process:
    """A worker process, however it was started."""

    def __init__(self, context: Any):
        if not hasattr(socket, "send_fds"):
            raise NotImplementedError(
                "DataLoader(num_workers>0) on a system without Unix sockets: use num_workers=0, which gives the same "
                "batches in the same order"
            )
        self.server: _Server | None = None
        self.process: Any = None
        if context is None:
            with _lock:
                self.server = _running_server(warm.is_set())
                self.pid, self.link = self.server.start()
            _processes.add(self)
            return
        self.link, theirs = socket.socketpair()
        with theirs:
            given = {"LINK": theirs, "PATH": list(sys.path)}
            options = {"init_globals": given, "run_name": "torchlike_worker"}
            self.process = context.Process(target=runpy.run_path, args=(_server.__file__,), kwargs=options, daemon=True)
            self.process.start()
        self.pid = self.process.pid

    def exit_code(self) -> int | None:
        """How it ended; None where that is not known."""
        if self.server is not None:
            return self.server.exit_code(self.pid)
        self.process.join(1.0)
        return self.process.exitcode

    def end(self) -> None:
        """It is to leave, and is made to when it does not within some seconds."""
        if self.server is not None:
            self.server.end(self.pid)
        elif self.process.is_alive():
            self.process.join(_server.GRACE)
            if self.process.is_alive():
                self.process.kill()
                self.process.join()


class Payload:
    """A job in the form in which all workers get it: its arrays in one block that they share."""

    def __init__(self, job: Job):
        self.body, buffers, saw_tensors = encode(job)
        self.spans, size = places(buffers)
        self.block = Block(size) if size else None
        if self.block is not None:
            self.block.fill(buffers, self.spans)
        if saw_tensors or b"torchlike.tensor" in self.body:
            come_warm()

    def give(self, line: Line, number: int, count: int, base_seed: int) -> None:
        """Tell worker `number` of `count` what it is to do."""
        surroundings = {
            "number": number, "count": count, "base_seed": base_seed, "path": list(sys.path), "argv": list(sys.argv),
            "environment": dict(os.environ) | _server.QUIET, "folder": _folder(),
        }  # fmt: skip
        message = pickle.dumps((self.spans, surroundings, self.body), 5)
        line.send(message, None if self.block is None else self.block.fd)


def _folder() -> str | None:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None
