"""A few dozen of the cases of `python -m tests.random_draws`, against PyTorch and against what it gave."""

import numpy as np
import pytest

import torchlike
from tests.random_draws import goldens
from tests.random_draws.kinds import KINDS
from tests.random_draws.verdict import Drawn, judge, near, run

RECORDED = goldens.load()


@pytest.mark.parametrize("kind", KINDS)
def test_draws_are_those_recorded(kind):
    cases = {number: drawn for (name, number), drawn in RECORDED.items() if name == kind}
    assert len(cases) >= 5
    for number, theirs in cases.items():
        ours = run(torchlike, kind, number)
        assert (ours.dtype, ours.state, ours.error) == (theirs.dtype, theirs.state, theirs.error), number
        assert judge(kind, ours, theirs) != "differ" or _few_ulps(ours, theirs), number


def _few_ulps(ours: Drawn, theirs: Drawn) -> bool:
    """Another machine's C library may give other last bits of a logarithm or a cosine."""
    if "float" not in ours.dtype or ours.dtype == "bfloat16":
        return False
    a, b = (x.values.view(x.dtype) for x in (ours, theirs))
    return np.allclose(a, b, rtol=1e-14 if ours.dtype == "float64" else 1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_draws_equal_pytorchs(kind):
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    for number in range(100, 112):
        assert judge(kind, run(torchlike, kind, number), run(torch, kind, number)) != "differ", number


def test_the_checks_can_fail():
    drawn = Drawn(np.array([1.0, 2.0], np.float32).view(np.int32), "float32", "state")

    def moved(by):
        return drawn._replace(values=drawn.values + np.array([0, by], np.int32))

    off = moved(2)
    assert judge("rand", drawn, drawn) == "equal"
    assert judge("rand", drawn, moved(1)) == "1 ulp"
    assert judge("rand", drawn, off) == "differ"
    assert judge("init.orthogonal_", drawn, off) == "near"
    assert judge("init.orthogonal_", drawn, drawn._replace(values=-drawn.values)) == "differ"
    assert judge("rand", drawn, drawn._replace(state="other")) == "differ"
    assert judge("rand", drawn, drawn._replace(error="RuntimeError")) == "differ"
    assert not near("multinomial", drawn, off)
    assert not _few_ulps(drawn, moved(1000))
