"""The data toolbox gives PyTorch's orders, batches, errors and warnings, and draws from the generator as PyTorch does.

``PROGRAMS`` is a table of small programs. Each runs from the same seed under torchlike and under PyTorch, and
everything that can be seen of it must agree: the result with its types and dtypes, or the error; the warnings; and what
the global generator draws next. ``RECORDED`` holds PyTorch's results for a few of them, for where it is not installed.
"""

import doctest
import importlib
import types
import warnings
from collections import OrderedDict, UserList, defaultdict, namedtuple

import numpy as np
import pytest

import torchlike
from tests.data_kit import SEED, epochs, interrupted_epoch, outcome, pairs, plain, seeded
from torchlike.utils.data import DataLoader, RandomSampler, Subset, TensorDataset, default_collate
from torchlike.utils.data.collate import default_collate_fn_map
from torchlike.utils.data.dataset import rows_at

Point = namedtuple("Point", ["x", "y"])


class FrozenMapping(dict):
    """A mapping that cannot be updated, only made."""

    def update(self, *_, **__):
        raise TypeError("frozen")


def stream(lib, size=7, length=None):
    """A stream of ``size`` integers that announces ``length``."""

    class Stream(lib.utils.data.IterableDataset):
        def __iter__(self):
            return iter(range(size))

        def __repr__(self):
            return "Stream()"

    if length is not None:
        Stream.__len__ = lambda self: length
    return Stream()


def batch_reader(lib):
    """A data set that reads whole batches by itself."""

    class BatchReader(lib.utils.data.Dataset):
        def __getitem__(self, index):
            raise AssertionError("read by batch")

        def __getitems__(self, indices):
            return [index * 100 for index in indices]

        def __len__(self):
            return 5

    return BatchReader()


def eager_sampler(lib):
    """A sampler that draws when its iterator is made: before the loader's own seed."""

    class Eager(lib.utils.data.Sampler):
        def __iter__(self):
            return iter(lib.randperm(6).tolist())

    return Eager()


def generator_afterwards(lib):
    generator = seeded(lib)
    loader = lib.utils.data.DataLoader(range(10), batch_size=4, shuffle=True, generator=generator)
    return epochs(loader, 2), lib.randperm(1000, generator=generator).tolist()[:4]


def half_an_epoch(lib):
    """How far the generator has moved when a sampler is left before its end."""
    generator = seeded(lib)
    indices = iter(lib.utils.data.RandomSampler(range(10), True, 70, generator=generator))
    return [next(indices) for _ in range(5)], lib.randperm(1000, generator=generator).tolist()[:4]


def warn_of_length(lib):
    loader = lib.utils.data.DataLoader(stream(lib, 5, length=3))
    return len(loader), list(loader), len(loader)


def subclass_with_own_rows(lib):
    class Doubled(lib.utils.data.TensorDataset):
        def __getitem__(self, index):
            return tuple(2 * row for row in super().__getitem__(index))

    return epochs(lib.utils.data.DataLoader(Doubled(lib.arange(4)), batch_size=3))


def half_a_subset(lib):
    class Half(lib.utils.data.Subset):
        def __getitem__(self, idx):
            return 0

    return Half(range(3), [0])


def set_after_init(name):
    return lambda lib: setattr(lib.utils.data.DataLoader(range(3)), name, 2)


def transposed(lib):
    data = lib.utils.data.TensorDataset(lib.arange(12).reshape(3, 4).t(), lib.arange(4))
    return epochs(lib.utils.data.DataLoader(data, batch_size=3))


def training_on_a_split(lib):
    data = lib.utils.data
    train, test = data.random_split(pairs(lib, 12), [8, 4])
    loaders = (data.DataLoader(train, batch_size=4, shuffle=True), data.DataLoader(test, batch_size=4))
    return [epochs(loader, 2) for loader in loaders]


def loader(dataset, **options):
    """A program: one epoch over ``dataset``, which may be a function of the library, as may each option."""

    def run(lib):
        given = {name: value(lib) if isinstance(value, types.LambdaType) else value for name, value in options.items()}
        return epochs(lib.utils.data.DataLoader(dataset(lib) if callable(dataset) else dataset, **given), 2)

    return run


def data(name, *args, then=list, **options):
    """A program: ``then(lib.utils.data.<name>(...))``; an argument that is a function of the library is called."""

    def run(lib):
        def value(given):
            return given(lib) if isinstance(given, types.LambdaType) else given

        made = getattr(lib.utils.data, name)(*map(value, args), **{key: value(item) for key, item in options.items()})
        return then(made)

    return run


def collate(*batch, by="default_collate"):
    return lambda lib: getattr(lib.utils.data, by)([item(lib) if callable(item) else item for item in batch])


def convert(value):
    return lambda lib: lib.utils.data.default_convert(value)


SAMPLERS = {
    "sequential": data("SequentialSampler", "abcd"),
    "random": data("RandomSampler", range(10)),
    "random, generator": data("RandomSampler", range(10), generator=seeded),
    "random, fewer": data("RandomSampler", range(10), num_samples=4),
    "random, more": data("RandomSampler", range(10), num_samples=25),
    "random, whole rounds": data("RandomSampler", range(5), False, 10),
    "random, replacement": data("RandomSampler", range(10), replacement=True),
    "random, replacement, blocks": data("RandomSampler", range(10), True, 70),
    "random, replacement, generator": data("RandomSampler", range(10), True, 40, generator=seeded),
    "random, half an epoch": half_an_epoch,
    "random, length": data("RandomSampler", range(10), then=len),
    "random, empty": data("RandomSampler", []),
    "random, replacement=1": data("RandomSampler", range(3), 1),
    "random, num_samples=0": data("RandomSampler", range(3), num_samples=0),
    "random, num_samples=2.5": data("RandomSampler", range(3), num_samples=2.5),
    "subset": data("SubsetRandomSampler", [3, 1, 4, 15, 9]),
    "subset, generator": data("SubsetRandomSampler", "abcde", generator=seeded),
    "subset, length": data("SubsetRandomSampler", [3, 1], then=len),
    "weighted": data("WeightedRandomSampler", [0.1, 0.9, 0.4, 3.0, 0.0], 12),
    "weighted, once each": data("WeightedRandomSampler", [0.1, 0.9, 0.4, 3.0], 4, replacement=False),
    "weighted, generator": data("WeightedRandomSampler", [0.1, 0.9, 0.4, 3.0], 5, generator=seeded),
    "weighted, length": data("WeightedRandomSampler", [1.0, 2.0], 5, then=len),
    "weighted, num_samples=True": data("WeightedRandomSampler", [1.0], True),
    "weighted, replacement=None": data("WeightedRandomSampler", [1.0], 1, None),
    "weighted, 2-D": data("WeightedRandomSampler", [[1.0, 2.0]], 1),
    "batches": data("BatchSampler", range(10), 3, False),
    "batches, drop_last": data("BatchSampler", range(10), 3, True),
    "batches, exact": data("BatchSampler", range(9), 3, True),
    "batches of random": data("BatchSampler", lambda lib: lib.utils.data.RandomSampler(range(7)), 3, False),
    "batches, lengths": lambda lib: [len(lib.utils.data.BatchSampler(range(10), 3, drop)) for drop in (True, False)],
    "batches, batch_size=0": data("BatchSampler", range(3), 0, False),
    "batches, batch_size=True": data("BatchSampler", range(3), True, False),
    "batches, batch_size=2.0": data("BatchSampler", range(3), 2.0, False),
    "batches, drop_last=1": data("BatchSampler", range(3), 2, 1),
    "base": data("Sampler"),
}

DATASETS = {
    "base": data("Dataset", then=lambda made: made[0]),
    "base, length": data("Dataset", then=len),
    "tensors": lambda lib: [pairs(lib)[3], len(pairs(lib)), pairs(lib)[-1]],
    "tensors, list": lambda lib: pairs(lib)[[1, 2]],
    "tensors, mismatch": lambda lib: lib.utils.data.TensorDataset(lib.ones(2), lib.ones(3)),
    "tensors, none": data("TensorDataset", then=len),
    "subset": data("Subset", "abcdef", [4, 0], then=lambda made: [made[0], made[-1], len(made)]),
    "subset, list": lambda lib: lib.utils.data.Subset(pairs(lib), [5, 1, 3])[[0, 2]],
    "subset, out of range": data("Subset", "abc", [1], then=lambda made: made[1]),
    "subset, batch": lambda lib: lib.utils.data.Subset(batch_reader(lib), [4, 2, 0]).__getitems__([0, 2]),
    "subset, half": half_a_subset,
    "concat": data("ConcatDataset", ["abc", "", "de"], then=lambda made: [made[i] for i in (0, 2, 3, 4, -1, -5)]),
    "concat, sizes": data("ConcatDataset", ["abc", "de"], then=lambda made: [len(made), made.cumulative_sizes]),
    "concat, plus": lambda lib: [(pairs(lib, 2) + pairs(lib, 3))[3], len(pairs(lib, 2) + pairs(lib, 3))],
    "concat, too low": data("ConcatDataset", ["abc"], then=lambda made: made[-4]),
    "concat, too high": data("ConcatDataset", ["abc"], then=lambda made: made[3]),
    "concat, empty": data("ConcatDataset", []),
    "concat, stream": lambda lib: lib.utils.data.ConcatDataset([stream(lib)]),
    "chain": lambda lib: list(lib.utils.data.ChainDataset([stream(lib, 2), stream(lib, 3)])),
    "chain, plus": lambda lib: list(stream(lib, 2) + stream(lib, 3)),
    "chain, length": lambda lib: len(lib.utils.data.ChainDataset([stream(lib, 2, 2), stream(lib, 3, 3)])),
    "chain, no length": lambda lib: len(lib.utils.data.ChainDataset([stream(lib)])),
    "chain, no stream": data("ChainDataset", [range(3)]),
    "stack": data("StackDataset", range(3), "abc", then=lambda made: [made[1], made[-1], len(made)]),
    "stack, dict": data("StackDataset", x=range(3), y="abc", then=lambda made: [made[1], len(made)]),
    "stack, batch": data("StackDataset", range(3), "abc", then=lambda made: made.__getitems__([2, 0])),
    "stack, dict batch": data("StackDataset", x=range(3), y="abc", then=lambda made: made.__getitems__([2, 0])),
    "stack, nested batch": data("StackDataset", batch_reader, range(5), then=lambda made: made.__getitems__([2, 0])),
    "stack, mismatch": data("StackDataset", range(3), "ab"),
    "stack, dict mismatch": data("StackDataset", x=range(3), y="ab"),
    "stack, both": data("StackDataset", range(3), y="abc"),
    "stack, none": data("StackDataset"),
}


def split(size, lengths, **options):
    return data("random_split", range(size), lengths, then=lambda parts: [list(p.indices) for p in parts], **options)


SPLITS = {
    "lengths": split(10, [3, 7]),
    "lengths, generator": split(10, [5, 0, 5], generator=seeded),
    "fractions": split(10, [0.3, 0.3, 0.4]),
    "fractions, remainder": split(11, [0.5, 0.5]),
    "fractions, round robin": split(17, [0.2] * 5),
    "fractions, part filled from the rest": split(3, [0.1, 0.9]),
    "fractions, two empty parts": split(2, [0.0, 0.0, 1.0]),
    "fractions, negative": split(10, [1.5, -0.5]),
    "wrong sum": split(10, [3, 3]),
    "wrong fractions": split(10, [0.3, 0.3]),
    "a negative length": split(10, [-1, 11]),
    "no lengths": split(0, []),
    "a whole of one": split(1, [1]),
    "samples": lambda lib: [list(part) for part in lib.utils.data.random_split("abcdefg", [4, 3])],
}

LOADERS = {
    "plain": loader(range(5)),
    "batches": loader(range(7), batch_size=3),
    "drop_last": loader(range(7), batch_size=3, drop_last=True),
    "shuffle": loader(range(10), batch_size=4, shuffle=True),
    "shuffle, generator": loader(range(10), batch_size=4, shuffle=True, generator=seeded),
    "no shuffle, generator": loader(range(4), generator=seeded),
    "shuffle, tensors": loader(pairs, batch_size=4, shuffle=True),
    "shuffle, split": training_on_a_split,
    "no batches": loader(range(3), batch_size=None),
    "no batches, tensors": loader(pairs, batch_size=None, shuffle=True),
    "no batches, arrays": loader([np.arange(2), np.float32(1.5)], batch_size=None),
    "sampler": loader(range(10), batch_size=3, sampler=[4, 2, 9, 1]),
    "sampler, draws at once": loader(range(6), batch_size=4, sampler=lambda lib: eager_sampler(lib)),
    "sampler, replacement": loader(
        range(10), batch_size=4, sampler=lambda lib: lib.utils.data.RandomSampler(range(10), True)
    ),
    "sampler, subset": loader(pairs, batch_size=2, sampler=lambda lib: lib.utils.data.SubsetRandomSampler([1, 5, 8])),
    "sampler, numpy": loader(pairs, batch_size=2, sampler=np.array([3, -1, 0])),
    "sampler, tensors": loader(pairs, batch_size=2, sampler=lambda lib: lib.tensor([3, 9, 0])),
    "sampler, keys": loader({"a": 1, "b": 2}, sampler=["b", "a"]),
    "sampler, out of range": loader(pairs, batch_size=2, sampler=[1, 10]),
    "sampler, bools": loader(pairs, batch_size=2, sampler=[True, True]),
    "batch_sampler": loader(pairs, batch_sampler=[[0, 1, 2], [7], [-1, -10]]),
    "batch_sampler, tuples": loader(pairs, batch_sampler=[(0, 1), (2,)]),
    "batch_sampler, ranges": loader(pairs, batch_sampler=[range(2), range(5, 7)]),
    "batch_sampler, tensors": loader(pairs, batch_sampler=lambda lib: [lib.tensor([2, 1])]),
    "batch_sampler, empty": loader(pairs, batch_sampler=[[]]),
    "batch_sampler, iterators": loader(pairs, batch_sampler=lambda lib: [iter([2, 1]), iter([3])]),
    "collate_fn": loader(pairs, batch_size=3, collate_fn=len),
    "collate_fn, list": loader("abcde", batch_size=2, collate_fn=list),
    "reads batches": loader(batch_reader, batch_size=2),
    "reads batches, subset": loader(lambda lib: lib.utils.data.Subset(batch_reader(lib), [3, 1]), batch_size=2),
    "reads batches, stack": loader(lambda lib: lib.utils.data.StackDataset(batch_reader(lib), range(5)), batch_size=2),
    "dicts": loader(lambda lib: lib.utils.data.StackDataset(x=pairs(lib, 4), y="abcd"), batch_size=3),
    "concat": loader(lambda lib: pairs(lib, 2) + pairs(lib, 3), batch_size=4, shuffle=True),
    "rows of one's own": subclass_with_own_rows,
    "rows, transposed": transposed,
    "subset of subset": loader(
        lambda lib: lib.utils.data.Subset(lib.utils.data.Subset(pairs(lib), [9, 7, 5]), [2, 0]), batch_size=2
    ),
    "subset, bad index": loader(lambda lib: lib.utils.data.Subset(pairs(lib), [1, 30]), batch_size=2),
    "interrupted": interrupted_epoch,
    "generator afterwards": generator_afterwards,
    "stream": loader(stream, batch_size=3),
    "stream, drop_last": loader(stream, batch_size=3, drop_last=True),
    "stream, exact": loader(lambda lib: stream(lib, 6), batch_size=3, drop_last=True),
    "stream, no batches": loader(stream, batch_size=None),
    "stream, shuffle=False": loader(stream, shuffle=False),
    "stream, empty": loader(lambda lib: stream(lib, 0), batch_size=2),
    "stream, longer than said": warn_of_length,
    "stream, shuffle": loader(stream, shuffle=True),
    "stream, sampler": loader(stream, sampler=[1]),
    "stream, batch_sampler": loader(stream, batch_sampler=[[1]]),
    "empty": loader([], batch_size=2),
    "empty, shuffle": loader([], shuffle=True),
    "num_workers=-1": loader(range(3), num_workers=-1),
    "timeout=-1": loader(range(3), timeout=-1),
    "timeout=1": loader(range(3), timeout=1),
    "prefetch_factor=2": loader(range(3), prefetch_factor=2),
    "prefetch_factor=-1": loader(range(3), num_workers=1, prefetch_factor=-1),
    "persistent_workers": loader(range(3), persistent_workers=True),
    "multiprocessing_context": loader(range(3), multiprocessing_context="fork"),
    "worker_init_fn": loader(range(3), worker_init_fn=print),
    "in_order=False": loader(range(3), in_order=False),
    "pin_memory": loader(range(3), pin_memory=True),
    "sampler and shuffle": loader(range(3), sampler=[1], shuffle=True),
    "batch_sampler and batch_size": loader(range(3), batch_sampler=[[1]], batch_size=2),
    "batch_sampler and shuffle": loader(range(3), batch_sampler=[[1]], shuffle=True),
    "batch_sampler and drop_last": loader(range(3), batch_sampler=[[1]], drop_last=True),
    "batch_size=None and drop_last": loader(range(3), batch_size=None, drop_last=True),
    "batch_size=0": loader(range(3), batch_size=0),
    "drop_last=1": loader(range(3), drop_last=1),
    "length": data("DataLoader", range(10), 3, then=len),
    "length, drop_last": data("DataLoader", range(10), 3, drop_last=True, then=len),
    "length, no batches": data("DataLoader", range(10), None, then=len),
    "length, batch_sampler": data("DataLoader", range(10), batch_sampler=[[1], [2]], then=len),
    "length, iterator": data("DataLoader", range(10), 3, then=lambda made: len(iter(made))),
    "length, stream": lambda lib: [
        len(lib.utils.data.DataLoader(stream(lib, 7, 7), size, drop_last=drop))
        for size, drop in ((3, False), (3, True), (None, False))
    ],
    "length, stream without": data("DataLoader", stream, then=len),
    "attributes": data(
        "DataLoader",
        range(10),
        3,
        then=lambda made: [
            made.batch_size,
            made.drop_last,
            made.num_workers,
            made.prefetch_factor,
            made.timeout,
            type(made.sampler).__name__,
            type(made.batch_sampler).__name__,
            made.collate_fn.__name__,
        ],
    ),
    "attributes, no batches": data(
        "DataLoader",
        range(10),
        None,
        True,
        then=lambda made: [type(made.sampler).__name__, made.batch_sampler, made.collate_fn.__name__],
    ),
    **{f"{name} later": set_after_init(name) for name in ("batch_size", "sampler", "dataset", "collate_fn")},
    "worker info": data("get_worker_info", then=lambda info: info),
}

COLLATES = {
    "tensors": collate(lambda lib: lib.ones(2), lambda lib: lib.zeros(2)),
    "tensors, 0-dim": collate(lambda lib: lib.tensor(1), lambda lib: lib.tensor(2)),
    "tensors, bool": collate(lambda lib: lib.tensor([True]), lambda lib: lib.tensor([False])),
    "tensors, sizes": collate(lambda lib: lib.ones(2), lambda lib: lib.ones(3)),
    "arrays": collate(np.arange(3), np.arange(3) + 3),
    "arrays, float32": collate(np.ones((2, 2), np.float32), np.zeros((2, 2), np.float32)),
    "arrays, uint8": collate(np.ones(2, np.uint8), np.ones(2, np.uint8)),
    "arrays, 0-dim": collate(np.array(1.5), np.array(2.5)),
    "arrays, transposed": collate(np.arange(6).reshape(2, 3).T, np.arange(6).reshape(2, 3).T),
    "arrays, dtypes": collate(np.ones(2, np.float32), np.ones(2, np.float64)),
    "arrays, sizes": collate(np.ones(2), np.ones(3)),
    "arrays, with tensor": collate(np.ones(2), lambda lib: lib.zeros(2, dtype=lib.float64)),
    "arrays, backwards": collate(np.arange(3)[::-1], np.arange(3)),
    "arrays, text": collate(np.array(["a"])),
    "arrays, objects": collate(np.array([None])),
    "numpy float32": collate(np.float32(1.5), np.float32(2.5)),
    "numpy float64": collate(np.float64(1.5), np.float64(2.5)),
    "numpy int32": collate(np.int32(1), np.int32(2)),
    "numpy bool": collate(np.bool_(True), np.bool_(False)),
    "numpy text": collate(np.str_("a"), np.str_("b")),
    "numpy date": collate(np.datetime64("2020-01-01")),
    "floats": collate(0.1, 2.0),
    "ints": collate(1, 2, 3),
    "bools": collate(True, False),
    "int and float": collate(1, 2.5),
    "text": collate("a", "b"),
    "bytes": collate(b"a", b"b"),
    "dicts": collate({"x": 1, "y": "a"}, {"x": 2, "y": "b"}),
    "dicts, missing key": collate({"x": 1}, {"y": 2}),
    "dicts, more keys": collate({"x": 1}, {"x": 2, "y": 2}),
    "ordered dicts": collate(OrderedDict(b=1, a=2.0), OrderedDict(b=3, a=4.0)),
    "default dicts": collate(defaultdict(list, x=1), defaultdict(list, x=2)),
    "mapping proxies": collate(types.MappingProxyType({"x": 1}), types.MappingProxyType({"x": 2})),
    "frozen mappings": collate(FrozenMapping(x=1), FrozenMapping(x=2)),
    "namedtuples": collate(Point(1, "a"), Point(2, "b")),
    "tuples": collate((1, "a", 2.0), (2, "b", 3.0)),
    "lists": collate([1, 2.0], [3, 4.0]),
    "lists, sizes": collate([1], [1, 2]),
    "user lists": collate(UserList([1, 2]), UserList([3, 4])),
    "ranges": collate(range(3), range(3)),
    "nested": collate(
        {"p": Point([1, (2.0, "a")], np.ones(1)), "q": ({"r": True},)},
        {"p": Point([3, (4.0, "b")], np.ones(1)), "q": ({"r": False},)},
    ),
    "none": collate(None),
    "sets": collate({1}, {2}),
    "nested none": collate((1, None), (2, None)),
    "nested none in a list": collate([1, {"x": None}]),
    "nothing": collate(),
}

CONVERTS = {
    "array": convert(np.arange(3)),
    "array, 0-dim": convert(np.array(1.5)),
    "array, text": convert(np.array(["a"])),
    "number": convert(np.float32(1.5)),
    "numpy text": convert(np.str_("a")),
    "python": convert([1, 2.5, "a", b"b", None, True]),
    "tensor": lambda lib: lib.utils.data.default_convert(lib.ones(2)),
    "dict": convert({"x": np.arange(2), "y": 1}),
    "default dict": convert(defaultdict(list, x=np.arange(2))),
    "mapping proxy": convert(types.MappingProxyType({"x": np.arange(2)})),
    "frozen mapping": convert(FrozenMapping(x=np.arange(2))),
    "namedtuple": convert(Point(np.arange(2), 1)),
    "tuple": convert((np.arange(2), 1)),
    "list": convert([np.arange(2), [np.float64(1)]]),
    "user list": convert(UserList([np.arange(2)])),
    "range": convert(range(3)),
    "set": convert({1}),
}

PROGRAMS = {
    f"{table}: {name}": program
    for table, programs in {
        "sampler": SAMPLERS,
        "dataset": DATASETS,
        "split": SPLITS,
        "loader": LOADERS,
        "collate": COLLATES,
        "convert": CONVERTS,
    }.items()
    for name, program in programs.items()
}


@pytest.fixture(scope="module")
def reference():
    return pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")


@pytest.mark.parametrize("name", PROGRAMS)
def test_same_as_pytorch(name, reference):
    assert outcome(PROGRAMS[name], torchlike) == outcome(PROGRAMS[name], reference)


# Three programs that tell the libraries apart, each by one thing that the comparison has to see.
TELLTALES = {
    "result": lambda lib: lib.ones(1, dtype=lib.float64 if lib is torchlike else lib.float32),
    "warnings": lambda lib: warnings.warn(lib.__name__, stacklevel=1),
    "next draw": lambda lib: lib is torchlike and lib.randperm(3) is None,
}


@pytest.mark.parametrize("what", TELLTALES)
def test_the_comparison_can_fail(what, reference):
    ours, theirs = outcome(TELLTALES[what], torchlike), outcome(TELLTALES[what], reference)
    assert [key for key in ours if ours[key] != theirs[key]] == [what]


def numbers(value):
    """The numbers in ``value``, with lists for all containers: what is left of a result when only the order counts."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return [numbers(item) for item in value] if isinstance(value, (list, tuple)) else value


# PyTorch 2.13: the result of the program and what the global generator draws after it.
RECORDED = {
    "sampler: random": ([6, 9, 0, 7, 3, 5, 4, 2, 1, 8], [933, 484, 39, 190]),
    "sampler: random, generator": ([5, 0, 3, 4, 1, 7, 9, 6, 8, 2], [44, 37, 675, 775]),
    "sampler: random, replacement": ([6, 0, 4, 3, 9, 5, 7, 8, 9, 1], [933, 484, 39, 190]),
    "sampler: subset": ([9, 3, 1, 15, 4], [963, 916, 319, 110]),
    "split: lengths": ([[4, 1, 7], [5, 3, 9, 0, 8, 6, 2]], [683, 972, 298, 990]),
    "split: fractions": ([[4, 1, 7], [5, 3, 9], [0, 8, 6, 2]], [683, 972, 298, 990]),
    "loader: shuffle": (
        [[[6, 7, 1, 4], [2, 0, 9, 8], [3, 5]], [[2, 4, 7, 0], [8, 9, 5, 3], [6, 1]]],
        [497, 550, 409, 491],
    ),
    "loader: shuffle, generator": (
        [[[1, 3, 5, 7], [9, 4, 6, 2], [8, 0]], [[5, 1, 6, 0], [9, 7, 8, 4], [3, 2]]],
        [44, 37, 675, 775],
    ),
    "loader: sampler, draws at once": (
        [[[5, 1, 0, 3], [2, 4]], [[3, 2, 4, 0], [5, 1]]],
        [878, 201, 446, 590],
    ),
    "loader: interrupted": (
        [[[6, 7], [1, 4]], [[2, 4], [7, 0], [8, 9], [5, 3], [6, 1]], [[2, 0], [9, 8], [3, 5]]],
        [497, 550, 409, 491],
    ),
}


@pytest.mark.parametrize("name", RECORDED)
def test_same_as_recorded(name):
    torchlike.manual_seed(SEED)
    result = numbers(PROGRAMS[name](torchlike))
    assert (result, torchlike.randperm(1000).tolist()[:4]) == RECORDED[name]


def rows(dtype=torchlike.float32, size=6, **options):
    return TensorDataset(torchlike.ones(size, 2, dtype=dtype, **options), torchlike.arange(size))


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "int8", "uint8", "bool", "complex64"])
@pytest.mark.parametrize("indices", [[0], [5, 0, 0, 3], [-1, -6, 2], [np.int64(4), 1]], ids=str)
def test_one_read_for_a_batch_is_the_stacked_rows(dtype, indices):
    values = torchlike.tensor(np.arange(24).reshape(6, 2, 2) % 7).to(getattr(torchlike, dtype))
    data = TensorDataset(values, values[:, 0, 0], values.transpose(0, 2)[:, :, :1].expand(2, 2, 6).permute(2, 0, 1))
    stacked = default_collate([data[index] for index in indices])
    assert plain(rows_at(data, indices)) == plain(stacked)
    upside_down = Subset(data, [5, 4, 3, 2, 1, 0])
    assert plain(rows_at(upside_down, indices)) == plain(default_collate([upside_down[index] for index in indices]))


def test_single_rows_are_not_read_where_one_read_will_do(monkeypatch):
    def refuse(self, index):
        raise AssertionError("a single row was read")

    monkeypatch.setattr(TensorDataset, "__getitem__", refuse)
    for data in (rows(), Subset(rows(), [4, 2, 0])):
        assert [len(x) for x, _ in DataLoader(data, batch_size=2, shuffle=True)] == [2] * (len(data) // 2) + [1] * (
            len(data) % 2
        )
        with pytest.raises(AssertionError, match="a single row was read"):
            next(iter(DataLoader(data, batch_size=2, collate_fn=list)))


class OwnRows(TensorDataset):
    def __getitem__(self, index):
        return 0


class OwnBatches(TensorDataset):
    def __getitems__(self, indices):
        return [0 for _ in indices]


class OwnSubset(Subset):
    pass


LEFT_TO_SINGLE_ROWS = {
    "another kind of data set": (lambda: range(6), [1]),
    "its own rows": (lambda: OwnRows(torchlike.ones(6)), [1]),
    "its own batches": (lambda: OwnBatches(torchlike.ones(6)), [1]),
    "a subset of another kind": (lambda: OwnSubset(rows(), [1]), [0]),
    "a gradient": (lambda: rows(requires_grad=True), [1]),
    "an index too high": (rows, [1, 6]),
    "an index too low": (rows, [1, -7]),
    "bools": (rows, [True]),
    "tensors": (rows, [torchlike.tensor(1)]),
    "slices": (rows, [slice(0, 2)]),
    "an iterator": (rows, iter([1])),
    "nothing": (rows, []),
}


@pytest.mark.parametrize("name", LEFT_TO_SINGLE_ROWS)
def test_everything_else_is_left_to_single_rows(name):
    make, indices = LEFT_TO_SINGLE_ROWS[name]
    assert rows_at(make(), indices) is None


def test_a_batch_carries_the_gradient_of_its_rows():
    weights = torchlike.ones(4, 2, requires_grad=True)
    for (batch,) in DataLoader(TensorDataset(weights), batch_size=2, sampler=[0, 3, 0]):
        batch.sum().backward()
    assert weights.grad.tolist() == [[2.0, 2.0], [0.0, 0.0], [0.0, 0.0], [1.0, 1.0]]


def test_a_batch_does_not_share_memory_with_the_data_set():
    data = rows()
    (x, _), *_ = DataLoader(data, batch_size=6)
    x.zero_()
    assert data.tensors[0].sum().item() == 12.0


def test_a_new_rule_for_a_type_is_used(monkeypatch):
    monkeypatch.setitem(default_collate_fn_map, set, lambda batch, **_: set.union(*batch))
    assert default_collate([({1}, 2), ({3}, 4)])[0] == {1, 3}
    monkeypatch.setitem(default_collate_fn_map, torchlike.Tensor, lambda batch, **_: len(batch))
    assert default_collate([np.ones(2), np.ones(2)]) == 2
    assert next(iter(DataLoader(rows(), batch_size=3))) == [3, 3]


def test_lengths_that_are_no_integers_are_refused():
    # PyTorch's class of error; its wording lists the overloads of its own randperm.
    with pytest.raises(TypeError):
        split(10, [2.5, 7.5])(torchlike)


def test_pinning_is_answered_with_a_warning():
    loader = DataLoader(range(3), pin_memory=True)
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true") as caught:
        batches = [batch.tolist() for batch in loader]
    assert batches == [[0], [1], [2]]
    assert caught[0].filename == __file__


def test_every_epoch_has_its_own_order():
    loader = DataLoader(range(50), batch_size=50, shuffle=True)
    torchlike.manual_seed(SEED)
    first, second = (next(iter(loader)).tolist() for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second) == list(range(50))


def test_a_sampler_follows_a_data_set_that_grows():
    data = [0, 1]
    sampler = RandomSampler(data)
    data.append(2)
    assert len(sampler) == 3
    assert sorted(sampler) == [0, 1, 2]


@pytest.mark.parametrize("module", ["", ".collate", ".dataloader", ".dataset", ".sampler", ".worker"])
def test_examples_in_the_docstrings_run(module):
    results = doctest.testmod(importlib.import_module(f"torchlike.utils.data{module}"), extraglobs={"torch": torchlike})
    assert results.failed == 0
    assert results.attempted > 0


def test_every_public_name_is_documented_with_an_example():
    package = importlib.import_module("torchlike.utils.data")
    assert [name for name in package.__all__ if ">>>" not in (getattr(package, name).__doc__ or "")] == []
