"""How a loader and its workers talk: messages over a socket, arrays through memory that both map.

A message is a pickle (protocol 5) whose large arrays lie beside it, in a block of shared memory: written there once
by the sender, used in place by the receiver. Blocks have no names in the file system and are handed over as file
descriptors, so that nothing is left behind however a process ends. A block that the parent has done with goes back to
the worker, which fills it again.

Functions and classes of the main script and lambdas are pickled by value (cloudpickle), so that a worker need not run
the script again.
"""

from __future__ import annotations

import collections
import contextlib
import io
import mmap
import os
import pickle
import socket
import struct
import tempfile
import weakref
from multiprocessing import connection
from typing import Any

import cloudpickle
import numpy as np

import torchlike as torch
from torchlike.utils.data import shell
from torchlike.utils.data.arrays import Collated

ALIGNMENT = 64  # what XLA wants of memory that it uses in place
SMALL = 1024  # bytes of an array that travels in the message itself
HEAD = struct.Struct("<Qq?")  # bytes of the message, number of the block beside it, whether its descriptor comes along
NO_BLOCK = -1


# --- pickles ----------------------------------------------------------------------------------------------------------


def tensor_of(
    array: np.ndarray, kind: Any = None, requires_grad: bool = False, extra: dict | None = None,
    strides: tuple[int, ...] | None = None,
) -> Any:  # fmt: skip
    """A tensor whose memory is this array, which nobody else uses; `strides` if its dimensions lie in another order."""
    from torchlike.core.device import cpu
    from torchlike.core.value import put
    from torchlike.core.variable import wrap

    made: Any = wrap(put(np.asarray(array), cpu, copy=False))
    if kind is not None:
        made.__class__ = kind
    made._requires_grad = requires_grad
    made.__dict__.update(extra or {})
    if strides is not None:
        made._strided = (array.shape, strides, 0)
    return made


class _Pickler(cloudpickle.Pickler):
    """Tensors, and what stands for them, go as arrays; the others as cloudpickle has it."""

    saw_tensors = False

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is Collated:
            return tensor_of, (obj.array,)
        if shell.is_loaded() and isinstance(obj, torch.Tensor):
            self.saw_tensors = True
            if type(obj).__reduce_ex__ is torch.Tensor.__reduce_ex__:
                return self._tensor(obj)
        return super().reducer_override(obj)

    def _tensor(self, t: Any) -> Any:
        from torchlike.core.layout import without_gaps

        if t.requires_grad and not t.is_leaf:
            raise RuntimeError(
                "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not support "
                "crossing process boundaries.  If you just want to transfer the data, call detach() on the tensor "
                "before serializing (e.g., putting it on the queue)."
            )
        array = np.ascontiguousarray(t.detach().cpu()._host()).reshape(tuple(t.shape))
        extra = {name: held for name, held in t.__dict__.items() if not name.startswith("_")}
        keeps_strides = not t.is_contiguous() and without_gaps(tuple(t.shape), t.stride())
        if type(t) is torch.Tensor and not (t.requires_grad or extra or keeps_strides):
            return tensor_of, (array,)
        return tensor_of, (array, type(t), t.requires_grad, extra, tuple(t.stride()) if keeps_strides else None)


def encode(obj: Any) -> tuple[bytes, list[memoryview], bool]:
    """The pickle, the buffers beside it, and whether there are tensors in it."""
    buffers: list[memoryview] = []

    def beside(buffer: pickle.PickleBuffer) -> bool:
        raw = buffer.raw()
        if raw.nbytes < SMALL:
            return True  # in the pickle
        buffers.append(raw)
        return False

    file = io.BytesIO()
    pickler = _Pickler(file, protocol=5, buffer_callback=beside)
    pickler.dump(obj)
    return file.getvalue(), buffers, pickler.saw_tensors


def places(buffers: list[memoryview]) -> tuple[list[tuple[int, int]], int]:
    """Where each buffer lies in a block, (start, bytes), and the bytes of all."""
    at, spans = 0, []
    for buffer in buffers:
        spans.append((at, buffer.nbytes))
        at += -(-buffer.nbytes // ALIGNMENT) * ALIGNMENT
    return spans, at


# --- blocks of memory -------------------------------------------------------------------------------------------------


class Block:
    """Memory that two processes map. It is freed when both have given it up."""

    def __init__(self, size: int):
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("torchlike", os.MFD_CLOEXEC)
        else:
            with tempfile.TemporaryFile(prefix="torchlike") as file:
                fd = os.dup(file.fileno())
        try:
            os.ftruncate(fd, size)
            self.map = mmap.mmap(fd, size)
        except BaseException:
            os.close(fd)
            raise
        self.fd, self.size = fd, size

    def fill(self, buffers: list[memoryview], spans: list[tuple[int, int]]) -> None:
        """Copy the buffers to their places."""
        whole = np.frombuffer(self.map, np.uint8)
        for buffer, (start, length) in zip(buffers, spans, strict=True):
            whole[start : start + length] = np.frombuffer(buffer, np.uint8)

    def __del__(self):
        with contextlib.suppress(AttributeError, OSError):
            os.close(self.fd)


def mapped(fd: int, *, private: bool = False) -> np.ndarray:
    """The bytes of a block that came as a descriptor, which is closed; `private` keeps what is written to oneself."""
    try:
        size = os.fstat(fd).st_size
        held = mmap.mmap(fd, size, access=mmap.ACCESS_COPY) if private else mmap.mmap(fd, size)
    finally:
        os.close(fd)
    return np.frombuffer(held, np.uint8)


class _Lease:
    """A block in use: it goes back when the last array in it is gone."""

    def __init__(self, whole: np.ndarray):
        self.whole = whole
        self.__array_interface__ = whole.__array_interface__


def _aligned_copy(part: np.ndarray) -> np.ndarray:
    room = np.empty(part.size + ALIGNMENT, np.uint8)
    start = -room.ctypes.data % ALIGNMENT
    room[start : start + part.size] = part
    return room[start : start + part.size]


class Gone(Exception):
    """The other end of a line is closed, or its process has ended."""


# --- lines ------------------------------------------------------------------------------------------------------------


_TAKE = getattr(socket, "MSG_DONTWAIT", 0) | getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Line:
    """One end of the socket between a loader and a worker. An interrupt in the middle loses nothing."""

    def __init__(self, link: socket.socket):
        self.link = link
        self.incoming, self.outgoing = bytearray(), bytearray()
        self.descriptors: collections.deque[int] = collections.deque()

    def fileno(self) -> int:
        return self.link.fileno()

    def send(self, body: bytes, descriptor: int | None = None) -> None:
        """Send what the other end takes now; the rest waits for `flush`. Only a first message takes a descriptor."""
        head = HEAD.pack(len(body), NO_BLOCK, descriptor is not None)
        if descriptor is not None:
            head = head[socket.send_fds(self.link, [head], [descriptor]) :]
        self.outgoing += head
        self.outgoing += body
        self.flush()

    def flush(self) -> None:
        """Send more of what waits, as far as the other end takes it."""
        with contextlib.suppress(OSError):  # it takes no more for now, or the line is closed: `ready` says so
            while self.outgoing:
                sent = self.link.send(self.outgoing, socket.MSG_DONTWAIT)
                del self.outgoing[:sent]

    def ready(self) -> tuple[bytes, int, int | None] | None:
        """The next message that has come whole, (body, block, descriptor), without waiting. Gone: the other end is."""
        while True:
            if len(self.incoming) >= HEAD.size:
                length, block, comes = HEAD.unpack_from(self.incoming)
                end = HEAD.size + length
                if len(self.incoming) >= end:
                    body = bytes(memoryview(self.incoming)[HEAD.size : end])
                    del self.incoming[:end]
                    return body, block, self.descriptors.popleft() if comes else None
            try:
                # not socket.recv_fds, which takes flags and leaves them out (python/cpython, Lib/socket.py, 3.11)
                part, extra, _, _ = self.link.recvmsg(1 << 20, socket.CMSG_SPACE(8 * 4), _TAKE)
            except BlockingIOError:
                return None
            except ConnectionResetError:
                part, extra = b"", []
            for level, kind, content in extra:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    self.descriptors.extend(struct.unpack(f"{len(content) // 4}i", content[: len(content) // 4 * 4]))
            if not part:
                raise Gone
            self.incoming += part

    def close(self) -> None:
        """Hang up."""
        self.link.close()
        while self.descriptors:
            os.close(self.descriptors.popleft())


class Sender:
    """The worker's side of the blocks."""

    def __init__(self, link: socket.socket):
        self.line = Line(link)
        self.blocks: list[Block] = []
        self.free: list[int] = []

    def receive(self, wait: bool = True) -> tuple[bytes, int | None] | None:
        """The next message and its descriptor; without `wait`, None where none has come. Gone: the parent is."""
        while True:
            got = self.line.ready()
            if got is not None:
                return got[0], got[2]
            if not wait:
                return None
            connection.wait([self.line.link])

    def give_back(self, number: int) -> None:
        """The parent has done with a block."""
        self.free.append(number)

    def send(self, obj: Any) -> None:
        """Send an object, its large arrays through a block. Gone: the parent is."""
        body, buffers, _ = encode(obj)
        spans, size = places(buffers)
        message = pickle.dumps((spans, body), 5)
        if not size:
            self._send(HEAD.pack(len(message), NO_BLOCK, False) + message)
            return
        number = next((n for n in self.free if self.blocks[n].size >= size), None)
        fresh = number is None
        if number is None:
            number = self._new(size)
        else:
            self.free.remove(number)
        self.blocks[number].fill(buffers, spans)
        self._send(HEAD.pack(len(message), number, fresh) + message, self.blocks[number].fd if fresh else None)

    def _send(self, data: bytes, descriptor: int | None = None) -> None:
        try:
            if descriptor is not None:
                data = data[socket.send_fds(self.line.link, [data[: HEAD.size]], [descriptor]) :]
            self.line.link.sendall(data)
        except OSError as e:
            raise Gone from e

    def _new(self, size: int) -> int:
        """A block a little larger than asked for, in place of a free one that is too small, if there is one."""
        block = Block(-(-size * 9 // 8 // mmap.PAGESIZE) * mmap.PAGESIZE)
        if not self.free:
            self.blocks.append(block)
            return len(self.blocks) - 1
        number = self.free.pop()
        self.blocks[number] = block
        return number


class Receiver:
    """The parent's side of the blocks of one worker."""

    def __init__(self, link: socket.socket, most: int):
        self.line = Line(link)
        self.most = most  # blocks in use at a time; what comes beyond them is copied
        self.blocks: dict[int, np.ndarray] = {}
        self.done: collections.deque[int] = collections.deque()  # filled from whichever thread frees an array
        self.used = 0

    def receive(self) -> Any:
        """The next object that has come whole, as a tuple of one; None if there is none."""
        got = self.line.ready()
        if got is None:
            return None
        message, number, descriptor = got
        if descriptor is not None:
            self.blocks[number] = mapped(descriptor)
        spans, body = pickle.loads(message)
        if number == NO_BLOCK:
            return (pickle.loads(body),)
        whole = self.blocks[number]
        self.used += 1
        if self.used > self.most:
            parts = [_aligned_copy(whole[start : start + length]) for start, length in spans]
            self.done.append(number)
        else:
            lease = _Lease(whole)
            weakref.finalize(lease, self.done.append, number).atexit = False
            held = np.asarray(lease)
            parts = [held[start : start + length] for start, length in spans]
            del lease, held
        return (pickle.loads(body, buffers=parts),)

    def finished(self) -> list[int]:
        """The blocks that have become free since the last time."""
        free = [self.done.popleft() for _ in range(len(self.done))]
        self.used -= len(free)
        return free
