"""Programs about the order of samples in several processes, and about where generators stand after epochs.

`python -m tests.sampler_programs torch tests/data/sampler_outcomes.json` runs all of them under PyTorch, whose workers
are forked, in a process in which JAX has computed nothing.
"""

from __future__ import annotations

import importlib
import itertools
import json
import pathlib
import sys
import zlib

from tests.data_kit import outcome, seeded


def parts(size, replicas, shuffle=True, drop_last=False, seed=0, epochs=(0,)):
    """A program: lengths and indices of every rank in some epochs."""

    def run(lib):
        make = lib.utils.data.DistributedSampler
        samplers = [make(range(size), replicas, rank, shuffle, seed, drop_last) for rank in range(replicas)]
        seen = []
        for epoch in epochs:
            for sampler in samplers:
                sampler.set_epoch(epoch)
            seen.append([(len(sampler), sampler.total_size, list(sampler)) for sampler in samplers])
        return seen

    return run


def made(*args, then=list, **options):
    return lambda lib: then(lib.utils.data.DistributedSampler(*args, **options))


def changed(**attributes):
    """A program: the indices after some attributes were set."""

    def run(lib):
        sampler = lib.utils.data.DistributedSampler(range(5), 2, 1)
        for name, value in attributes.items():
            setattr(sampler, name, value)
        return len(sampler), list(sampler)

    return run


def in_a_loader(lib):
    sampler = lib.utils.data.DistributedSampler(range(10), 3, 2, seed=4)
    loader = lib.utils.data.DataLoader(range(10), batch_size=2, sampler=sampler)
    seen = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        seen.append([batch.tolist() for batch in loader])
    return len(loader), seen


class Unsized:
    pass


DISTRIBUTED = {
    **{
        f"{size} over {replicas}, {'shuffle' if shuffle else 'in order'}{', drop_last' if drop_last else ''}": parts(
            size, replicas, shuffle, drop_last
        )
        for size, replicas, shuffle, drop_last in itertools.product(
            (0, 1, 2, 7, 12), (1, 3, 4, 9), (True, False), (True, False)
        )
    },
    "epochs": parts(11, 2, epochs=(0, 1, 5, 1)),
    "seeds": parts(11, 2, seed=123456789012, epochs=(0, 3)),
    "seed and epoch": parts(11, 2, seed=3, epochs=(4,)),
    "negative seed": parts(5, 2, seed=-7),
    "attributes": made(range(5), 2, 1, then=lambda s: sorted(vars(s).items(), key=lambda pair: pair[0])),
    "in a loader": in_a_loader,
    "rank too high": made(range(5), 2, 2),
    "rank too low": made(range(5), 2, -1),
    "no replicas": made(range(5), 0, 0),
    "no process group": made(range(5)),
    "no process group for the rank": made(range(5), 2),
    "no process group for their number": made(range(5), rank=0),
    "replicas that are no number": made(range(5), "a", 0),
    "a rank that is no index": made(range(5), 3, 1.0),
    "no length": made(Unsized(), 2, 0),
    "an epoch that is no number": changed(epoch="a"),
    "the data set grew": changed(dataset=range(9)),
    "the data set grew, drop_last": changed(dataset=range(9), drop_last=True),
    "the data set shrank": changed(dataset=range(3)),
    "total_size was set": changed(total_size=3, drop_last=True),
    "num_samples was set": changed(num_samples=1),
}


def state(generator_or_lib, get="get_state"):
    return zlib.crc32(bytes(getattr(generator_or_lib, get)().tolist()))


def states(workers=0, left_at=None, sampler=None, generator=False, **options):
    """A program: the states of the global generator and of one that is given, before and after each of three epochs."""

    def run(lib):
        data = lib.utils.data
        given = seeded(lib, 5) if generator else None
        more = {"sampler": sampler(data, given)} if sampler else {}
        loader = data.DataLoader(range(9), num_workers=workers, generator=given, **options, **more)
        seen = []
        for _ in range(3):
            it = iter(loader)
            seen.append((state(lib, "get_rng_state"), given and state(given)))
            seen.append([next(it).tolist() for _ in range(left_at)] if left_at else [x.tolist() for x in it])
            seen.append((state(lib, "get_rng_state"), given and state(given)))
        return seen

    return run


SAMPLERS = {
    "random, replacement": lambda data, g: data.RandomSampler(range(9), True, 40, generator=g),
    "random, twice round": lambda data, g: data.RandomSampler(range(9), False, 20, generator=g),
    "subset": lambda data, g: data.SubsetRandomSampler([1, 5, 8, 2], generator=g),
    "weighted": lambda data, g: data.WeightedRandomSampler([0.1, 3, 1, 2, 0.5], 7, generator=g),
    "distributed": lambda data, g: data.DistributedSampler(range(9), 2, 1),
}

STATES = {}
for given in (False, True):
    for workers, persistent in ((0, False), (2, False), (2, True)):
        tail = f"{workers} workers{', persistent' * persistent}{', generator' * given}"
        more = {"persistent_workers": True} if persistent else {}
        for shuffle in (False, True):
            STATES[f"{'shuffle' if shuffle else 'in order'}, {tail}"] = states(
                workers, generator=given, batch_size=2, shuffle=shuffle, **more
            )
        if workers != 2 or persistent:
            STATES[f"left early, {tail}"] = states(workers, 2, generator=given, batch_size=2, shuffle=True, **more)
        if not persistent:
            for name, sampler in SAMPLERS.items():
                STATES[f"{name}, {tail}"] = states(workers, sampler=sampler, generator=given, batch_size=3)
STATES["no batches"] = states(batch_size=None, shuffle=True)
STATES["prefetch 3, 2 workers"] = states(2, prefetch_factor=3, shuffle=True, left_at=1, generator=True)

PROGRAMS = {f"distributed: {k}": v for k, v in DISTRIBUTED.items()} | {f"states: {k}": v for k, v in STATES.items()}


def results(name: str) -> dict[str, str]:
    """What can be seen of each program under this library, as text."""
    lib = importlib.import_module(name)
    return {program: repr(outcome(run, lib)) for program, run in PROGRAMS.items()}


if __name__ == "__main__":
    text = json.dumps(results(sys.argv[1]), indent=0)
    pathlib.Path(sys.argv[2]).write_text(text + "\n")
