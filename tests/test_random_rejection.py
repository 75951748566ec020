"""Draws by rejection in blocks are those made one by one, and PyTorch's, and use the same words of the stream."""

import numpy as np
import pytest

from torchlike.core import rejection
from torchlike.core.random import Generator

F = np.float32
N = 4000


def _one_by_one(one, *parameters):
    def draw(generator):
        with rejection.Stream(generator) as stream, np.errstate(all="ignore"):
            return rejection._each(stream, one, *(np.broadcast_to(p, N) for p in parameters)).astype(F)

    return draw


def _gamma(alpha):
    d = (np.asarray(alpha, F) - F(1 / 3)).astype(float)
    return lambda g: g.gamma((N,), np.asarray(alpha, F)), _one_by_one(rejection._gamma, 0.0, d)


def _poisson(rate):
    constants = rejection._ptrs(np.full((), F(rate), np.float64))
    return lambda g: g.poisson((N,), F(rate)), _one_by_one(rejection._poisson, *constants)


def _binomial(count, p):
    p = np.full((), F(p), np.float64)
    constants = rejection._btrs(float(count), p)
    return lambda g: g.binomial((N,), np.full(N, F(count)), F(p)), _one_by_one(rejection._binomial, p, *constants)


ALPHAS = {"1": 1.0, "1.2": 1.2, "40": 40.0, "1 to 3": np.linspace(1, 3, N, dtype=F)}
DRAWS = {
    **{f"poisson {rate}": _poisson(rate) for rate in (10, 30, 1e4)},
    **{f"binomial {count} {p}": _binomial(count, p) for count, p in ((25, 0.4), (60, 0.5), (1e5, 0.03))},
    **{f"gamma {name}": _gamma(alpha) for name, alpha in ALPHAS.items()},
}


@pytest.mark.parametrize("waiting", [False, True], ids=["", "a normal waits"])
@pytest.mark.parametrize("name", DRAWS)
def test_blocks_equal_one_by_one(name, waiting):
    in_blocks, one_by_one = DRAWS[name]
    generators = [Generator().manual_seed(3) for _ in range(2)]
    if waiting:
        for generator in generators:
            generator.normal(1)
    ours, expected = in_blocks(generators[0]), one_by_one(generators[1])
    np.testing.assert_array_equal(ours, expected)
    assert len(np.unique(ours)) > 5
    np.testing.assert_array_equal(generators[0].get_state(), generators[1].get_state())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("alpha", ALPHAS)
def test_gamma_numbers_after_a_normal_equal_pytorch(alpha, dtype):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    alphas = np.broadcast_to(ALPHAS[alpha], N).astype(dtype)
    ours, theirs = Generator().manual_seed(8), torch.Generator().manual_seed(8)
    ours.normal(1), torch.randn(1, generator=theirs)
    expected = torch._standard_gamma(torch.from_numpy(alphas), generator=theirs).numpy()
    np.testing.assert_array_equal(ours.gamma((N,), alphas, alphas.dtype), expected)
    np.testing.assert_array_equal(ours.get_state(), theirs.get_state().numpy())


def test_a_rate_that_is_not_a_number():
    with pytest.raises(RuntimeError, match="invalid Poisson rate"):
        Generator().poisson((1,), F(np.nan))
