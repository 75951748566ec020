"""Gradients where something is not a number: PyTorch's, which comparisons and divisions decide, as ours."""

import math

import pytest
from compare import check, tensor

NAN = math.nan
FUNCTIONS = {
    "abs": lambda lib, x: x.abs(),
    "clamp(min)": lambda lib, x: x.clamp(min=0.0),
    "clamp(max)": lambda lib, x: x.clamp(max=0.0),
    "clamp": lambda lib, x: x.clamp(-1, 1),
    "clamp(tensors)": lambda lib, x: lib.clamp(x, lib.zeros(1), lib.ones(1)),
    "clamp(min=nan)": lambda lib, x: lib.clamp(x, min=lib.full((1,), NAN)),
    "hardsigmoid": lambda lib, x: lib.nn.functional.hardsigmoid(x),
    "relu": lambda lib, x: x.relu(),
    "max": lambda lib, x: x.max(),
    "min": lambda lib, x: x.min(),
    "amax": lambda lib, x: x.amax(),
    "aminmax": lambda lib, x: lib.aminmax(x)[0],
    "max(dim)": lambda lib, x: x.max(0)[0],
    "median": lambda lib, x: x.median(),
    "nanmedian": lambda lib, x: x.nanmedian(),
    "cummax": lambda lib, x: x.cummax(0)[0],
    "sort": lambda lib, x: x.sort()[0],
    "maximum": lambda lib, x: lib.maximum(x, lib.full_like(x, 0.5)),
    "maximum, then nan": lambda lib, x: lib.maximum(x, lib.full_like(x, -0.5)).sqrt().nan_to_num(),
    "maximum of nan": lambda lib, x: lib.maximum(lib.full_like(x, NAN), x),
    "minimum": lambda lib, x: lib.minimum(lib.full_like(x, 0.5), x),
    "fmax": lambda lib, x: lib.fmax(x, lib.full_like(x, 0.5)),
    "fmin of nan": lambda lib, x: lib.fmin(lib.full_like(x, NAN), x),
    "norm(1)": lambda lib, x: x.norm(1),
    "norm(inf)": lambda lib, x: x.norm(math.inf),
    "nansum": lambda lib, x: x.nansum(),
    "l1_loss": lambda lib, x: lib.nn.functional.l1_loss(x, lib.zeros_like(x)),
    "copysign": lambda lib, x: lib.copysign(x, lib.ones_like(x)),
    "scatter_reduce": lambda lib, x: lib.zeros_like(x).scatter_reduce(0, lib.zeros(5, dtype=lib.int64), x, "amax"),
}


@pytest.mark.parametrize("fn", FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_the_gradient_is_pytorchs(fn):
    check(fn, tensor([NAN, 0.3, -1.2, NAN, 2.5]))
