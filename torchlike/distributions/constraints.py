"""torch.distributions.constraints: sets of values, and whether a value is in one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torchlike.tensor import Tensor


class Constraint:
    """A set of values. `check(value)` says for each batch element whether it is in the set.

    `event_dim` is how many dimensions make one element; `is_discrete` whether gradients make no sense in it.
    """

    is_discrete = False
    event_dim = 0

    def check(self, value: Tensor) -> Tensor:
        """Whether each element is in the set."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.__class__.__name__[1:] + "()"


class _Simple(Constraint):
    """A set given by one condition."""

    def __init__(self, name: str, condition: Callable[[Any], Any], discrete: bool = False, event_dim: int = 0):
        self._name, self._condition = name, condition
        self.is_discrete, self.event_dim = discrete, event_dim

    def check(self, value: Tensor) -> Tensor:
        """Whether each element is in the set."""
        return self._condition(value)

    def __repr__(self) -> str:
        return self._name


class _Dependent(Constraint):
    """A set that depends on other parameters of the distribution."""

    def __init__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented):
        self._is_discrete, self._event_dim = is_discrete, event_dim

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """Whether gradients make no sense in it; NotImplementedError if that depends, too."""
        if self._is_discrete is NotImplemented:
            raise NotImplementedError(".is_discrete cannot be determined statically")
        return self._is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """How many dimensions make one element; NotImplementedError if that depends, too."""
        if self._event_dim is NotImplemented:
            raise NotImplementedError(".event_dim cannot be determined statically")
        return self._event_dim

    def __call__(self, *, is_discrete: Any = NotImplemented, event_dim: Any = NotImplemented) -> _Dependent:
        return _Dependent(
            is_discrete=self._is_discrete if is_discrete is NotImplemented else is_discrete,
            event_dim=self._event_dim if event_dim is NotImplemented else event_dim,
        )

    def check(self, x: Tensor) -> Tensor:
        """ValueError: which set it is must be asked of a distribution."""
        raise ValueError("Cannot determine validity of dependent constraint")

    def __repr__(self) -> str:
        return "Dependent()"


def is_dependent(constraint: Any) -> bool:
    """Whether a set depends on other parameters."""
    return isinstance(constraint, _Dependent)


class _DependentProperty(property, _Dependent):
    """A property of a distribution that returns a set, and on the class counts as a dependent one."""

    def __init__(self, fn: Callable | None = None, *, is_discrete: Any = NotImplemented,
                 event_dim: Any = NotImplemented):  # fmt: skip
        property.__init__(self, fn)
        _Dependent.__init__(self, is_discrete=is_discrete, event_dim=event_dim)

    def __call__(self, fn: Callable) -> _DependentProperty:  # type: ignore[override]
        return _DependentProperty(fn, is_discrete=self._is_discrete, event_dim=self._event_dim)


dependent = _Dependent()
dependent_property = _DependentProperty


class _IndependentConstraint(Constraint):
    """A set whose last dimensions make one element: all of them must be in the base set."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int):
        self.base_constraint, self.reinterpreted_batch_ndims = base_constraint, reinterpreted_batch_ndims

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """The base's."""
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The base's and the last dimensions."""
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    def check(self, value: Tensor) -> Tensor:
        """Whether each element is in the set."""
        result = self.base_constraint.check(value)
        n = self.reinterpreted_batch_ndims
        if result.dim() < n:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        return result.reshape((*result.shape[: result.dim() - n], -1)).all(-1) if n else result

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


independent = _IndependentConstraint


class _Bounded(Constraint):
    """A set with bounds that are numbers or tensors."""

    def __init__(self, name: str, inside: Callable, discrete: bool = False, **bounds: Any):
        self._title, self._inside, self.is_discrete = name, inside, discrete
        self.__dict__.update(bounds)
        self._bounds = bounds

    def check(self, value: Tensor) -> Tensor:
        """Whether each element is in the set."""
        inside = self._inside(value, *self._bounds.values())
        return (value % 1 == 0) & inside if self.is_discrete else inside

    def __repr__(self) -> str:
        return f"{self._title}({', '.join(f'{name}={value}' for name, value in self._bounds.items())})"


def greater_than(lower_bound: Any) -> Constraint:
    """Numbers above a bound."""
    return _Bounded("GreaterThan", lambda x, a: x > a, lower_bound=lower_bound)


def greater_than_eq(lower_bound: Any) -> Constraint:
    """Numbers not below a bound."""
    return _Bounded("GreaterThanEq", lambda x, a: x >= a, lower_bound=lower_bound)


def less_than(upper_bound: Any) -> Constraint:
    """Numbers below a bound."""
    return _Bounded("LessThan", lambda x, b: x < b, upper_bound=upper_bound)


def interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers between two bounds, both included."""
    return _Bounded("Interval", lambda x, a, b: (x >= a) & (x <= b), lower_bound=lower_bound, upper_bound=upper_bound)


def half_open_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Numbers between two bounds, the lower one included."""
    return _Bounded("HalfOpenInterval", lambda x, a, b: (x >= a) & (x < b), lower_bound=lower_bound,
                    upper_bound=upper_bound)  # fmt: skip


def integer_interval(lower_bound: Any, upper_bound: Any) -> Constraint:
    """Integers between two bounds, both included."""
    return _Bounded("IntegerInterval", lambda x, a, b: (x >= a) & (x <= b), True, lower_bound=lower_bound,
                    upper_bound=upper_bound)  # fmt: skip


class multinomial(Constraint):
    """Rows of counts whose sum is not above a number."""

    is_discrete = True
    event_dim = 1

    def __init__(self, upper_bound: Any):
        self.upper_bound = upper_bound

    def check(self, value: Tensor) -> Tensor:
        """Whether each row is in the set."""
        return (value >= 0).all(-1) & (value.sum(-1) <= self.upper_bound)

    def __repr__(self) -> str:
        return "Multinomial()"


class _Cat(Constraint):
    """Several sets one after the other along a dimension."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0, lengths: Sequence[int] | None = None):
        self.cseq, self.dim = list(cseq), dim
        self.lengths = list(lengths) if lengths is not None else [1] * len(self.cseq)
        self.is_discrete = any(c.is_discrete for c in self.cseq)
        self.event_dim = max(c.event_dim for c in self.cseq)

    def check(self, value: Tensor) -> Tensor:
        """Whether each part is in its set."""
        from torchlike import cat as join

        parts = value.split(self.lengths, self.dim)
        return join([c.check(part) for c, part in zip(self.cseq, parts, strict=True)], self.dim)


cat = _Cat


class MixtureSameFamilyConstraint(Constraint):
    """The set of the components of a mixture, for values that are in all of them."""

    def __init__(self, base_constraint: Constraint):
        if not isinstance(base_constraint, Constraint):
            raise AssertionError(f"base_constraint must be a Constraint, got {type(base_constraint).__name__}")
        self.base_constraint = base_constraint

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """The base's."""
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """The base's."""
        return self.base_constraint.event_dim

    def check(self, value: Tensor) -> Tensor:
        """Whether each element is in the set of every component."""
        if value.dim() < self.event_dim:
            raise ValueError(f"Expected value.dim() >= {self.event_dim} but got {value.dim()}")
        result = self.base_constraint.check(value.unsqueeze(-1 - self.event_dim))
        return result.reshape((*result.shape[: value.dim() - self.event_dim], -1)).all(-1)

    def __repr__(self) -> str:
        return f"MixtureSameFamilyConstraint({self.base_constraint!r})"


class _Stack(_Cat):
    """Several sets along a new dimension."""

    def __init__(self, cseq: Sequence[Constraint], dim: int = 0):
        super().__init__(cseq, dim)
        self.event_dim += int(dim + self.event_dim < 0)

    def check(self, value: Tensor) -> Tensor:
        """Whether each part is in its set."""
        from torchlike import stack as join

        parts = value.unbind(self.dim)
        return join([c.check(part) for c, part in zip(self.cseq, parts, strict=True)], self.dim)


stack = _Stack


def _cholesky(x: Tensor) -> Any:
    lower = (x.tril() == x).flatten(-2).all(-1)
    return lower & (x.diagonal(dim1=-2, dim2=-1) > 0).all(-1)


def _symmetric(x: Tensor) -> Any:
    return (abs(x - x.mT) <= 1e-6).flatten(-2).all(-1)


def _definite(x: Tensor) -> Any:
    from torchlike.linalg import cholesky_ex

    return _symmetric(x) & (cholesky_ex(x).info == 0)


def _semidefinite(x: Tensor) -> Any:
    from torchlike.linalg import eigvalsh

    inside = _symmetric(x)
    return inside & (eigvalsh(x) >= 0).all(-1) if bool(inside.all()) else inside


def _corr_cholesky(x: Tensor) -> Any:
    from torchlike import finfo

    near = finfo(x.dtype).eps * x.shape[-1] * 10  # rounding grows with the length of a row
    return _cholesky(x) & ((x.detach().norm(dim=-1) - 1.0).abs() <= near).all(-1)


real = _Simple("Real()", lambda x: x == x)
real_vector = independent(real, 1)
boolean = _Simple("Boolean()", lambda x: (x == 0) | (x == 1), True)
one_hot = _Simple("OneHot()", lambda x: ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1), True, 1)
positive = greater_than(0.0)
nonnegative = greater_than_eq(0.0)
unit_interval = interval(0.0, 1.0)
nonnegative_integer = _Bounded("IntegerGreaterThan", lambda x, a: x >= a, True, lower_bound=0)
positive_integer = _Bounded("IntegerGreaterThan", lambda x, a: x >= a, True, lower_bound=1)
simplex = _Simple("Simplex()", lambda x: (x >= 0).all(-1) & (abs(x.sum(-1) - 1) < 1e-6), False, 1)
square = _Simple("Square()", lambda x: x.new_full(x.shape[:-2], x.shape[-2] == x.shape[-1]).bool(), False, 2)
symmetric = _Simple("Symmetric()", _symmetric, False, 2)
lower_triangular = _Simple("LowerTriangular()", lambda x: (x.tril() == x).flatten(-2).all(-1), False, 2)
lower_cholesky = _Simple("LowerCholesky()", _cholesky, False, 2)
positive_definite = _Simple("PositiveDefinite()", _definite, False, 2)
positive_semidefinite = _Simple("PositiveSemidefinite()", _semidefinite, False, 2)
corr_cholesky = _Simple("CorrCholesky()", _corr_cholesky, False, 2)
nonnegative_vector = independent(nonnegative, 1)
