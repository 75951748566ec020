"""Every kind of draw as a function of (library, the case's random numbers, the generator to pass or nothing)."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

from tests.random_draws.layouts import COMPLEX, INTEGERS, REAL, empty, laid_out, size, uniforms

KINDS: dict[str, Callable] = {}
"""Name of a kind: fn(lib, rng, given) -> tensor or tensors; `given` is {"generator": g} or {}."""


def _kind(name: str) -> Callable:
    def file(fn: Callable) -> Callable:
        KINDS[name] = fn
        return fn

    return file


def _dtype(lib: Any, rng: Random, names: tuple = REAL) -> dict:
    return {"dtype": getattr(lib, rng.choice(names))}


def _number(rng: Random, *special: float) -> float:
    return rng.choice([*special, rng.uniform(-2, 2), rng.uniform(0, 1e-3), 10 ** rng.uniform(-3, 3)])


# --- new tensors ------------------------------------------------------------------------------------------------------


def _factory(name: str, dtypes: tuple) -> None:
    def made(lib, rng, given):
        shape = size(rng)
        if rng.random() < 0.15:
            return getattr(lib, name)(shape, out=laid_out(lib, rng, np.zeros(shape), rng.choice(REAL)), **given)
        return getattr(lib, name)(shape, **_dtype(lib, rng, dtypes), **given)

    def like(lib, rng, given):
        return getattr(lib, name + "_like")(empty(lib, rng, dtypes), **given)

    KINDS[name], KINDS[name + "_like"] = made, like


_factory("rand", (*REAL, *COMPLEX))
_factory("randn", (*REAL, *COMPLEX))


def _bounds(rng: Random, dtype: str) -> tuple[int, int]:
    widest = {"int64": 2**40, "int32": 2**31, "int16": 2**15, "int8": 2**7, "uint8": 2**8, "float16": 2**11,
              "bfloat16": 2**8, "float32": 2**24, "float64": 2**50}[dtype]  # fmt: skip
    high = rng.choice([2, 10, 100, widest - 1, rng.randint(2, widest - 1)])
    high = min(high, widest - 1)
    low = rng.choice([0, 0, 1, -1, -7, -high]) if dtype != "uint8" else 0
    return (low, high) if low < high else (0, high)


@_kind("randint")
def _randint(lib, rng, given):
    dtype = rng.choice((*INTEGERS, *REAL))
    low, high = _bounds(rng, dtype)
    return lib.randint(low, high, size(rng), dtype=getattr(lib, dtype), **given)


@_kind("randint_like")
def _randint_like(lib, rng, given):
    dtype = rng.choice((*INTEGERS, *REAL))
    low, high = _bounds(rng, dtype)
    return lib.randint_like(laid_out(lib, rng, np.zeros(size(rng)), dtype), low, high, **given)


@_kind("randperm")
def _randperm(lib, rng, given):
    n = rng.choice([0, 1, 2, rng.randint(3, 100), rng.randint(100, 2000), rng.choice([19_999, 20_000, 30_001])])
    dtype = rng.choice(("int64", "int32", "float64") if n > 100 else ("int64", "int16", "uint8", *REAL))
    return lib.randperm(n, dtype=getattr(lib, dtype), **given)


@_kind("normal")
def _normal(lib, rng, given):
    shape, dtype = size(rng), rng.choice(REAL)
    mean, std = _number(rng, 0.0), abs(_number(rng, 0.0, 1.0))
    means = lambda: laid_out(lib, rng, uniforms(rng, shape, -3, 3), dtype, expand=True)  # noqa: E731
    stds = lambda: laid_out(lib, rng, uniforms(rng, shape, 0, 3), dtype, expand=True)  # noqa: E731
    form = rng.randrange(4)
    if form == 0:
        return lib.normal(mean, std, shape, dtype=getattr(lib, dtype), **given)
    first, second = (means() if form in (1, 2) else mean), (stds() if form in (1, 3) else std)
    return lib.normal(first, second, **given)


@_kind("bernoulli")
def _bernoulli(lib, rng, given):
    chances = laid_out(lib, rng, uniforms(rng, size(rng)), rng.choice(REAL), expand=True)
    return lib.bernoulli(chances, rng.random(), **given) if rng.random() < 0.2 else lib.bernoulli(chances, **given)


@_kind("multinomial")
def _multinomial(lib, rng, given):
    rows, columns = rng.choice([(), (rng.randint(1, 5),)]), rng.choice([1, 3, 17, 100])
    weights = uniforms(rng, (*rows, columns)) + 1e-3
    if columns > 3 and rng.random() < 0.3:
        weights[..., 1] = 0
    replacement = rng.random() < 0.5
    number = rng.randint(1, 40 if replacement else columns - (columns > 3))
    return lib.multinomial(laid_out(lib, rng, weights, rng.choice(REAL), expand=True), number, replacement, **given)


@_kind("poisson")
def _poisson(lib, rng, given):
    shape, top = size(rng), rng.choice([1, 9, 12, 100, 1e4])
    rates = uniforms(rng, shape, 0, top)
    if rng.random() < 0.3:
        rates = np.full(shape, rates.ravel()[0] if rates.size else 1.0)
    return lib.poisson(laid_out(lib, rng, rates, rng.choice(REAL), expand=True), **given)


@_kind("binomial")
def _binomial(lib, rng, given):
    shape, dtype = size(rng), rng.choice(REAL)
    counts = np.floor(uniforms(rng, shape, 0, rng.choice([2, 20, 200, 2000])))
    chances = uniforms(rng, shape)
    if rng.random() < 0.3:
        counts, chances = (np.full(shape, x.ravel()[0] if x.size else 0.5) for x in (counts, chances))
    return lib.binomial(
        laid_out(lib, rng, counts, dtype, expand=True), laid_out(lib, rng, chances, dtype, expand=True), **given
    )


@_kind("_standard_gamma")
def _gamma(lib, rng, given):
    shape, top = size(rng), rng.choice([0.5, 1, 5, 1000])
    alphas = uniforms(rng, shape, 0.01, top)
    if rng.random() < 0.3:
        alphas = np.full(shape, alphas.ravel()[0] if alphas.size else 1.0)
    return lib._standard_gamma(laid_out(lib, rng, alphas, rng.choice(REAL), expand=True), **given)


@_kind("_sample_dirichlet")
def _dirichlet(lib, rng, given):
    alphas = uniforms(rng, size(rng, least=1), 0.01, rng.choice([0.5, 1, 5, 1000]))
    return lib._sample_dirichlet(laid_out(lib, rng, alphas, rng.choice(REAL), expand=True), **given)


# --- in place ---------------------------------------------------------------------------------------------------------


@_kind("uniform_")
def _uniform_(lib, rng, given):
    low = _number(rng, 0.0)
    return empty(lib, rng, (*REAL, *COMPLEX)).uniform_(low, low + abs(_number(rng, 0.0, 1.0)), **given)


@_kind("normal_")
def _normal_(lib, rng, given):
    return empty(lib, rng, (*REAL, *COMPLEX)).normal_(_number(rng, 0.0), abs(_number(rng, 0.0, 1.0)), **given)


@_kind("exponential_")
def _exponential_(lib, rng, given):
    return empty(lib, rng).exponential_(abs(_number(rng, 1.0)) + 1e-6, **given)


@_kind("geometric_")
def _geometric_(lib, rng, given):
    return empty(lib, rng, (*REAL, *INTEGERS)).geometric_(rng.choice([0.5, rng.uniform(0.1, 0.99)]), **given)


@_kind("cauchy_")
def _cauchy_(lib, rng, given):
    return empty(lib, rng).cauchy_(_number(rng, 0.0), abs(_number(rng, 1.0)) + 1e-6, **given)


@_kind("log_normal_")
def _log_normal_(lib, rng, given):
    return empty(lib, rng).log_normal_(rng.uniform(-3, 3), rng.uniform(0.1, 2), **given)


@_kind("random_")
def _random_(lib, rng, given):
    dtype = rng.choice((*INTEGERS, *REAL))
    low, high = _bounds(rng, dtype)
    bounds = rng.choice([(), (high,) if high > 0 else (1,), (low, high), (low, None)])
    return laid_out(lib, rng, np.zeros(size(rng)), dtype).random_(*bounds, **given)


@_kind("bernoulli_")
def _bernoulli_(lib, rng, given):
    into = empty(lib, rng, (*REAL, *INTEGERS, "bool"))
    if rng.random() < 0.5:
        return into.bernoulli_(rng.choice([0.0, 1.0, 0.5, rng.random()]), **given)
    return into.bernoulli_(laid_out(lib, rng, uniforms(rng, tuple(into.shape)), rng.choice(REAL), True), **given)


# --- torch.nn.functional: these take the default generator ------------------------------------------------------------


def _dropout(name: str, least: int, most: int) -> None:
    def drop(lib, rng, given):
        dims = rng.randint(least, most)
        shape = size(rng, dims, dims)
        x = laid_out(lib, rng, uniforms(rng, shape, -2, 2), rng.choice(REAL), expand=True)
        p = rng.choice([0.0, 0.1, 0.5, 0.5, 0.9, 1.0, rng.random()])
        return getattr(lib.nn.functional, name)(x, p, training=rng.random() < 0.9)

    KINDS[name] = drop


_dropout("dropout", 0, 4)
_dropout("dropout1d", 2, 3)
_dropout("dropout2d", 4, 4)
_dropout("dropout3d", 4, 4)
_dropout("alpha_dropout", 0, 4)
_dropout("feature_alpha_dropout", 2, 4)


@_kind("rrelu")
def _rrelu(lib, rng, given):
    x = laid_out(lib, rng, uniforms(rng, size(rng), -2, 2), rng.choice(REAL), expand=True)
    low = rng.choice([1 / 8, rng.random()])
    return lib.nn.functional.rrelu(x, low, low + rng.choice([1 / 3, rng.random()]), training=True)


@_kind("gumbel_softmax")
def _gumbel(lib, rng, given):
    x = laid_out(lib, rng, uniforms(rng, size(rng, 1), -2, 2), rng.choice(("float32", "float64")), expand=True)
    return lib.nn.functional.gumbel_softmax(x, tau=rng.choice([0.5, 1.0]), dim=-1, hard=True)


# --- torch.nn.init ----------------------------------------------------------------------------------------------------


def _init(name: str, least: int, most: int, parameters: Callable) -> None:
    def fill(lib, rng, given):
        dims = rng.randint(least, most)
        shape = size(rng, dims, dims)
        dtypes = ("float32", "float64") if name in ("orthogonal_", "trunc_normal_", "sparse_") else REAL
        into = laid_out(lib, rng, np.zeros(shape), rng.choice(dtypes))
        return getattr(lib.nn.init, name)(into, **parameters(rng), **given)

    KINDS[f"init.{name}"] = fill


_init("uniform_", 0, 4, lambda rng: {"a": -rng.random(), "b": rng.random()})
_init("normal_", 0, 4, lambda rng: {"mean": rng.random(), "std": rng.random()})
_init("trunc_normal_", 0, 4, lambda rng: rng.choice([
    {}, {"std": 0.02}, {"a": -0.5, "b": 0.5}, {"mean": 1.0, "std": 2.0, "a": 0.5, "b": 1.0}, {"mean": 0.1, "a": -1.0},
]))  # fmt: skip
_init("xavier_uniform_", 2, 4, lambda rng: {"gain": rng.choice([1.0, math.sqrt(2)])})
_init("xavier_normal_", 2, 4, lambda rng: {"gain": rng.choice([1.0, math.sqrt(2)])})
_init("kaiming_uniform_", 2, 4, lambda rng: {
    "a": rng.choice([0, math.sqrt(5)]), "mode": rng.choice(["fan_in", "fan_out"]),
})  # fmt: skip
_init("kaiming_normal_", 2, 4, lambda rng: {"nonlinearity": rng.choice(["relu", "tanh", "linear"])})
_init("orthogonal_", 2, 4, lambda rng: {"gain": rng.choice([1, 1.5])})
_init("sparse_", 2, 2, lambda rng: {"sparsity": rng.choice([0.1, 0.5, 0.9]), "std": rng.choice([0.01, 1.0])})
