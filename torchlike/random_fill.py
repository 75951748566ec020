"""Tensors filled in place with random numbers: `uniform_`, `normal_` and their relatives."""

from __future__ import annotations

from collections.abc import Callable

from torchlike.random import _normal, _uniform, draw
from torchlike.tensor import Tensor


def _write(target: Tensor, sample: Callable, generator) -> Tensor:
    target._check_writable()
    target._assign(draw(sample, generator, target.device))
    return target


def _uniform_(self, from_=0.0, to=1.0, *, generator=None, **named):
    """Fill with uniform random numbers in [from, to)."""
    low = named.pop("from", from_)
    if named:
        raise TypeError(f"uniform_() got an unexpected keyword argument '{next(iter(named))}'")
    return _write(self, _uniform(tuple(self.shape), self.dtype, float(low), float(to)), generator)


def _normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Fill with normal random numbers of this mean and standard deviation."""
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    return _write(self, _normal(tuple(self.shape), self.dtype, float(mean), float(std)), generator)


def _random_(self, from_=None, to=None, *, generator=None, **named):
    """Fill with random integers in [from, to); without bounds, over the dtype's own range from 0."""
    low, shape, d = named.pop("from", from_), tuple(self.shape), self.dtype.np
    if low is not None and to is None and "from" not in named:
        low, to = 0, low
    if to is None:
        return _write(self, lambda g: g.random_int(shape, d), generator)
    return _write(self, lambda g: g.randint(low or 0, to, shape, d), generator)


def _bernoulli_(self, p=0.5, *, generator=None):
    """Fill with ones of probability `p` (a number or a tensor) and zeros."""
    shape, d = tuple(self.shape), self.dtype.np
    if isinstance(p, Tensor):
        chances = p.detach()._host()
        return _write(self, lambda g: g.bernoulli_tensor(chances, shape, d), generator)
    return _write(self, lambda g: g.bernoulli(p, shape, d), generator)


def _exponential_(self, lambd=1.0, *, generator=None):
    """Fill with exponentially distributed numbers of rate `lambd`."""
    shape, d = tuple(self.shape), self.dtype.np
    return _write(self, lambda g: g.exponential(shape, lambd, d), generator)


def _cauchy_(self, median=0.0, sigma=1.0, *, generator=None):
    """Fill with Cauchy-distributed numbers around `median`, of width `sigma`."""
    shape, d = tuple(self.shape), self.dtype.np
    return _write(self, lambda g: g.cauchy(shape, median, sigma, d), generator)


def _geometric_(self, p, *, generator=None):
    """Fill with geometrically distributed numbers: how many trials of probability `p` the first success takes."""
    shape, d = tuple(self.shape), self.dtype.np
    return _write(self, lambda g: g.geometric(shape, p, d), generator)


def _log_normal_(self, mean=1.0, std=2.0, *, generator=None):
    """Fill with numbers whose logarithms are normal with this mean and standard deviation."""
    shape, d = tuple(self.shape), self.dtype.np
    return _write(self, lambda g: g.log_normal(shape, mean, std, d), generator)


for _fn in (_uniform_, _normal_, _random_, _bernoulli_, _exponential_, _cauchy_, _geometric_, _log_normal_):
    _fn.__name__ = _fn.__name__[1:]
    _fn.__qualname__ = f"Tensor.{_fn.__name__}"
    setattr(Tensor, _fn.__name__, _fn)
