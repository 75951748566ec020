"""Draws that take as many uniforms as they need: Poisson, binomial and gamma numbers, as PyTorch's CPU draws them.

Large Poisson rates and binomials: W. Hörmann, "The transformed rejection method for generating Poisson random
variables" (PTRS) and "The generation of binomial random variates" (BTRS), 1993. Small ones: products of uniforms
(Knuth) and waiting times. Gamma: G. Marsaglia and W. Tsang, "A simple method for generating gamma variables", 2000.
"""

import math

import numpy as np

from torchlike.core.normal import box_muller_pair
from torchlike.core.random_bounds import check

_BLOCK = 1024  # uniforms drawn at a time


class Stream:
    """The float64 uniforms and normals of a generator one by one, drawn in blocks. On leaving the `with` block the
    generator is set to what was used."""

    def __init__(self, generator):
        self.generator = generator
        self.block = []
        self.used = 0

    def __enter__(self):
        self.mark, self.cached = self.generator.mark(), self.generator._cached_normal
        return self

    def __exit__(self, *error):
        self.generator.rewind(self.mark)
        if error[0] is None:
            self.generator.random64(self.used)
            self.generator._cached_normal = self.cached

    def uniform(self):
        """In [0, 1)."""
        if not self.block:
            self.block = self.generator._uniform64(_BLOCK)[::-1].tolist()
        self.used += 1
        return self.block.pop()

    def normal(self):
        """Of mean 0 and variance 1: Box and Muller's pairs, of which the second half waits for the next call."""
        if self.cached is not None:
            value, self.cached = self.cached, None
            return value
        value, self.cached = box_muller_pair(self.uniform(), self.uniform())
        return value


def _each(generator, one, *parameters):
    """An array of `one(stream, ...)` for each element of the parameters, which are arrays of one shape."""
    values = zip(*(p.astype(np.float64).ravel().tolist() for p in parameters), strict=True)
    with Stream(generator) as stream:
        made = [one(stream, *each) for each in values]
    return np.array(made, np.float64).reshape(parameters[0].shape)


def poisson(generator, rates):
    """A Poisson number for each rate, as float64."""
    check(not (rates < 0).any(), "invalid Poisson rate, expected rate to be non-negative")
    return _each(generator, _poisson, rates)


def binomial(generator, count, prob):
    """For each pair how many of `count` trials of probability `prob` succeed, as float64."""
    return _each(generator, _binomial, count, prob)


def gamma(generator, concentration, dtype=np.float64):
    """A number of Gamma(concentration, 1) for each concentration, as float64.

    PyTorch's constants of the algorithm are computed in `dtype`, that of the result.
    """
    small = concentration < 1
    alpha = concentration.astype(dtype)
    with np.errstate(divide="ignore"):
        boost = np.where(small, dtype(1) / alpha, 0)  # the power of a uniform that makes up for the one added here
    d = np.where(small, alpha + dtype(1), alpha) - dtype(np.float32(1 / 3))  # single precision in PyTorch
    return _each(generator, _gamma, boost, d)


def _poisson(stream, rate):
    """A Poisson number of this rate."""
    uniform = stream.uniform
    if rate == 0:
        return 0
    if rate < 10:
        limit, product, k = math.exp(-rate), uniform(), 0
        while product > limit:
            product *= uniform()
            k += 1
        return k
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    quick = 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = uniform() - 0.5, uniform()
        edge = 0.5 - abs(u)
        k = math.floor((2 * a / edge + b) * u + rate + 0.43)
        if edge >= 0.07 and v <= quick:
            return k
        if k < 0 or edge < 0.013 and v > edge:
            continue
        if math.log(v * inverse_alpha / (a / (edge * edge) + b)) <= k * math.log(rate) - rate - math.lgamma(k + 1):
            return k


def _binomial(stream, count, p):
    """How many of `count` trials of probability `p` succeed."""
    if math.isnan(count) or math.isnan(p):
        return math.nan
    if count <= 0 or p <= 0:
        return 0
    if p >= 1:
        return count
    if p > 0.5:
        return count - _binomial(stream, count, 1 - p)
    if count * p >= 10:
        return _binomial_by_rejection(stream, count, p)
    uniform = stream.uniform
    trials, k, log_failure = 0, 0, math.log1p(-p)
    while True:
        u = uniform()
        trials += math.ceil(math.log(u) / log_failure) if u > 0 else math.inf
        if trials > count:
            return k
        k += 1


def _binomial_by_rejection(stream, count, p):
    uniform = stream.uniform
    spread = math.sqrt(count * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    odds = p / (1 - p)
    alpha = (2.83 + 5.1 / b) * spread
    peak = math.floor((count + 1) * p)
    quick = 0.92 - 4.2 / b
    while True:
        u, v = uniform() - 0.5, uniform()
        edge = 0.5 - abs(u)
        k = math.floor((2 * a / edge + b) * u + count * p + 0.5)
        if edge >= 0.07 and v <= quick:
            return k
        if k < 0 or k > count:
            continue
        bound = (
            (peak + 0.5) * math.log((peak + 1) / (odds * (count - peak + 1)))
            + (count + 1) * math.log((count - peak + 1) / (count - k + 1))
            + (k + 0.5) * math.log(odds * (count - k + 1) / (k + 1))
            + _tail(peak) + _tail(count - peak) - _tail(k) - _tail(count - k)
        )  # fmt: skip
        if math.log(v * alpha / (a / (edge * edge) + b)) <= bound:
            return k


def _tail(k):
    """What Stirling's formula for log k! lacks."""
    if k < 10:
        return math.lgamma(k + 1) - (0.5 * math.log(2 * math.pi) + (k + 0.5) * math.log(k + 1) - (k + 1))
    square = (k + 1) ** 2
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)


def _gamma(stream, boost, d):
    if boost == math.inf:
        return 0.0
    scale = (1 - stream.uniform()) ** boost if boost else 1.0
    c = 1 / math.sqrt(9 * d)
    while True:
        y = 0.0
        while y <= 0:
            x = stream.normal()
            y = 1 + c * x
        v = y * y * y
        u = 1 - stream.uniform()
        square = x * x
        if u < 1 - 0.0331 * square * square or math.log(u) < 0.5 * square + d * (1 - v + math.log(v)):
            return scale * d * v
