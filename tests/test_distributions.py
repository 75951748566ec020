"""Distributions are PyTorch's: under one seed the same samples, the same densities, moments, gradients, maps.

Every row of ``CASES`` goes through every property. Samples and densities are compared in float32; gradients of samples
are implicit ones, which PyTorch approximates to three digits.
"""

import numpy as np
import pytest

import torchlike
from torchlike import distributions as ours

torch = pytest.importorskip("torch", reason="compares with PyTorch, which is not installed here")

CASES = {
    "Normal": ([0.0, 1.0], [1.0, 2.0]),
    "Uniform": ([0.0, -1.0], [1.0, 2.0]),
    "Bernoulli": ([0.2, 0.7],),
    "Categorical": ([[0.2, 0.3, 0.5], [1.0, 1.0, 2.0]],),
    "OneHotCategorical": ([[0.2, 0.3, 0.5]],),
    "Gamma": ([0.3, 1.0, 4.5, 50.0], [1.0, 2.0, 0.5, 3.0]),
    "Chi2": ([1.0, 3.0],),
    "Dirichlet": ([[0.5, 1.0, 3.0], [2.0, 2.0, 0.1]],),
    "Beta": ([0.5, 2.0, 30.0], [0.5, 3.0, 50.0]),
    "Exponential": ([0.5, 2.0],),
    "Laplace": ([0.0, 1.0], [1.0, 2.0]),
    "LogNormal": ([0.0, 0.5], [1.0, 0.2]),
    "HalfNormal": ([1.0, 2.0],),
    "Cauchy": ([0.0], [2.0]),
    "Poisson": ([0.5, 3.0],),
    "Geometric": ([0.3, 0.9],),
    "Binomial": (5, [0.3, 0.9]),
    "NegativeBinomial": ([3.0, 5.0], [0.3, 0.8]),
    "Multinomial": (6, [0.2, 0.3, 0.5]),
    "StudentT": ([3.0, 5.0],),
    "Gumbel": ([0.0, 1.0], [1.0, 2.0]),
    "RelaxedBernoulli": (0.5, [0.2, 0.7]),
    "RelaxedOneHotCategorical": (0.5, [0.2, 0.3, 0.5]),
    "MultivariateNormal": ([0.0, 1.0], [[2.0, 0.5], [0.5, 1.0]]),
    "ContinuousBernoulli": ([0.2, 0.5, 0.7],),
    "FisherSnedecor": ([3.0, 5.0], [5.0, 2.0]),
    "GeneralizedPareto": ([0.0, 1.0, 0.5], [1.0, 2.0, 1.0], [0.0, 0.3, -0.5]),
    "HalfCauchy": ([1.0, 2.0],),
    "InverseGamma": ([1.5, 4.0], [1.0, 2.0]),
    "Kumaraswamy": ([2.0, 3.0], [1.5, 4.0]),
    "LKJCholesky": (3, [0.8, 2.0]),
    "LogisticNormal": ([0.1, -0.5], [1.0, 0.3]),
    "LowRankMultivariateNormal": ([0.0, 1.0], [[1.0], [0.5]], [1.0, 2.0]),
    "Pareto": ([1.0, 2.0], [1.5, 3.0]),
    "VonMises": ([0.5, -1.0], [1.0, 8.0]),
    "Weibull": ([1.0, 2.0], [1.5, 3.0]),
    "Wishart": ([4.0], [[2.0, 0.5], [0.5, 1.0]]),
}
SECOND_DRAWS = {"Wishart"}  # PyTorch takes its samples for singular, and returns what it drew after those
RELAXED = {"RelaxedBernoulli", "RelaxedOneHotCategorical"}  # PyTorch's densities want a tensor as temperature


def made(lib, name, change=lambda x: x):
    params = [lib.tensor(change(np.float32(a)), requires_grad=True) if isinstance(a, list) else a for a in CASES[name]]
    if name in RELAXED:
        params[0] = lib.tensor(params[0])
    return getattr(lib.distributions, name)(*params), [p for p in params if getattr(p, "requires_grad", False)]


def outcome(fn):
    """What it returns, or its class of error."""
    try:
        value = fn()
    except (NotImplementedError, ValueError) as e:
        return type(e).__name__
    return value.detach().numpy() if hasattr(value, "detach") else value


def same(a, b, tolerance=1e-4):
    if isinstance(b, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and np.allclose(a, b, tolerance, 1e-5, equal_nan=True)
    return a == b


def both(name, question):
    return [outcome(lambda lib=lib: question(lib, *made(lib, name))) for lib in (torchlike, torch)]


@pytest.mark.parametrize("name", CASES)
def test_shapes_and_moments(name):
    assert same(*both(name, lambda lib, d, _: (tuple(d.batch_shape), tuple(d.event_shape), d.has_rsample)))
    for what in ("mean", "variance", "stddev", "mode"):
        assert same(*both(name, lambda lib, d, _, what=what: getattr(d, what))), what
    assert same(*both(name, lambda lib, d, _: d.entropy()))
    assert same(*both(name, lambda lib, d, _: repr(d)))
    assert same(*both(name, lambda lib, d, _: repr(d.support).replace("torchlike.", "torch.")))
    assert same(*both(name, lambda lib, d, _: repr(d.expand((5, *d.batch_shape)))))


@pytest.mark.parametrize("name", sorted(CASES.keys() - SECOND_DRAWS))
def test_samples_and_densities(name):
    def question(lib, d, _, after=lambda lib, d, x: x):
        lib.manual_seed(0)
        return after(lib, d, d.sample((3,)))

    assert same(*both(name, question))
    assert same(*both(name, lambda lib, d, p: question(lib, d, p, lambda lib, d, x: lib.rand(2))))  # the stream goes on
    assert same(*both(name, lambda lib, d, p: question(lib, d, p, lambda lib, d, x: d.log_prob(x))))
    wide = lambda lib, d, x: d.expand((4, *d.batch_shape)).log_prob(x[:1])  # noqa: E731
    assert same(*both(name, lambda lib, d, p: question(lib, d, p, wide)))


MAPPED = {"Gumbel", "InverseGamma", "Kumaraswamy", "LogisticNormal", "Pareto", "Weibull"}
THROUGH = [n for n in CASES if getattr(ours, n).has_rsample is True or n in RELAXED | MAPPED]
THROUGH = [n for n in THROUGH if n not in SECOND_DRAWS]


@pytest.mark.parametrize("name", THROUGH)
def test_gradients_through_samples(name):
    def question(lib, d, params):
        lib.manual_seed(1)
        x = d.rsample((2,))
        (x * x).sum().backward()
        return lib.cat([p.grad.reshape(-1) for p in params])

    assert same(*both(name, question), tolerance=2e-3)


@pytest.mark.parametrize("name", ["Normal", "Uniform", "Laplace", "Cauchy", "Exponential", "HalfNormal", "LogNormal",
                                  "Gumbel", "ContinuousBernoulli", "GeneralizedPareto", "HalfCauchy", "Kumaraswamy",
                                  "Pareto", "Weibull"])  # fmt: skip
def test_cdf_and_icdf(name):
    assert same(*both(name, lambda lib, d, _: d.icdf(lib.tensor(0.3))))
    d, _ = made(torchlike, name)
    np.testing.assert_allclose(d.cdf(d.icdf(torchlike.tensor(0.3))).detach().numpy(), 0.3, rtol=1e-5)


PAIRS = sorted((p.__name__, q.__name__) for p, q in torch.distributions.kl._KL_REGISTRY)
OUT_OF_THE_TABLE = {"TransformedDistribution", "Independent", "ExponentialFamily"}
SECOND = {  # where q must have room for p
    "Uniform": ([-3.0, -2.0], [3.0, 4.0]), "Binomial": (5, [0.35, 0.85]),
    "MultivariateNormal": ([0.5, 1.0], [[1.0, 0.2], [0.2, 3.0]]), "Pareto": ([0.5, 0.2], [1.3, 2.5]),
    "LowRankMultivariateNormal": ([0.3, 1.0], [[0.7], [0.1]], [2.0, 1.0]),
}  # fmt: skip


def pair(lib, p: str, q: str):
    """Both in float64, with parameters that broadcast."""

    def one(name, values):
        if name == "Uniform" and values is CASES[name]:
            values = ([0.2, 0.1], [0.5, 0.9])
        tensors = [lib.tensor(np.float64(v)[:2] if name != "Wishart" else np.float64(v)) if isinstance(v, list) else v
                   for v in values]  # fmt: skip
        if name == "MultivariateNormal" or name == "LowRankMultivariateNormal" or name == "Wishart":
            tensors = [lib.tensor(np.float64(v)) for v in values]
        return getattr(lib.distributions, name)(*tensors)

    return one(p, CASES[p]), one(q, SECOND.get(q, CASES[q]))


@pytest.mark.parametrize(("p", "q"), [x for x in PAIRS if not OUT_OF_THE_TABLE & set(x)])
def test_divergences(p, q):
    """Every pair that PyTorch has a formula for, and no other."""
    results = [outcome(lambda lib=lib: lib.distributions.kl_divergence(*pair(lib, p, q))) for lib in (torchlike, torch)]
    # PyTorch's formulas for von Mises and the like are polynomials; here 1e-6 is left for those
    assert same(*results, tolerance=1e-6), results


def test_the_pairs_are_pytorch_s():
    assert sorted((p.__name__, q.__name__) for p, q in ours.kl._formulas) == PAIRS


def test_divergences_of_made_distributions():
    def independent(D, t):
        return [D.Independent(D.Normal(t([0.0, x]), t([1.0, 2.0])), 1) for x in (1.0, 2.0)]

    def mapped(D, t):
        return [D.TransformedDistribution(D.Normal(t([0.0, x]), t([1.0, 2.0])), D.ExpTransform()) for x in (1.0, 2.0)]

    def wishart(D, t):
        return [D.Wishart(t([x + 3.0]), t([[2.0, 0.5], [0.5, x]])) for x in (1.0, 2.0)]

    for make in (independent, mapped, wishart):
        results = []
        for lib in (torchlike, torch):
            t = lambda v, lib=lib: lib.tensor(v, dtype=lib.float64)  # noqa: E731
            two = make(lib.distributions, t)
            results.append(outcome(lambda lib=lib, two=two: lib.distributions.kl_divergence(*two)))
        assert same(*results, tolerance=1e-6), make.__name__


def _normals(lib):
    return lib.distributions.Normal(lib.tensor([[0.0, 3.0], [1.0, 2.0]]), lib.tensor([1.0, 0.5]))


def test_mixture_and_wishart():
    def mixture(lib):
        D, t = lib.distributions, lib.tensor
        return D.MixtureSameFamily(D.Categorical(t([[0.3, 0.7], [0.5, 0.5]])), _normals(lib))

    def vectors(lib):
        D, t = lib.distributions, lib.tensor
        return D.MixtureSameFamily(D.Categorical(t([0.3, 0.7])), D.Independent(_normals(lib), 1))

    for make in (mixture, vectors):
        found = []
        for lib in (torchlike, torch):
            d = make(lib)
            lib.manual_seed(0)
            x = d.sample((4,))
            found.append([v.numpy() for v in (x, d.log_prob(x), d.mean, d.variance)])
            found[-1] += [d.expand((3, *d.batch_shape)).log_prob(x[:1]).numpy(), repr(d), repr(d.support)]
        assert all(same(a, b) for a, b in zip(*found, strict=True)), make.__name__
    found = []
    for lib in (torchlike, torch):
        d = made(lib, "Wishart")[0]
        lib.manual_seed(0)
        x = d.rsample((2,)) if lib is torchlike else d._bartlett_sampling((2,))
        found.append([x.detach().numpy(), d.log_prob(x).detach().numpy(), repr(d)])
    assert all(same(a, b) for a, b in zip(*found, strict=True))


MAPS = {
    "exp": lambda D: D.ExpTransform(),
    "sigmoid": lambda D: D.SigmoidTransform(),
    "tanh": lambda D: D.TanhTransform(),
    "softplus": lambda D: D.SoftplusTransform(),
    "affine": lambda D: D.AffineTransform(1.0, -2.0),
    "composed": lambda D: D.ComposeTransform([D.AffineTransform(1.0, 2.0), D.TanhTransform()]),
    "stick breaking": lambda D: D.StickBreakingTransform(),
    "to an interval": lambda D: D.biject_to(D.constraints.interval(1.0, 3.0)),
    "to positive numbers": lambda D: D.transform_to(D.constraints.positive),
    "side by side": lambda D: D.CatTransform([D.ExpTransform(), D.AffineTransform(1.0, 2.0)], dim=-1),
    "stacked": lambda D: D.StackTransform([D.ExpTransform(), D.AffineTransform(1.0, 2.0)], dim=-1),
    "by a distribution": lambda D: D.CumulativeDistributionTransform(D.Normal(0.0, 1.0)),
    "of another shape": lambda D: D.ReshapeTransform((2,), (2, 1)),
    "to sets side by side": lambda D: D.biject_to(
        D.constraints.cat([D.constraints.positive, D.constraints.unit_interval], dim=-1)
    ),
}


@pytest.mark.parametrize(("make", "x"), [
    (lambda D: D.CorrCholeskyTransform(), [0.3, -1.2, 0.7]),
    (lambda D: D.biject_to(D.constraints.corr_cholesky), [[0.1, 0.2, 0.3], [1.0, -1.0, 0.5]]),
    (lambda D: D.LowerCholeskyTransform(), [[0.3, 0.0], [1.0, -0.2]]),
    (lambda D: D.PositiveDefiniteTransform(), [[0.3, 0.0], [1.0, -0.2]]),
])  # fmt: skip
def test_maps_onto_matrices(make, x):
    results = []
    for lib in (torchlike, torch):
        t, start = make(lib.distributions), lib.tensor(x)
        y = t(start)
        row = [y, t.inv(y)]
        if t.bijective:
            row += [t.log_abs_det_jacobian(start, y)]
            row += [lib.tensor(t.forward_shape(start.shape)), lib.tensor(t.inverse_shape(y.shape))]
        results.append([v.numpy() for v in row] + [t.codomain.check(y).numpy()])
    assert all(same(a, b) for a, b in zip(*results, strict=True))


FAULTS = {
    "shapes of reshape": lambda lib, D: D.ReshapeTransform((2,), (3,)),
    "too few": lambda lib, D: D.ReshapeTransform((2, 1), (1, 2)).forward_shape((2,)),
    "another shape": lambda lib, D: D.ReshapeTransform((2,), (1, 2)).forward_shape((5, 3)),
    "lengths": lambda lib, D: D.CatTransform([D.ExpTransform()], lengths=[1, 2]),
    "length": lambda lib, D: D.CatTransform([D.ExpTransform()])(lib.ones(3)),
    "no map": lambda lib, D: D.StackTransform([3]),
    "no triangle": lambda lib, D: D.CorrCholeskyTransform().forward_shape((4,)),
    "no square": lambda lib, D: D.CorrCholeskyTransform().inverse_shape((4, 3)),
    "one dimension": lambda lib, D: D.LKJCholesky(1),
    "two matrices": lambda lib, D: D.Wishart(3, lib.eye(2), lib.eye(2)),
    "few degrees": lambda lib, D: D.Wishart(0.5, lib.eye(2)),
    "no factor": lambda lib, D: D.LowRankMultivariateNormal(lib.ones(2), lib.ones(2), lib.ones(2)),
    "another factor": lambda lib, D: D.LowRankMultivariateNormal(lib.ones(2), lib.ones(3, 1), lib.ones(2)),
    "another diagonal": lambda lib, D: D.LowRankMultivariateNormal(lib.ones(2), lib.ones(2, 1), lib.ones(3)),
    "both": lambda lib, D: D.ContinuousBernoulli(0.5, 0.5),
    "no categories": lambda lib, D: D.MixtureSameFamily(3, D.Normal(0.0, 1.0)),
    "no components": lambda lib, D: D.MixtureSameFamily(D.Categorical(lib.ones(2)), 3),
    "other components": lambda lib, D: D.MixtureSameFamily(D.Categorical(lib.ones(2)), D.Normal(lib.ones(3), 1.0)),
    "pareto": lambda lib, D: D.Pareto(1.0, -1.0),
    "weibull": lambda lib, D: D.Weibull(lib.tensor([1.0, 2.0]), 0.0),
    "outside": lambda lib, D: D.Pareto(1.0, 1.0).log_prob(lib.tensor(0.5)),
    "no formula": lambda lib, D: D.kl_divergence(D.Weibull(1.0, 1.0), D.Normal(0.0, 1.0)),
}


@pytest.fixture
def checking():
    """PyTorch's compiler switches its checks off for the whole process."""
    torch.distributions.Distribution.set_default_validate_args(True)


@pytest.mark.usefixtures("checking")
@pytest.mark.parametrize("case", FAULTS)
def test_faults(case):
    said = []
    for lib in (torchlike, torch):
        with pytest.raises((ValueError, AssertionError, NotImplementedError)) as caught:
            FAULTS[case](lib, lib.distributions)
        said.append((caught.type.__name__, str(caught.value)))
    assert said[0] == said[1]


@pytest.mark.parametrize("name", MAPS)
def test_maps(name):
    results = []
    for lib in (torchlike, torch):
        t, x = MAPS[name](lib.distributions), lib.tensor([0.3, -1.2])
        y = t(x)
        results.append([y.numpy(), t.inv(y).numpy(), t.log_abs_det_jacobian(x, y).numpy()])
    assert all(same(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.usefixtures("checking")
def test_values_are_checked():
    for lib in (torchlike, torch):
        D = lib.distributions
        with pytest.raises(ValueError, match=r"Expected parameter scale .* to satisfy the constraint GreaterThan"):
            D.Normal(lib.tensor([0.0, 1.0]), lib.tensor([1.0, -1.0]))
        with pytest.raises(ValueError, match="within the support"):
            D.Exponential(1.0).log_prob(lib.tensor(-1.0))
        with pytest.raises(ValueError, match="Either `probs` or `logits`"):
            D.Bernoulli()
        D.Normal(0.0, -1.0, validate_args=False)


def test_the_comparison_can_fail():
    assert not same(np.float32([1.0]), np.float32([1.1]))
    assert not same(np.float32([1.0]), np.float64([1.0]))
    assert not same(1, 2)
