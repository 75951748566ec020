"""Draws that take as many uniforms as they need: Poisson, binomial and gamma numbers, as PyTorch's CPU draws them.

Large Poisson rates and binomials: W. Hörmann, "The transformed rejection method for generating Poisson random
variables" (PTRS) and "The generation of binomial random variates" (BTRS), 1993. Small ones: products of uniforms
(Knuth) and waiting times. Gamma: G. Marsaglia and W. Tsang, "A simple method for generating gamma variables", 2000.
"""

import itertools
import math
import operator
from types import SimpleNamespace

import numpy as np

from torchlike.core.normal import box_muller_pair, box_muller_pairs, each
from torchlike.core.random_bounds import check

_BLOCK = 1024  # uniforms drawn at a time where they are taken one by one


class Stream:
    """The float64 uniforms in [0, 1) and the normals of a generator, one by one (`uniform()`, `normal()`) or looked at
    in blocks (`peek`, `skip`). On leaving the `with` block the generator is set to what was used."""

    def __init__(self, generator):
        self.generator = generator
        self.ahead, self.skipped = np.empty(0), 0
        self.block = iter(())
        self.uniform = itertools.chain.from_iterable(self._blocks()).__next__

    def __enter__(self):
        self.mark, self.cached = self.generator.mark(), self.generator._cached_normal
        return self

    def __exit__(self, *error):
        self.generator.rewind(self.mark)
        if error[0] is None:
            self.generator.random64(self.skipped - operator.length_hint(self.block))
            self.generator._cached_normal = self.cached

    def _blocks(self):
        while True:
            self.block = iter(self.peek(_BLOCK).tolist())
            self.skip(_BLOCK)
            yield self.block

    def peek(self, n):
        """The next `n` uniforms as an array; they stay the next ones."""
        lacking = n - len(self.ahead)
        if lacking > 0:
            self.ahead = np.concatenate([self.ahead, self.generator._uniform64(lacking)])
        return self.ahead[:n]

    def skip(self, n):
        """`n` of the uniforms that `peek` showed are used."""
        self.ahead, self.skipped = self.ahead[n:], self.skipped + n

    def normal(self):
        """Of mean 0 and variance 1: Box and Muller's pairs, of which the second half waits for the next call."""
        if self.cached is not None:
            value, self.cached = self.cached, None
            return value
        value, self.cached = box_muller_pair(self.uniform(), self.uniform())
        return value


def _each(stream, one, *parameters):
    """An array of `one(stream, ...)` for each element of the parameters, which are arrays of one shape."""
    values = zip(*(p.ravel().tolist() for p in parameters), strict=True)
    return np.array([one(stream, *value) for value in values], np.float64)


def _alike(values):
    """Whether an array has elements and all are equal."""
    return values.size > 0 and bool((values == values.flat[0]).all())


def poisson(generator, rates):
    """A Poisson number for each rate, as float64."""
    check((rates >= 0).all(), "invalid Poisson rate, expected rate to be non-negative")
    rates = rates.astype(np.float64)
    with Stream(generator) as stream, np.errstate(all="ignore"):
        if _alike(rates) and rates.flat[0] >= 10:
            made = _transformed_alike(stream, rates.size, _POISSON, *_ptrs(rates.flat[0]))
        else:
            made = _each(stream, _poisson, *_ptrs(rates))
    return made.reshape(rates.shape)


def binomial(generator, count, prob):
    """For each pair how many of `count` trials of probability `prob` succeed, as float64."""
    count, prob = count.astype(np.float64), prob.astype(np.float64)
    failures = (prob > 0.5) & (count > 0)  # the rarer outcome is counted
    p = np.where(failures, 1 - prob, prob)
    with Stream(generator) as stream, np.errstate(all="ignore"):
        if _alike(count) and _alike(p) and count.flat[0] * p.flat[0] >= 10:
            made = _transformed_alike(stream, p.size, _BINOMIAL, *_btrs(count.flat[0], p.flat[0]))
        else:
            made = _each(stream, _binomial, p, *_btrs(count, p))
    made = made.reshape(p.shape)
    return np.where(np.isnan(count + prob), np.nan, np.where(failures, count - made, made))


def gamma(generator, concentration, dtype=np.float64):
    """A number of Gamma(concentration, 1) for each concentration, as float64.

    PyTorch's constants of the algorithm are computed in `dtype`, that of the result.
    """
    small = concentration < 1
    alpha = concentration.astype(dtype)
    with np.errstate(divide="ignore"):
        boost = np.where(small, dtype(1) / alpha, 0)  # the power of a uniform that makes up for the one added here
    d = np.where(small, alpha + dtype(1), alpha) - dtype(np.float32(1 / 3))  # single precision in PyTorch
    boost, d = boost.astype(np.float64), d.astype(np.float64)
    with Stream(generator) as stream:
        made = _each(stream, _gamma, boost, d) if small.any() else _gamma_in_blocks(stream, d.ravel())
    return made.reshape(d.shape)


# --- transformed rejection: a pair of uniforms a try ------------------------------------------------------------------


def _transformed(stream, law, centre, shift, a, b, quick, alpha, *known):
    """One number, by Hörmann's transformed rejection."""
    uniform = stream.uniform
    while True:
        u, v = uniform() - 0.5, uniform()
        edge = 0.5 - abs(u)
        k = math.floor((2 * a / edge + b) * u + centre + shift)
        if edge >= 0.07 and v <= quick:
            return k
        if not law.possible(k, edge, v, *known):
            continue
        if math.log(v * alpha / (a / (edge * edge) + b)) <= law.log_probability(_OF_NUMBERS, k, centre, *known):
            return k


def _transformed_alike(stream, n, law, centre, shift, a, b, quick, alpha, *known):
    """`n` numbers of one law: the tries are judged together, and the accepted ones are the numbers in their order."""
    found, lacking = [], n
    while lacking:
        tries = lacking * 5 // 4 + 32
        u, v = stream.peek(2 * tries).reshape(-1, 2).T
        u = u - 0.5
        edge = 0.5 - abs(u)
        k = np.floor((2 * a / edge + b) * u + centre + shift)
        accepted = (edge >= 0.07) & (v <= quick)
        doubtful = np.flatnonzero(~accepted & law.possible(k, edge, v, *known))
        edge, v = edge[doubtful], v[doubtful]
        hat = np.log(v * alpha / (a / (edge * edge) + b))
        accepted[doubtful] = hat <= law.log_probability(_OF_ARRAYS, k[doubtful], centre, *known)
        places = np.flatnonzero(accepted)[:lacking]
        found.append(k[places])
        lacking -= len(places)
        stream.skip(2 * (tries if lacking else places[-1] + 1))
    return np.concatenate(found)


def _ptrs(rate):
    """The constants of `_transformed` for Poisson numbers, then `known`."""
    b = 0.931 + 2.53 * np.sqrt(rate)
    a = -0.059 + 0.02483 * b
    quick, alpha = 0.9277 - 3.6224 / (b - 2), 1.1239 + 1.1328 / (b - 3.4)
    return rate, np.full_like(rate, 0.43), a, b, quick, alpha, np.log(rate)


def _btrs(count, p):
    """The constants of `_transformed` for binomial numbers, then `known`."""
    spread = np.sqrt(count * p * (1 - p))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    odds = p / (1 - p)
    peak = np.floor((count + 1) * p)
    at_peak = (peak + 0.5) * np.log((peak + 1) / (odds * (count - peak + 1))) + _tails(peak) + _tails(count - peak)
    quick, alpha = 0.92 - 4.2 / b, (2.83 + 5.1 / b) * spread
    return count * p, np.full_like(p, 0.5), a, b, quick, alpha, count, odds, count - peak + 1, at_peak


def _poisson_log_probability(of, k, rate, log_rate):
    return k * log_rate - rate - of.lgamma(k + 1)


def _binomial_log_probability(of, k, _, count, odds, beyond_peak, at_peak):
    """Up to the constant that `_transformed` leaves out."""
    beyond = count - k + 1
    return (
        at_peak + (count + 1) * of.log(beyond_peak / beyond) + (k + 0.5) * of.log(odds * beyond / (k + 1))
        - of.tail(k) - of.tail(count - k)
    )  # fmt: skip


# What Stirling's formula for log k! lacks: of k below 10, and a series from there.
_TAILS = [math.lgamma(k + 1) - (0.5 * math.log(2 * math.pi) + (k + 0.5) * math.log(k + 1) - (k + 1)) for k in range(10)]


def _series(k):
    square = (k + 1) ** 2
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)


def _tail(k):
    return _TAILS[int(k)] if k < 10 else _series(k)


def _tails(k):
    return np.where(k < 10, np.take(_TAILS, k.astype(np.int64), mode="clip"), _series(k))


_POISSON = SimpleNamespace(
    possible=lambda k, edge, v, *_: (k >= 0) & ((edge >= 0.013) | (v <= edge)),
    log_probability=_poisson_log_probability,
)
_BINOMIAL = SimpleNamespace(
    possible=lambda k, edge, v, count, *_: (k >= 0) & (k <= count), log_probability=_binomial_log_probability
)
_OF_NUMBERS = SimpleNamespace(log=math.log, lgamma=math.lgamma, tail=_tail)
_OF_ARRAYS = SimpleNamespace(log=np.log, lgamma=lambda x: each(math.lgamma, x), tail=_tails)

# --- products and waiting times: any number of uniforms ---------------------------------------------------------------


def _poisson(stream, rate, *constants):
    """A Poisson number of this rate."""
    uniform = stream.uniform
    if rate == 0:
        return 0
    if rate >= 10:
        return _transformed(stream, _POISSON, rate, *constants)
    limit, product, k = math.exp(-rate), uniform(), 0
    while product > limit:
        product *= uniform()
        k += 1
    return k


def _binomial(stream, p, mean, shift, a, b, quick, alpha, count, *known):
    """How many of `count` trials of probability `p`, of which `mean` are expected, succeed."""
    if not (count > 0 and p > 0):
        return 0
    if mean >= 10:
        return _transformed(stream, _BINOMIAL, mean, shift, a, b, quick, alpha, count, *known)
    uniform = stream.uniform
    trials, k, log_failure = 0, 0, math.log1p(-p)
    while True:
        u = uniform()
        trials += math.ceil(math.log(u) / log_failure) if u > 0 else math.inf
        if trials > count:
            return k
        k += 1


# --- gamma: a normal and a uniform a try ------------------------------------------------------------------------------


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


def _gamma_in_blocks(stream, d):
    """`_gamma` without a boost for each `d`, many tries at a time.

    Tries go by fours of uniforms: two make a pair of normals, two decide on them. Most are accepted whatever `d` is;
    only the others are looked at in order, each with the element whose turn it is. A normal that gives y <= 0 takes
    no uniform, so the fours begin anew behind it.
    """
    c = 1 / np.sqrt(9 * d)
    n, done, fours = len(d), 0, len(d) // 2 + 8
    x, turn = np.empty(n), (c.tolist(), d.tolist())
    while done < n:
        waiting = [] if stream.cached is None else [stream.cached]
        lead = len(waiting)
        words = stream.peek(lead + 4 * fours)
        by_four = words[lead:].reshape(-1, 4)
        normals = np.concatenate([waiting, box_muller_pairs(by_four[:, 0], by_four[:, 1])])
        u = 1 - np.concatenate([words[:lead], by_four[:, 2:].ravel()])
        square = normals * normals
        accepted = u < 1 - 0.0331 * square * square
        tries, negative = _asked(np.flatnonzero(~accepted), accepted, normals, u, *turn, done)
        taken = np.flatnonzero(accepted[:tries])[: n - done]
        x[done : done + len(taken)] = normals[taken]
        done += len(taken)
        if done == n:
            tries, negative = taken[-1] + 1, False
        of_pairs = tries + negative - lead  # normals used
        stream.skip(int(tries + 2 * -(-of_pairs // 2)))
        stream.cached = float(normals[tries + negative]) if of_pairs % 2 else None
        fours = min(64 if negative else 2 * fours, (n - done) // 2 + 8)
    y = 1 + c * x
    return d * (y * y * y)


def _asked(doubtful, accepted, normals, u, c, d, first):
    """Decide on the tries that depend on the element, from element `first` on, and note it in `accepted`. Returns how
    many tries there are before the first normal without a uniform, and whether there is one."""
    rejected = 0
    for t, x, chance in zip(doubtful.tolist(), normals[doubtful].tolist(), u[doubtful].tolist(), strict=True):
        element = first + t - rejected
        if element >= len(d):
            break
        y = 1 + c[element] * x
        if y <= 0:
            return t, True
        v = y * y * y
        if math.log(chance) < 0.5 * x * x + d[element] * (1 - v + math.log(v)):
            accepted[t] = True
        else:
            rejected += 1
    return len(normals), False
