"""Tensors of random size, dtype and layout, made alike in either library."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

REAL = ("float32", "float32", "float64", "float16", "bfloat16")
COMPLEX = ("complex64", "complex128")
INTEGERS = ("int64", "int32", "int16", "int8", "uint8")


SIZES = {
    0: [()],
    1: [(0,), (1,), (5,), (15,), (16,), (17,), (33,), (100,), (5000,)],
    2: [(0, 3), (3, 5), (4, 4), (16, 1), (7, 9), (1, 40), (60, 50)],
    3: [(2, 0, 3), (2, 3, 4), (4, 5, 6), (1, 6, 2), (3, 1, 7)],
    4: [(2, 3, 4, 5), (2, 2, 3, 3), (1, 3, 1, 2), (2, 4, 1, 1), (3, 2, 2, 2)],
}
"""Sizes by number of dimensions: few elements, about 16 of them (where PyTorch's normals change), many, none."""


def size(rng: Random, least: int = 0, most: int = 4) -> tuple[int, ...]:
    """One of the sizes of so many dimensions."""
    return rng.choice(SIZES[rng.randint(least, most)])


def laid_out(lib: Any, rng: Random, values: np.ndarray, dtype: str, expand: bool = False) -> Any:
    """A tensor of these values: contiguous, permuted, with gaps, both, a part, channels last, or expanded."""
    shape, dims = values.shape, values.ndim
    layouts = ["contiguous", "contiguous", "permuted", "gaps", "both", "part"]
    if dims == 4:
        layouts += ["channels last"] * 3
    if expand and dims:
        layouts += ["expanded"] * 2
    layout = rng.choice(layouts)
    if layout == "expanded":
        dim = rng.randrange(dims)
        return _plain(lib, values[(slice(None),) * dim + (slice(0, 1),)], dtype).expand(shape)
    order = list(range(dims))  # of the dimensions in memory
    if layout in ("permuted", "both"):
        order = rng.choice([order[::-1], order[1:] + order[:1], order[:-2] + order[-2:][::-1]])
    if layout == "channels last":
        order = [0, 2, 3, 1]
    step, start = (2 if layout in ("gaps", "both") else 1), (1 if layout == "part" else 0)
    part = (slice(start, None, step),) * dims
    memory = np.zeros([shape[d] * step + start for d in order])
    back = np.argsort(order).tolist()
    memory.transpose(back)[part] = values
    made = _plain(lib, memory, dtype)
    if back != sorted(back):
        made = made.permute(back)
    return made[part] if step > 1 or start else made


def _plain(lib: Any, values: np.ndarray, dtype: str) -> Any:
    return lib.from_numpy(np.array(values)).to(getattr(lib, dtype))


def empty(lib: Any, rng: Random, dtypes: tuple = REAL, least: int = 0, most: int = 4) -> Any:
    """Memory to draw into."""
    shape = size(rng, least, most)
    return laid_out(lib, rng, np.zeros(shape), rng.choice(dtypes))


def uniforms(rng: Random, shape: tuple, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Numbers that a tensor may hold, from the case's own random numbers."""
    return np.random.RandomState(rng.getrandbits(31)).uniform(low, high, shape)
