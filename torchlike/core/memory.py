"""Memory that glibc's malloc keeps between steps, instead of giving it back to Linux and taking it again, page by page.

A step's intermediate results are allocated and freed as a whole. glibc maps a block of more than 32 MiB anew each time,
and frees the end of its heap as soon as it is larger than twice the largest block seen; each page of 4 KiB that comes
back is a fault of 2 microseconds. Three settings keep them (https://man7.org/linux/man-pages/man3/mallopt.3.html).
Processor time of a step, two x86-64 cores, glibc 2.36; of a loop of lengths, `tests/benchmarks/lengths.py`:

                                      resnet32             lengths
    as it comes                       77 ms  9,114 faults  24 ms  1,060 faults
    these settings                    61         1         19        96

`gpt` and `lenet128` meet no faults either way and take the same time. The peak of the resident memory was 371 MiB in
place of 370; after the steps 371 stay in place of 329. At the end of the heap at most `KEPT` more can stay; blocks of
32 to 128 MiB lie in the heap now, so holes between blocks in use can hold more (after 1 GiB in blocks of 1 or 16 MiB
was freed, 224 MiB more than otherwise).

One arena, because a thread of XLA's that has one of its own allocates there in heaps of 64 MiB, which glibc unmaps
whole when they are empty, whatever the thresholds: faults then come and go with the thread that runs the step. Threads
wait for each other only in malloc itself: four on two cores took 75 ns for a block of 4 KB and 61 with arenas of their
own, and the same below 1 KB, where each has a cache.

Most Linux systems give a process pages of 2 MiB where it asks for them (transparent_hugepage/enabled is `madvise`).
The heap is therefore grown once by what is kept anyway, untouched and so without taking memory, and asks: one page
table entry then serves what 512 did. Processor time of a step, in turns on one core: `resnet32` 0.95, `gpt` 0.96,
`lstm` 0.97, `lenet128` 0.98, `resnet` 0.98 of what it was.

`TORCHLIKE_MALLOC=off` leaves malloc as it is; so does a setting of the user's, or another allocator in its place.
"""

from __future__ import annotations

import ctypes
import os
import sys

KEPT = 2**28
"""So many free bytes at the end of the heap are kept."""

MAPPED = 2**27
"""A block of so many bytes is mapped by itself, and given back when it is freed."""

HUGE = 2**21
MADV_HUGEPAGE = 14  # asm-generic/mman-common.h

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h


def keep_freed() -> None:
    """Set malloc so, for the whole process. Early: a thread stays with the arena that it has."""
    off = os.environ.get("TORCHLIKE_MALLOC", "").lower() in ("off", "0", "no", "false")
    if off or _set_by_user() or (libc := _glibc()) is None:
        return
    libc.mallopt(M_TRIM_THRESHOLD, KEPT)
    libc.mallopt(M_MMAP_THRESHOLD, MAPPED)
    libc.mallopt(M_ARENA_MAX, 1)
    _ask_for_huge_pages(libc)


def _ask_for_huge_pages(libc: ctypes.CDLL) -> None:
    """Grow the heap to what is kept, and ask for large pages there. Where there are none nothing changes."""
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    size = MAPPED - 2**24  # a block that still comes from the heap
    blocks = [libc.malloc(size) for _ in range(KEPT // MAPPED)]
    for block in filter(None, reversed(blocks)):
        first, last = -(-block // HUGE) * HUGE, (block + size) // HUGE * HUGE
        libc.madvise(first, last - first, MADV_HUGEPAGE)
        libc.free(block)


def _set_by_user() -> bool:
    return "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "") or any(
        name.startswith("MALLOC_") and name.endswith("_") for name in os.environ
    )


def _glibc() -> ctypes.CDLL | None:
    """The C library, if it is glibc and its malloc is the one that the process uses."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.gnu_get_libc_version  # noqa: B018
        ours, used = (ctypes.cast(library.malloc, ctypes.c_void_p).value for library in (libc, ctypes.CDLL(None)))
    except (OSError, AttributeError):
        return None
    return libc if ours == used else None
