"""The same numbers whatever runs them: eager, compiled programs, captured functions; PyTorch's stream and keys."""

import numpy as np
import pytest

import torchlike
from torchlike.nn import functional

torch = torchlike


@pytest.fixture
def keys():
    torch.random.set_stream("keys")
    yield
    torch.random.set_stream("auto")


def _losses(lib, compiled, steps=20):
    """Training with dropout, noise and a shuffled batch: losses, the last noise, and the state afterwards."""
    lib.manual_seed(5)
    model = lib.nn.Sequential(lib.nn.Linear(6, 16), lib.nn.ReLU(), lib.nn.Dropout(0.3), lib.nn.Linear(16, 1))
    optimizer = lib.optim.SGD(model.parameters(), lr=0.05)
    x, y = lib.randn(40, 6), lib.randn(40, 1)

    def step():
        chosen, noise = lib.randperm(40)[:8], lib.randn(8, 6)
        loss = ((model(x[chosen] + 0.1 * noise) - y[chosen]) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach(), noise

    if compiled:
        step = lib.compile(step, fullgraph=True)
    made = [step() for _ in range(steps)]
    return [loss.item() for loss, _ in made], made[-1][1].numpy(), lib.get_rng_state().numpy()


def _assert_same(one, other):
    np.testing.assert_allclose(one[0], other[0], rtol=1e-5)
    np.testing.assert_array_equal(one[1], other[1])
    np.testing.assert_array_equal(one[2], other[2])


def test_a_captured_step_repeats_the_draws_of_the_eager_one():
    _assert_same(_losses(torch, True), _losses(torch, False))


def test_a_captured_step_draws_what_pytorch_draws():
    theirs = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed")
    _assert_same(_losses(torch, True), _losses(theirs, False))


def test_a_captured_step_repeats_the_keys_of_the_eager_one(keys):
    _assert_same(_losses(torch, True), _losses(torch, False))


def test_gears_draw_the_same_from_keys(keys):
    def draws():
        torch.manual_seed(3)
        return [functional.dropout(torch.rand(5) + 1.0).tolist() for _ in range(5)]

    first = draws()
    before = torch.explain.counts()["compilations"]
    assert draws() == draws() == first
    assert torch.explain.counts()["compilations"] - before <= 1  # the recurring batch is compiled whole, once
    assert len({tuple(d) for d in first}) == 5


def test_a_key_takes_two_words_of_the_stream(keys):
    torch.manual_seed(0)
    torch.rand(1000)
    state = torch.get_rng_state()
    torch.random.set_stream("portable")
    torch.manual_seed(0)
    torch.rand(2)
    assert torch.equal(state, torch.get_rng_state())


def test_states_and_forks_restore_keys(keys):
    torch.manual_seed(1)
    state = torch.get_rng_state()
    first = torch.randn(4)
    with torch.random.fork_rng():
        torch.randn(9)
    second = torch.randn(4)
    torch.set_rng_state(state)
    # to the last bit but one: a program compiled whole may round what follows the words otherwise
    assert torch.allclose(torch.randn(4), first, rtol=1e-6)
    assert torch.allclose(torch.randn(4), second, rtol=1e-6)
    generator = torch.Generator().manual_seed(1)
    assert torch.allclose(torch.randn(4, generator=generator), first, rtol=1e-6)


def test_portable_numbers_are_the_cpus():
    torch.random.set_stream("portable")
    try:
        torch.manual_seed(0)
        assert torch.rand(2).tolist() == pytest.approx([0.4962566, 0.7682218])
    finally:
        torch.random.set_stream("auto")


def test_the_stream_is_one_of_three():
    assert torch.random.get_stream() == "auto"
    with pytest.raises(ValueError, match="expected one of 'auto', 'portable', 'keys', but got 'philox'"):
        torch.random.set_stream("philox")


N = 20_000
MOMENTS = {  # draw, its mean, its standard deviation
    "rand": (lambda: torch.rand(N), 0.5, 12**-0.5),
    "uniform_": (lambda: torch.empty(N, dtype=torch.bfloat16).uniform_(-1, 3), 1, 4 * 12**-0.5),
    "randn": (lambda: torch.randn(N, dtype=torch.float64), 0, 1),
    "randn, complex": (lambda: torch.view_as_real(torch.randn(N, dtype=torch.complex64)).reshape(-1), 0, 0.5**0.5),
    "normal_": (lambda: torch.empty(N).t().normal_(2, 3), 2, 3),
    "exponential_": (lambda: torch.empty(N).exponential_(4), 0.25, 0.25),
    "log_normal_": (lambda: torch.empty(N).log_normal_(0.2, 0.5).log(), 0.2, 0.5),
    "cauchy_": (lambda: (torch.empty(N).cauchy_(1, 2) > 1).float(), 0.5, 0.5),
    "geometric_": (lambda: torch.empty(N).geometric_(0.25), 4, 12**0.5),
    "bernoulli_": (lambda: torch.empty(N).bernoulli_(0.3), 0.3, 0.21**0.5),
    "bernoulli": (lambda: torch.bernoulli(torch.full((N,), 0.7)), 0.7, 0.21**0.5),
    "randint": (lambda: torch.randint(-2, 9, (N,)).float(), 3, 10**0.5),
    "random_": (lambda: torch.empty(N, dtype=torch.uint8).random_().float(), 127.5, 73.9),
    "random_, from": (lambda: torch.empty(N, dtype=torch.int8).random_(100, None).float(), 113.5, 8.08),
    "poisson": (lambda: torch.poisson(torch.full((N,), 7.0)), 7, 7**0.5),
    "binomial": (lambda: torch.binomial(torch.full((N,), 20.0), torch.full((N,), 0.3)), 6, 4.2**0.5),
    "gamma": (lambda: torch._standard_gamma(torch.full((N,), 2.5)), 2.5, 2.5**0.5),
    "dirichlet": (lambda: torch._sample_dirichlet(torch.tensor([[1.0, 3.0]]).expand(N, 2))[:, 0], 0.25, 0.194),
    "multinomial": (lambda: torch.multinomial(torch.tensor([1.0, 3.0]), N, True).float(), 0.75, 0.433),
    "multinomial, once": (
        lambda: torch.multinomial(torch.tensor([1.0, 3.0, 0.0]).expand(N, 3), 2)[:, 0].float(), 0.75, 0.433
    ),
    "dropout": (lambda: functional.dropout(torch.ones(N), 0.2), 1, 0.5),
    "rrelu": (lambda: functional.rrelu(-torch.ones(N), 0.1, 0.3, training=True), -0.2, 0.2 * 12**-0.5),
}  # fmt: skip


@pytest.mark.parametrize("name", MOMENTS)
def test_distributions_made_from_keys(keys, name):
    torch.manual_seed(11)
    draw, mean, deviation = MOMENTS[name]
    drawn = draw().double().numpy()
    assert abs(drawn.mean() - mean) < 5 * deviation / N**0.5 + 4e-3 * abs(mean)
    assert drawn.std() == pytest.approx(deviation, rel=0.05)
    assert len(np.unique(drawn)) > 1


def test_permutations_made_from_keys(keys):
    torch.manual_seed(0)
    assert sorted(torch.randperm(50).tolist()) == list(range(50))
    assert torch.randperm(50).tolist() != torch.randperm(50).tolist()


def test_draws_from_keys_under_vmap(keys):
    torch.manual_seed(0)
    run = torch.func.vmap(lambda x: x + torch.rand(3), randomness="different")
    assert len({tuple(row) for row in run(torch.zeros(4, 1)).tolist()}) == 4
    run = torch.func.vmap(lambda x: x + torch.rand(3), randomness="same")
    assert len({tuple(row) for row in run(torch.zeros(4, 1)).tolist()}) == 1


def test_rejection_on_the_host_where_there_is_no_kind_of_its_own(keys):
    torch.manual_seed(0)
    first = torch.distributions.VonMises(0.0, 1.0).sample((5,))
    torch.nn.init.trunc_normal_(torch.empty(3))
    torch.manual_seed(0)
    assert torch.equal(torch.distributions.VonMises(0.0, 1.0).sample((5,)), first)
