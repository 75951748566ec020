"""Small programs that load data with worker processes, for PyTorch and for torchlike.

`python -m tests.loader_programs torch tests/data/loader_outcomes.json` runs all of them under PyTorch, whose workers
are forked, in a process in which JAX has computed nothing, and records what can be seen of them.
"""

from __future__ import annotations

import importlib
import json
import os
import pathlib
import pickle
import random
import re
import signal
import sys
import time
import types
from collections import namedtuple

import numpy as np

from tests.data_kit import interrupted_epoch, outcome, pairs, plain, seeded

Point = namedtuple("Point", ["x", "y"])


class TwoArguments(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


class WithMessage(Exception):
    message = "m"

    def __init__(self, message):
        super().__init__(message)


def numbers(lib, size=10, read=None, base="Dataset"):
    """A data set of `size` samples `read(lib, self, index)`, by default the index."""

    class Numbers(getattr(lib.utils.data, base)):
        def __len__(self):
            return size

        def __getitem__(self, index):
            return index if read is None else read(lib, self, index)

        def __repr__(self):
            return "Numbers()"

    return Numbers()


def sharded(lib, size=10, length=None, share=True):
    """A stream of `size` integers of which each worker reads its share."""

    class Shards(lib.utils.data.IterableDataset):
        first, step = 0, 1

        def __iter__(self):
            info = lib.utils.data.get_worker_info()
            if share and info is not None:
                return iter(range(info.id, size, info.num_workers))
            return iter(range(self.first, size, self.step))

        def __repr__(self):
            return "Shards()"

    if length is not None:
        Shards.__len__ = lambda self: length
    return Shards()


def load(make, *, epochs=1, **options):
    """A program: the batches of some epochs with two workers."""

    def run(lib):
        given = {k: v(lib) if isinstance(v, types.LambdaType) else v for k, v in options.items()}
        loader = lib.utils.data.DataLoader(make(lib), **({"num_workers": 2} | given))
        return [list(loader) for _ in range(epochs)]

    return run


def errors(make, steps=3, **options):
    """A program: what each of some steps gives or raises; of tracebacks their beginning and end."""

    def run(lib):
        given = {k: v(lib) if isinstance(v, types.LambdaType) else v for k, v in options.items()}
        it, seen = iter(lib.utils.data.DataLoader(make(lib), **({"num_workers": 2} | given))), []
        for _ in range(steps):
            try:
                seen.append(plain(next(it)))
            except StopIteration:
                seen.append("ends")
            except Exception as e:
                lines = str(e).splitlines()
                ends = [re.sub(r"pid\(s\) \d+", "pid(s) N", line) for line in (lines[0], lines[-1])]
                seen.append((type(e).__name__, *ends, lines[1:2]))
        return seen

    return run


def raising(make_error, at=2):
    def read(lib, self, index):
        if index == at:
            raise make_error()
        return index

    return lambda lib: numbers(lib, 6, read)


def draws(lib, self, index):
    info = lib.utils.data.get_worker_info()
    return info.id, lib.rand(2), random.random(), np.random.rand(2), np.random.randint(1 << 30)


def information(lib, self, index):
    info = lib.utils.data.get_worker_info()
    return [info.id, info.num_workers, info.seed, info.worker_method, len(info.dataset), info.dataset is self]


def die(lib, self, index):
    if index == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return index


def leave(lib, self, index):
    if index == 3:
        os._exit(3)
    return index


def sleep(lib, self, index):
    time.sleep(5 if index == 1 else 0)
    return index


def set_shard(lib):
    def init(number):
        info = lib.utils.data.get_worker_info()
        info.dataset.first, info.dataset.step = number, info.num_workers

    return init


def failing_init(number):
    raise ValueError(f"worker {number} cannot begin")


def broken_epoch(lib):
    """Leave an epoch of persistent workers in its middle and go on."""
    loader = lib.utils.data.DataLoader(
        numbers(lib, 12, draws), batch_size=2, shuffle=True, num_workers=2, persistent_workers=True
    )
    it = iter(loader)
    return [next(it), next(it)], list(loader), list(loader)


def both_generators(lib):
    generator = seeded(lib)
    loader = lib.utils.data.DataLoader(
        numbers(lib, 6, draws), batch_size=2, shuffle=True, num_workers=2, generator=generator
    )
    return [list(loader) for _ in range(2)], lib.randperm(1000, generator=generator).tolist()[:4]


class TwiceDrawing:
    def __init__(self, lib):
        self.lib = lib

    def __iter__(self):
        return iter(self.lib.randperm(6).tolist())

    def __len__(self):
        return 6


def out_of_order(lib):
    loader = lib.utils.data.DataLoader(numbers(lib, 12), batch_size=2, num_workers=2, in_order=False)
    return sorted(batch.tolist() for batch in loader)


def kinds_of_tensor(lib, self, index):
    values = lib.arange(3) + index
    return {
        "float": values * 0.5, "double": values.double(), "bool": values > 1, "int": values.int(),
        "half": values.half(), "complex": values * 1j, "bytes": values.to(lib.uint8), "scalar": values[0],
        "none": values[:0], "long": values.expand(50, 3).clone(), "permuted": values.repeat(2, 1).t(),
    }  # fmt: skip


def bfloat(lib, self, index):
    return lib.ones(600, dtype=lib.bfloat16) * index


def leaves(lib, self, index):
    return [lib.ones(2, requires_grad=True), lib.nn.Parameter(lib.zeros(260))]


def grad_of(lib):
    loader = lib.utils.data.DataLoader(numbers(lib, 2, leaves), batch_size=None, num_workers=1)
    return [[type(t).__name__, t.requires_grad, t.tolist()] for sample in loader for t in sample]


def kinds_of_value(lib, self, index):
    return Point(
        {"i": index, "f": index / 4, "b": index > 1, "s": str(index), "by": bytes([index])},
        [np.float32(index), np.int16(index), np.bool_(True), np.full((2, 3), index, np.uint8), np.float64(0.5)],
    )


def own_collate(lib):
    return lambda batch: {"n": len(batch), "first": batch[0], "array": np.full(200, batch[0])}


def mixed(lib):
    """A function of the user's between the samples and the batch, with tensors."""
    return lambda batch: lib.utils.data.default_collate(batch) * 2 + lib.rand(1).item()


def attributes(lib):
    loader = lib.utils.data.DataLoader(range(3), num_workers=1)
    return [loader.prefetch_factor, loader.num_workers, loader.persistent_workers, loader.multiprocessing_context]


def warn_of_length(lib):
    loader = lib.utils.data.DataLoader(sharded(lib, 5, length=3, share=False), num_workers=2)
    return len(loader), list(loader), len(loader)


def after_the_end(lib):
    it = iter(lib.utils.data.DataLoader(range(2), num_workers=1))
    seen = [x.tolist() for x in it]
    return seen, next(it, "none"), next(it, "none"), len(it)


def context_of(value):
    return lambda lib: lib.utils.data.DataLoader(range(3), num_workers=1, multiprocessing_context=value)


PROGRAMS = {
    "plain": load(numbers),
    "batches": load(numbers, batch_size=3),
    "drop_last": load(numbers, batch_size=4, drop_last=True),
    "shuffle": load(numbers, batch_size=3, shuffle=True, epochs=2),
    "shuffle, one worker": load(numbers, batch_size=3, shuffle=True, num_workers=1),
    "shuffle, three workers": load(numbers, batch_size=1, shuffle=True, num_workers=3),
    "shuffle, generator": both_generators,
    "no batches": load(numbers, batch_size=None),
    "no batches, values": load(lambda lib: numbers(lib, 3, kinds_of_value), batch_size=None),
    "values": load(lambda lib: numbers(lib, 5, kinds_of_value), batch_size=2),
    "tensors": load(lambda lib: numbers(lib, 5, kinds_of_tensor), batch_size=2),
    "tensors, no batches": load(lambda lib: numbers(lib, 3, kinds_of_tensor), batch_size=None),
    "bfloat16": load(lambda lib: numbers(lib, 3, bfloat), batch_size=3, collate_fn=lambda lib: lambda b: b[1].sum()),
    "a TensorDataset": load(pairs, batch_size=4, shuffle=True, epochs=2),
    "rows of a split": load(lambda lib: lib.utils.data.random_split(pairs(lib), [6, 4])[0], batch_size=4),
    "concatenated": load(lambda lib: lib.utils.data.ConcatDataset([numbers(lib, 2), numbers(lib, 3)]), batch_size=2),
    "stacked": load(lambda lib: lib.utils.data.StackDataset(numbers(lib, 4), pairs(lib, 4)), batch_size=3),
    "leaves and parameters": grad_of,
    "sampler": load(numbers, sampler=[3, 1, 4], batch_size=2),
    "sampler that draws at once": load(numbers, sampler=lambda lib: TwiceDrawing(lib), batch_size=2, epochs=2),
    "batch_sampler": load(numbers, batch_sampler=[[0, 1, 2], [7], [9, 8]]),
    "prefetch 1": load(numbers, batch_size=2, prefetch_factor=1),
    "prefetch 5": load(numbers, batch_size=2, prefetch_factor=5),
    "more workers than batches": load(lambda lib: numbers(lib, 2), batch_size=2, num_workers=2),
    "nothing to read": load(lambda lib: numbers(lib, 0)),
    "own collate": load(numbers, batch_size=4, collate_fn=own_collate),
    "own collate with tensors": load(numbers, batch_size=4, collate_fn=mixed),
    "generators": load(lambda lib: numbers(lib, 8, draws), batch_size=2, epochs=2),
    "generators, persistent": load(lambda lib: numbers(lib, 8, draws), batch_size=2, epochs=2, persistent_workers=True),
    "persistent": load(numbers, batch_size=3, shuffle=True, epochs=3, persistent_workers=True),
    "persistent, an epoch broken off": broken_epoch,
    "an epoch broken off": interrupted_epoch,
    "worker info": load(lambda lib: numbers(lib, 4, information), batch_size=None),
    "not in order": out_of_order,
    "stream": load(sharded, batch_size=3),
    "stream, single": load(sharded, batch_size=None),
    "stream, the same in all workers": load(lambda lib: sharded(lib, 3, share=False), batch_size=2),
    "stream, drop_last": load(sharded, batch_size=3, drop_last=True),
    "stream, shorter in one worker": load(lambda lib: sharded(lib, 5), batch_size=1, num_workers=2),
    "stream, by worker_init_fn": load(
        lambda lib: sharded(lib, share=False), batch_size=2, worker_init_fn=lambda lib: set_shard(lib)
    ),
    "stream, persistent": load(sharded, batch_size=3, epochs=3, persistent_workers=True),
    "stream, more than announced": warn_of_length,
    "stream, chained": load(lambda lib: sharded(lib, 4) + sharded(lib, 3), batch_size=2),
    "after the end": after_the_end,
    "attributes": attributes,
    "raises ValueError": errors(raising(lambda: ValueError("bad sample")), 7),
    "raises KeyError": errors(raising(lambda: KeyError("key"))),
    "raises with two arguments": errors(raising(lambda: TwoArguments(1, 2))),
    "raises with a message": errors(raising(lambda: WithMessage("text"))),
    "raises StopIteration": errors(raising(lambda: StopIteration("end"))),
    "raises EOFError": errors(raising(lambda: EOFError("file"))),
    "raises ConnectionError": errors(raising(lambda: ConnectionResetError("peer"))),
    "raises an error of the library": errors(lambda lib: numbers(lib, 4, lambda lib, s, i: lib.ones(2) @ lib.ones(3))),
    "samples of unequal size": errors(lambda lib: numbers(lib, 4, lambda lib, s, i: lib.ones(i)), batch_size=2),
    "arrays of unequal size": errors(lambda lib: numbers(lib, 4, lambda lib, s, i: np.ones(i)), batch_size=2),
    "samples of no kind": errors(lambda lib: numbers(lib, 4, lambda lib, s, i: None), batch_size=2),
    "index out of range": errors(lambda lib: [1, 2], 1, sampler=[5]),
    "worker_init_fn raises": errors(numbers, 1, worker_init_fn=lambda lib: failing_init),
    "worker is killed": errors(lambda lib: numbers(lib, 8, die), 1, num_workers=1, batch_size=8),
    "worker leaves": errors(lambda lib: numbers(lib, 8, leave), 1, num_workers=1, batch_size=8),
    "timeout": errors(lambda lib: numbers(lib, 4, sleep), 2, timeout=0.5, num_workers=1),
    "prefetch_factor=0": lambda lib: iter(lib.utils.data.DataLoader(range(3), num_workers=1, prefetch_factor=0)),
    "context of no name": context_of("thread"),
    "context of no kind": context_of(3),
    "iterator pickled": lambda lib: pickle.dumps(iter(lib.utils.data.DataLoader(range(3), num_workers=1))),
}


FORKS = "JAX is multithreaded"  # a warning of PyTorch's forks, where JAX is in the process


def results(name: str) -> dict[str, str]:
    """What can be seen of each program under this library, as text."""
    lib = importlib.import_module(name)
    seen = {}
    for program, run in PROGRAMS.items():
        found = outcome(run, lib)
        found["warnings"] = [w for w in found["warnings"] if FORKS not in w[1]]
        seen[program] = repr(found)
    return seen


if __name__ == "__main__":
    from tests import loader_programs  # not __main__, so that classes have the same names here and there

    text = json.dumps(loader_programs.results(sys.argv[1]), indent=0)
    pathlib.Path(sys.argv[2]).write_text(text + "\n")
