"""What the tests of data loading share: how an outcome is looked at, and small data sets. Nothing here needs JAX."""

from __future__ import annotations

import warnings
from collections import UserList
from collections.abc import Mapping

import numpy as np

SEED = 0


def plain(value):
    """``value`` in plain Python, with everything that the comparison is about: kinds, dtypes, shapes, values."""
    if type(value).__name__ == "Tensor":
        return ("Tensor", str(value.dtype), tuple(value.shape), tuple(value.stride()), value.tolist())
    if isinstance(value, np.ndarray):
        return ("ndarray", str(value.dtype), value.tolist())
    if isinstance(value, Mapping):
        return (type(value).__name__, [(key, plain(item)) for key, item in value.items()])
    if isinstance(value, (list, tuple, UserList)):
        return (type(value).__name__, [plain(item) for item in value])
    return value


def outcome(program, lib):
    """All that can be seen of ``program(lib)``, run from ``SEED``."""
    lib.manual_seed(SEED)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = ("gives", plain(program(lib)))
        except Exception as error:
            result = ("raises", type(error).__name__, str(error))
    # PyTorch on a machine with an accelerator pins instead of warning; that warning has a test of its own.
    said = [(w.category.__name__, str(w.message)) for w in caught if "pin_memory" not in str(w.message)]
    return {"result": result, "warnings": said, "next draw": lib.randperm(1000).tolist()[:4]}


def epochs(loader, count=1):
    return [list(loader) for _ in range(count)]


def seeded(lib, seed=7):
    return lib.Generator().manual_seed(seed)


def pairs(lib, size=10):
    """A TensorDataset of ``size`` rows ``[3]`` with integer labels."""
    x = lib.arange(size * 3, dtype=lib.float32).reshape(size, 3)
    return lib.utils.data.TensorDataset(x, lib.arange(size) * 10)


def interrupted_epoch(lib):
    loader = lib.utils.data.DataLoader(range(10), batch_size=2, shuffle=True)
    steps = iter(loader)
    first = [next(steps), next(steps)]
    return first, list(loader), list(steps)
