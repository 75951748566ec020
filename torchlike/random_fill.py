"""Tensors filled in place with random numbers: `uniform_`, `normal_` and their relatives."""

from __future__ import annotations

from typing import Any

from torchlike.drawing import draw
from torchlike.tensor import Tensor


def _fill(target: Tensor, kind: str, *parameters: Any, generator: Any) -> Tensor:
    target._check_writable()
    strides = None if target._parent is None and target._strided is None else target.stride()
    target._assign(draw(
        kind, tuple(target.shape), *parameters, dtype=target.dtype.np, generator=generator, device=target.device,
        strides=strides,
    ))  # fmt: skip
    return target


def _uniform_(self, from_=0.0, to=1.0, *, generator=None, **named):
    """Fill with uniform random numbers in [from, to)."""
    low = named.pop("from", from_)
    if named:
        raise TypeError(f"uniform_() got an unexpected keyword argument '{next(iter(named))}'")
    return _fill(self, "uniform", float(low), float(to), generator=generator)


def _normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Fill with normal random numbers of this mean and standard deviation."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    return _fill(self, "normal", float(mean), float(std), generator=generator)


def _random_(self, *bounds, generator=None, **named):
    """Fill with random integers: `random_()` over the dtype's own range from 0, `random_(to)` in [0, to),
    `random_(from, to)` in [from, to), up to the dtype's largest where `to` is None."""
    if not bounds and not named:
        return _fill(self, "random_int", generator=generator)
    given = dict(zip(("to",) if len(bounds) == 1 and "to" not in named else ("from", "to"), bounds, strict=False))
    given |= named
    if len(bounds) > 2 or not given.keys() <= {"from", "to"} or "to" not in given:
        raise TypeError(
            "random_() received an invalid combination of arguments, but expected one of: random_(*, generator), "
            "random_(to, *, generator), random_(from, to, *, generator)"
        )
    return _fill(self, "randint", given.get("from", 0), given["to"], generator=generator)


def _bernoulli_(self, p=0.5, *, generator=None):
    """Fill with ones of probability `p` (a number or a tensor) and zeros."""
    return _fill(self, "bernoulli_tensor" if isinstance(p, Tensor) else "bernoulli", p, generator=generator)


def _exponential_(self, lambd=1.0, *, generator=None):
    """Fill with exponentially distributed numbers of rate `lambd`."""
    return _fill(self, "exponential", lambd, generator=generator)


def _cauchy_(self, median=0.0, sigma=1.0, *, generator=None):
    """Fill with Cauchy-distributed numbers around `median`, of width `sigma`."""
    return _fill(self, "cauchy", median, sigma, generator=generator)


def _geometric_(self, p, *, generator=None):
    """Fill with geometrically distributed numbers: how many trials of probability `p` the first success takes."""
    return _fill(self, "geometric", p, generator=generator)


def _log_normal_(self, mean=1.0, std=2.0, *, generator=None):
    """Fill with numbers whose logarithms are normal with this mean and standard deviation."""
    return _fill(self, "log_normal", mean, std, generator=generator)


for _fn in (_uniform_, _normal_, _random_, _bernoulli_, _exponential_, _cauchy_, _geometric_, _log_normal_):
    _fn.__name__ = _fn.__name__[1:]
    _fn.__qualname__ = f"Tensor.{_fn.__name__}"
    setattr(Tensor, _fn.__name__, _fn)
