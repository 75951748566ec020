"""NaN in, NaN out where PyTorch has it: nothing on the way may pass over what went wrong."""

import math

import numpy as np
import pytest
from compare import check, tensor

NAN, INF = math.nan, math.inf

# from some thousand elements on XLA's CPU compiler hands these to another kernel
LARGE = {
    "amax of rows": lambda lib, x: x.amax(1),
    "amax of columns": lambda lib, x: x.amax(0),
    "amin of all": lambda lib, x: x.amin(),
    "max": lambda lib, x: x.max(),
    "min": lambda lib, x: (x * 2).min(),
    "max along": lambda lib, x: x.max(1).values,
    "min along": lambda lib, x: x.min(0).values,
    "argmax": lambda lib, x: x.argmax(1),
    "aminmax": lambda lib, x: x.aminmax(dim=1).max,
    "infinite norm": lambda lib, x: lib.linalg.vector_norm(x, INF),
    "least norm": lambda lib, x: lib.linalg.vector_norm(x, -INF, dim=1),
    "matrix norm": lambda lib, x: lib.linalg.matrix_norm(x, INF),
    "softmax": lambda lib, x: x.softmax(1),
    "logsumexp": lambda lib, x: x.logsumexp(0),
    "max_pool1d": lambda lib, x: lib.nn.functional.max_pool1d(x, 2),
    "pairwise distance": lambda lib, x: lib.nn.functional.pairwise_distance(x, x.flip(1), p=INF),
}
SMALL = {
    **{f"pairwise distance {p}": lambda lib, x, p=p: lib.nn.functional.pairwise_distance(x, x.flip(1), p=p)
       for p in (0.5, 1.0, 2.0, 3.0)},
    **{f"cdist {p}": lambda lib, x, p=p: lib.cdist(x, x, p=p) for p in (0.0, 1.0, 2.0)},
    "pdist": lambda lib, x: lib.nn.functional.pdist(x, p=0.0),
    "ranking": lambda lib, x: lib.nn.functional.margin_ranking_loss(x, x + 1, lib.ones(1, 1), reduction="none"),
    "triplets": lambda lib, x: lib.nn.functional.triplet_margin_loss(x, x.flip(0), x.flip(1), reduction="none"),
    "adaptive mean": lambda lib, x: lib.nn.functional.adaptive_avg_pool1d(x, 2),
    "adaptive mean of planes": lambda lib, x: lib.nn.functional.adaptive_avg_pool2d(x[None], (2, 2)),
    "area": lambda lib, x: lib.nn.functional.interpolate(x[None], size=2, mode="area"),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_large(name):
    numbers = np.random.default_rng(0).standard_normal((400, 12)).astype(np.float32)
    numbers[3, 3] = numbers[7, ::2] = numbers[200] = NAN
    for _ in range(4):  # interpreted, then compiled
        check(LARGE[name], tensor(numbers), gradients=False)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("value", [NAN, INF])
def test_small(name, value):
    numbers = np.arange(9, dtype=np.float32).reshape(3, 3)
    numbers[1, 0] = value
    check(SMALL[name], tensor(numbers), gradients=False)


def test_the_norm_to_clip_by():
    import torchlike as torch

    p = torch.nn.Parameter(torch.zeros(400, 12))
    for _ in range(4):
        p.grad = torch.ones(400, 12)
        p.grad[5, 5] = NAN
        with pytest.raises(RuntimeError, match="non-finite"):
            torch.nn.utils.clip_grad_norm_([p], 1.0, norm_type=INF, error_if_nonfinite=True)
