"""The CPU generator gives PyTorch's numbers bit for bit and leaves PyTorch's state behind.

Every row of ``DRAWS`` is drawn by both libraries from the same seed; values, the bytes of the state afterwards and the
next draws must agree. The recorded values below hold the same promise where PyTorch is not installed.
"""

import copy
import hashlib
import pickle
from typing import NamedTuple

import ml_dtypes
import numpy as np
import pytest

from torchlike.core.random import DEFAULT_SEED, Generator, default_generator

SEEDS = (0, 1, 42, 2**32 + 7, -3)
SIZES = (0, 1, 5, 15, 16, 17, 31, 100, 1000, 70000)
BF16 = np.dtype(ml_dtypes.bfloat16)
F16, F32, F64 = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)


class Draw(NamedTuple):
    """One way to draw: the name of our method and its arguments, and the same in PyTorch.

    ``ours(generator, n)`` gives an array, ``theirs(torch, generator, n)`` a tensor.
    """

    name: str
    ours: object
    theirs: object


def _torch_dtype(torch, dtype):
    return getattr(torch, dtype.name)


def _in_place(method, dtype, *arguments):
    """PyTorch's ``Tensor.<method>(*arguments)`` on an empty tensor."""
    return lambda torch, g, n: getattr(torch.empty(n, dtype=_torch_dtype(torch, dtype)), method)(
        *arguments, generator=g
    )


def _uniform(dtype, low, high):
    name = f"uniform {dtype.name} {low} {high}"
    return Draw(name, lambda g, n: g.uniform(n, low, high, dtype), _in_place("uniform_", dtype, low, high))


def _normal(dtype, mean, std):
    name = f"normal {dtype.name} {mean} {std}"
    return Draw(name, lambda g, n: g.normal(n, mean, std, dtype), _in_place("normal_", dtype, mean, std))


def _exponential(dtype, lambd):
    name = f"exponential {dtype.name} {lambd}"
    return Draw(name, lambda g, n: g.exponential(n, lambd, dtype), _in_place("exponential_", dtype, lambd))


def _bernoulli(dtype, p):
    name = f"bernoulli {dtype.name} {p}"
    return Draw(name, lambda g, n: g.bernoulli(n, p, dtype), _in_place("bernoulli_", dtype, p))


def _probabilities(n, dtype):
    return np.linspace(0, 1, max(n, 1))[:n].astype(dtype)


def _as_tensor(torch, array):
    return torch.from_numpy(array.astype(np.float64)).to(_torch_dtype(torch, array.dtype))  # NumPy lacks bfloat16


def _bernoulli_tensor(dtype):
    return Draw(
        f"bernoulli_tensor {dtype.name}",
        lambda g, n: g.bernoulli_tensor(n, _probabilities(n, dtype), dtype),
        lambda torch, g, n: torch.bernoulli(_as_tensor(torch, _probabilities(n, dtype)), generator=g),
    )


def _randint(dtype, low, high):
    name = f"randint {dtype.name} {low} {high}"
    return Draw(name, lambda g, n: g.randint(n, low, high, dtype), _in_place("random_", dtype, low, high))


def _random_int(dtype):
    return Draw(f"random_int {dtype.name}", lambda g, n: g.random_int(n, dtype), _in_place("random_", dtype))


def _randperm(dtype):
    return Draw(
        f"randperm {dtype.name}",
        lambda g, n: g.randperm(n, dtype),
        lambda torch, g, n: torch.randperm(n, dtype=_torch_dtype(torch, dtype), generator=g),
    )


I64, I32, I16, I8 = (np.dtype(t) for t in (np.int64, np.int32, np.int16, np.int8))
U64, U32, U16, U8 = (np.dtype(t) for t in (np.uint64, np.uint32, np.uint16, np.uint8))
BOOL = np.dtype(np.bool_)

DRAWS = [
    *(_uniform(t, *bounds) for t in (F32, F64, F16, BF16) for bounds in ((0, 1), (-0.01, 0.013), (1, 1.01), (2, 2))),
    *(_normal(t, *moments) for t in (F32, F64, F16, BF16) for moments in ((0, 1), (0.3, 0.02), (-1e3, 7.7), (1, 0))),
    *(_exponential(t, lambd) for t in (F32, F64, F16, BF16) for lambd in (1, 0.3)),
    *(_bernoulli(t, 0.3) for t in (F32, F64, F16, BF16, BOOL, U8, I8, I16, I32, I64)),
    *(_bernoulli(F32, p) for p in (0.0, 1.0, 0.5, 1e-4)),
    *(_bernoulli_tensor(t) for t in (F32, F64, F16, BF16)),
    *(_randint(I64, *bounds) for bounds in ((0, 10), (-5, 2**28 - 6), (-5, 2**28 - 5), (-5, 2**28 - 4))),
    *(_randint(I64, *bounds) for bounds in ((0, 2**40), (-(2**63), 2**63 - 1), (-(2**63), None), (7, None))),
    *(_randint(t, 0, 100) for t in (I32, I16, I8, U8, U16, U32, U64, F32, F64, F16, BF16)),
    *(_randint(t, 3, None) for t in (I32, I16, I8, U8, U16, U32, F32, F64, F16, BF16)),
    *(_randint(t, 0, 2) for t in (BOOL,)),
    *(_randint(t, -(2**63), None) for t in (F32, F64, BF16)),
    *(_random_int(t) for t in (I64, I32, I16, I8, U8, BOOL, F32, F64, F16, BF16)),
    *(_randperm(t) for t in (I64, I32, F32, F64, BF16)),
]


@pytest.fixture(scope="module")
def torch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("PyTorch's other CPU kernels do not fuse multiply-adds and so round otherwise")
    return torch


def _numpy(tensor):
    return tensor.float().numpy() if str(tensor.dtype) == "torch.bfloat16" else tensor.numpy()


def assert_same(ours, theirs):
    """Equal dtype, shape and bits."""
    theirs = _numpy(theirs)
    if ours.dtype == BF16:
        ours = ours.astype(np.float32)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    assert ours.tobytes() == theirs.tobytes()


def assert_same_state(ours, theirs):
    np.testing.assert_array_equal(ours.get_state(), theirs.get_state().numpy())


def _both(torch, seed):
    return Generator().manual_seed(seed), torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("draw", DRAWS, ids=lambda draw: draw.name)
def test_draw_equals_pytorch(torch, draw):
    for seed in SEEDS:
        for size in SIZES if seed == 0 else SIZES[:-1]:
            ours, theirs = _both(torch, seed)
            assert_same(draw.ours(ours, size), draw.theirs(torch, theirs, size))
            assert_same_state(ours, theirs)
            assert_same(ours.normal(3), torch.empty(3).normal_(generator=theirs))  # takes a normal that waits
            assert_same(ours.uniform(3), torch.rand(3, generator=theirs))


def test_mixed_draws_stay_in_step(torch):
    ours, theirs = _both(torch, 5)
    for step, draw in enumerate(DRAWS * 3):
        size = (1, 3, 16, 21)[step % 4]
        assert_same(draw.ours(ours, size), draw.theirs(torch, theirs, size))
        assert_same_state(ours, theirs)


def test_dropout_mask_is_one_bernoulli_draw(torch):
    torch.manual_seed(11)
    dropped = torch.nn.functional.dropout(torch.ones(4, 5, 6), 0.3)
    kept = Generator().manual_seed(11).bernoulli((4, 5, 6), 0.7, bool)
    np.testing.assert_array_equal(kept, dropped.numpy() != 0)


def test_large_float32_normals(torch):
    ours, theirs = _both(torch, 3)
    assert_same(ours.normal(400_000, 0.1, 1.7), torch.empty(400_000).normal_(0.1, 1.7, generator=theirs))


@pytest.mark.parametrize("drawn", [0, 1, 623, 624, 625, 1248, 2000])
def test_state_travels_both_ways(torch, drawn):
    ours, theirs = _both(torch, 9)
    ours.random_raw(drawn), torch.rand(drawn, generator=theirs)
    ours.normal(1), torch.randn(1, generator=theirs)
    assert_same_state(ours, theirs)
    taken = Generator().set_state(theirs.get_state().numpy())
    given = torch.Generator().set_state(torch.from_numpy(ours.get_state()))
    assert taken.initial_seed() == given.initial_seed() == 9
    for generator in (ours, taken):
        assert_same_state(generator, given)
    expected = torch.randn(5, generator=given)
    assert_same(taken.normal(5), expected)
    assert_same(ours.normal(5), expected)


ERRORS = [
    (lambda g: g.manual_seed(2**64), lambda t, g: g.manual_seed(2**64)),
    (lambda g: g.manual_seed(-(2**63) - 1), lambda t, g: g.manual_seed(-(2**63) - 1)),
    (lambda g: g.manual_seed(1.5), lambda t, g: g.manual_seed(1.5)),
    (lambda g: g.manual_seed(True), lambda t, g: g.manual_seed(True)),
    (lambda g: g.set_state(np.zeros(5, np.uint8)), lambda t, g: g.set_state(t.zeros(5, dtype=t.uint8))),
    (lambda g: g.set_state(np.zeros(5056, np.uint8)), lambda t, g: g.set_state(t.zeros(5056, dtype=t.uint8))),
    (lambda g: g.set_state(np.zeros(5056)), lambda t, g: g.set_state(t.zeros(5056))),
    (lambda g: g.uniform(2, 1, 0), lambda t, g: t.empty(2).uniform_(1, 0)),
    (lambda g: g.uniform(2, -3e38, 3e38), lambda t, g: t.empty(2).uniform_(-3e38, 3e38)),
    (lambda g: g.uniform(2, 0, 1e5, F16), lambda t, g: t.empty(2, dtype=t.half).uniform_(0, 1e5)),
    (lambda g: g.uniform(2, float("nan"), 1), lambda t, g: t.empty(2).uniform_(float("nan"), 1)),
    (lambda g: g.uniform(2, dtype=I64), lambda t, g: t.rand(2, dtype=t.int64)),
    (lambda g: g.normal(2, 0, -1.5), lambda t, g: t.empty(2).normal_(0, -1.5)),
    (lambda g: g.normal(2, dtype=I64), lambda t, g: t.randn(2, dtype=t.int64)),
    (lambda g: g.exponential(2, 0), lambda t, g: t.empty(2).exponential_(0)),
    (lambda g: g.exponential(2, 1, I32), lambda t, g: t.empty(2, dtype=t.int32).exponential_()),
    (lambda g: g.bernoulli(2, 1.25), lambda t, g: t.empty(2).bernoulli_(1.25)),
    (lambda g: g.bernoulli(2, float("nan")), lambda t, g: t.empty(2).bernoulli_(float("nan"))),
    (lambda g: g.bernoulli(2, 0.5, U16), lambda t, g: t.empty(2, dtype=t.uint16).bernoulli_(0.5)),
    (lambda g: g.bernoulli_tensor(2, np.array([0.5, 2.0])), lambda t, g: t.bernoulli(t.tensor([0.5, 2.0]))),
    (lambda g: g.bernoulli_tensor(2, np.array([1, 0])), lambda t, g: t.bernoulli(t.tensor([1, 0]))),
    (lambda g: g.randint(2, 5, 5), lambda t, g: t.randint(5, 5, (2,))),
    (lambda g: g.randint(2, 0, 2**63), lambda t, g: t.randint(0, 2**63, (2,))),
    (lambda g: g.randint(2, 0, 300, U8), lambda t, g: t.randint(0, 300, (2,), dtype=t.uint8)),
    (lambda g: g.randint(2, -1, 3, U64), lambda t, g: t.randint(-1, 3, (2,), dtype=t.uint64)),
    (lambda g: g.randint(2, 3, None, U64), lambda t, g: t.empty(2, dtype=t.uint64).random_(3, None)),
    (lambda g: g.randint(2, 0, 3, BOOL), lambda t, g: t.randint(0, 3, (2,), dtype=t.bool)),
    (lambda g: g.randint(2, 0, 2**17, F16), lambda t, g: t.randint(0, 2**17, (2,), dtype=t.half)),
    (lambda g: g.randint(2, 0, 3, np.complex64), lambda t, g: t.randint(0, 3, (2,), dtype=t.complex64)),
    (lambda g: g.randint(2, 2**24 + 5, None, F32), lambda t, g: t.empty(2).random_(2**24 + 5, None)),
    (lambda g: g.randint(2, 2**25 + 1, 2**25 + 2, F32), lambda t, g: t.empty(2).random_(2**25 + 1, 2**25 + 2)),
    (lambda g: g.randint(2, 200, None, I8), lambda t, g: t.empty(2, dtype=t.int8).random_(200, None)),
    (lambda g: g.randint(2, -(2**63), None, I32), lambda t, g: t.empty(2, dtype=t.int32).random_(-(2**63), None)),
    (lambda g: g.random_int(2, U16), lambda t, g: t.empty(2, dtype=t.uint16).random_()),
    (lambda g: g.randperm(-1), lambda t, g: t.randperm(-1)),
    (lambda g: g.randperm(129, I8), lambda t, g: t.randperm(129, dtype=t.int8)),
    (lambda g: g.randperm(257, U8), lambda t, g: t.randperm(257, dtype=t.uint8)),
    (lambda g: g.randperm(32769, I16), lambda t, g: t.randperm(32769, dtype=t.int16)),
    (lambda g: g.randperm(2050, F16), lambda t, g: t.randperm(2050, dtype=t.half)),
    (lambda g: g.randperm(3, BOOL), lambda t, g: t.randperm(3, dtype=t.bool)),
]


@pytest.mark.parametrize(("ours", "theirs"), ERRORS, ids=range(len(ERRORS)))
def test_errors_are_worded_as_pytorch_words_them(torch, ours, theirs):
    with pytest.raises(Exception) as expected:  # noqa: PT011  whatever PyTorch raises
        theirs(torch, torch.Generator())
    generator = Generator()
    before = generator.get_state()
    with pytest.raises(expected.type) as raised:
        ours(generator)
    assert str(raised.value) == str(expected.value)
    np.testing.assert_array_equal(generator.get_state(), before)


def test_bounds_that_a_float_cannot_hold(torch):
    for low, high in ((0, 2**12), (-(2**13) - 1, 2**13 + 1), (3, 65503)):
        ours, theirs = _both(torch, 0)
        with pytest.warns(UserWarning, match="out of bounds") as warned:
            drawn = ours.randint(1000, low, high, F16)
        with pytest.warns(UserWarning, match="out of bounds") as expected:
            reference = torch.randint(low, high, (1000,), dtype=torch.half, generator=theirs)
        assert_same(drawn, reference)
        for ours, theirs in zip(warned, expected, strict=True):
            assert str(ours.message) == str(theirs.message).partition(" (Triggered internally")[0]


def test_the_checks_can_fail(torch):
    ours, theirs = _both(torch, 0)
    with pytest.raises(AssertionError):
        assert_same(np.nextafter(ours.uniform(4), np.float32(2)), torch.rand(4, generator=theirs))
    with pytest.raises(AssertionError):
        assert_same(np.zeros(4, np.float64), torch.zeros(4))
    with pytest.raises(AssertionError):
        assert_same(np.zeros(4, np.float32), -torch.zeros(4))
    ours.random_raw(1)
    with pytest.raises(AssertionError):
        assert_same_state(ours, theirs)


# ---- without PyTorch: recorded from PyTorch 2.13.0 on x86-64 ----

RECORDED = [  # seed, draw, values
    (0, lambda g: g.uniform(4), [0.4962566, 0.7682218, 0.08847743, 0.13203049]),
    (-3, lambda g: g.uniform(3, -0.01, 0.013), [0.00437189, 0.0016739066, -0.009639411]),
    (0, lambda g: g.uniform(3, dtype=F64), [0.9700530018065531, 0.707819864399788, 0.45938294312745087]),
    (1, lambda g: g.normal(3), [0.66135216, 0.2669241, 0.06167726]),
    (2**32 + 7, lambda g: g.normal(17)[:5], [-0.8201345, -0.32456663, 1.9263681, -0.33001173, 0.19844505]),
    (42, lambda g: g.normal(17, 0.3, 0.02)[-4:], [0.3008352, 0.29496852, 0.31719717, 0.29380548]),
    (42, lambda g: g.normal(16, dtype=F64)[:3], [0.2995562877502637, 0.24237779080894106, 0.28320739441795323]),
    (42, lambda g: g.normal(40, dtype=F16)[:4], [1.927, 1.487, 0.901, -2.105]),
    (0, lambda g: g.exponential(3), [3.5083263, 1.2303847, 0.6150441]),
    (0, lambda g: g.bernoulli(12, 0.3, I64), [0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 1]),
    (0, lambda g: g.bernoulli_tensor(8, np.full(8, 0.3, F32), I64), [0, 0, 1, 1, 0, 0, 0, 0]),
    (0, lambda g: g.randint(6, -5, 100), [69, 19, 93, 25, 38, 4]),
    (0, lambda g: g.randint(3, 0, 2**40), [741280623151, 506137267392, 291447657211]),
    (0, lambda g: g.random_int(3), [900450186894289455, 3969543146641149120, 1895649597198586619]),
    (0, lambda g: g.random_int(4, U8), [172, 47, 117, 192]),
    (0, lambda g: g.randperm(10), [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]),
]


@pytest.mark.parametrize(("seed", "draw", "values"), RECORDED)
def test_recorded_values(seed, draw, values):
    drawn = draw(Generator().manual_seed(seed))
    if drawn.dtype == F64:  # log, sin and cos are the C library's: other ones may differ in the last bits
        np.testing.assert_allclose(drawn, values, rtol=1e-14, atol=1e-16)
    else:
        np.testing.assert_array_equal(drawn, np.array(values, drawn.dtype))


def test_recorded_state():
    generator = Generator().manual_seed(123)
    fresh = generator.get_state()
    generator.random_raw(700)
    generator.normal(1)
    digests = [hashlib.sha256(state.tobytes()).hexdigest()[:16] for state in (fresh, generator.get_state())]
    assert digests == ["b04f168bb97ae5f0", "6b946b1e8eaa7cc3"]


def test_default_seed_and_seeds():
    assert Generator().initial_seed() == DEFAULT_SEED == 67280421310721
    assert Generator().manual_seed(-1).initial_seed() == 2**64 - 1
    generator = Generator()
    assert generator.seed() == generator.initial_seed() != DEFAULT_SEED
    assert generator.seed() != generator.seed()
    assert default_generator.initial_seed() != DEFAULT_SEED


def test_shapes():
    generator = Generator()
    assert generator.uniform((2, 0, 3)).shape == (2, 0, 3)
    assert generator.normal(()).shape == ()
    assert generator.randint([4, 5], 0, 3).shape == (4, 5)
    assert generator.bernoulli_tensor((2, 3, 4), np.full((3, 1), 0.5), np.int8).shape == (2, 3, 4)


@pytest.mark.parametrize(
    "copied",
    [Generator.clone_state, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))],
    ids=["clone_state", "deepcopy", "pickle"],
)
def test_a_copy_goes_on_alone(copied):
    generator = Generator().manual_seed(4)
    generator.normal(3)
    other = copied(generator)
    expected = other.normal(5)
    other.uniform(100)
    np.testing.assert_array_equal(generator.normal(5), expected)


def test_nothing_drawn_leaves_the_state():
    generator = Generator()
    before = generator.get_state()
    for draw in DRAWS:
        draw.ours(generator, 0)
    np.testing.assert_array_equal(generator.get_state(), before)


def test_a_normal_with_an_infinite_mean_is_infinite():
    generator = Generator()
    for dtype in (F32, F64):
        assert np.all(generator.normal(20, np.inf, 2.0, dtype) == np.inf)
