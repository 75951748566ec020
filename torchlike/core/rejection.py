"""Counts drawn value by value: Poisson and binomial numbers, as PyTorch's CPU draws them.

How many uniforms a value takes depends on the uniforms, so these are loops in Python over the values.

Large rates: W. Hörmann, "The transformed rejection method for generating Poisson random variables" (PTRS), 1993, and
"The generation of binomial random variates" (BTRS), 1993. Small ones: products of uniforms (Knuth) and waiting times.
"""

import math

import numpy as np

from torchlike.core.random_bounds import check


def poisson(uniform, rate):
    """A Poisson number of this rate; `uniform()` gives the next float64 in [0, 1)."""
    check(rate >= 0, "invalid Poisson rate, expected rate to be non-negative")
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


def binomial(uniform, count, p):
    """How many of `count` trials of probability `p` succeed."""
    if math.isnan(count) or math.isnan(p):
        return math.nan
    if count <= 0 or p <= 0:
        return 0
    if p >= 1:
        return count
    if p > 0.5:
        return count - binomial(uniform, count, 1 - p)
    if count * p >= 10:
        return _binomial_by_rejection(uniform, count, p)
    trials, k, log_failure = 0, 0, math.log1p(-p)
    while True:
        u = uniform()
        trials += math.ceil(math.log(u) / log_failure) if u > 0 else math.inf
        if trials > count:
            return k
        k += 1


def _binomial_by_rejection(uniform, count, p):
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


def counts(generator, one, *parameters):
    """An array of `one(uniform, ...)` for each element of the parameters, which are arrays of one shape."""

    def uniform():
        return float(generator._uniform64(1)[0])

    made = [one(uniform, *each) for each in zip(*(p.ravel().tolist() for p in parameters), strict=True)]
    return np.array(made, np.float64).reshape(parameters[0].shape)
