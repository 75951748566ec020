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

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # malloc.h


def keep_freed() -> None:
    """Set malloc so, for the whole process. Early: a thread stays with the arena that it has."""
    off = os.environ.get("TORCHLIKE_MALLOC", "").lower() in ("off", "0", "no", "false")
    if off or _set_by_user() or (libc := _glibc()) is None:
        return
    libc.mallopt(M_TRIM_THRESHOLD, KEPT)
    libc.mallopt(M_MMAP_THRESHOLD, MAPPED)
    libc.mallopt(M_ARENA_MAX, 1)


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
