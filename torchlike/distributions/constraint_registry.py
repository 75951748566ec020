"""From all numbers into a set: `biject_to(constraint)`, and `transform_to(constraint)` which need have no inverse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchlike.distributions import constraints, transforms

__all__ = ["ConstraintRegistry", "biject_to", "transform_to"]


class ConstraintRegistry:
    """A table from kinds of sets to functions that make a map into one."""

    def __init__(self) -> None:
        self._registry: list[tuple[Any, Callable]] = []

    def register(self, constraint: Any, factory: Callable | None = None) -> Any:
        """Say what makes the map into a set, or into all sets of a class; a decorator too."""
        if factory is None:
            return lambda f: self.register(constraint, f)
        self._registry.insert(0, (constraint, factory))
        return factory

    def __call__(self, constraint: Any) -> transforms.Transform:
        """The map into a set; NotImplementedError where none is known."""
        for known, factory in self._registry:
            if known is constraint or (isinstance(known, type) and isinstance(constraint, known)) or (
                isinstance(known, str) and getattr(constraint, "_title", None) == known
            ):
                return factory(constraint)
        raise NotImplementedError(f"Cannot transform {type(constraint).__name__} constraints")


biject_to, transform_to = ConstraintRegistry(), ConstraintRegistry()


def _both(constraint: Any, factory: Callable) -> None:
    biject_to.register(constraint, factory)
    transform_to.register(constraint, factory)


def _lower(c: Any) -> transforms.Transform:
    return transforms.ComposeTransform([transforms.ExpTransform(), transforms.AffineTransform(c.lower_bound, 1)])


def _upper(c: Any) -> transforms.Transform:
    return transforms.ComposeTransform([transforms.ExpTransform(), transforms.AffineTransform(c.upper_bound, -1)])


def _between(c: Any) -> transforms.Transform:
    if c.lower_bound is not None and isinstance(c.lower_bound, int | float) and c.lower_bound == 0 and (
        isinstance(c.upper_bound, int | float) and c.upper_bound == 1
    ):
        return transforms.SigmoidTransform()
    loc, scale = c.lower_bound, c.upper_bound - c.lower_bound
    return transforms.ComposeTransform([transforms.SigmoidTransform(), transforms.AffineTransform(loc, scale)])


_both("GreaterThan", _lower)
_both("GreaterThanEq", _lower)
_both("LessThan", _upper)
_both("Interval", _between)
_both("HalfOpenInterval", _between)
_both(constraints.real, lambda c: transforms.identity_transform)
_both(constraints.positive, lambda c: transforms.ExpTransform())
_both(constraints.nonnegative, lambda c: transforms.ExpTransform())
biject_to.register(constraints.simplex, lambda c: transforms.StickBreakingTransform())
transform_to.register(constraints.simplex, lambda c: transforms.SoftmaxTransform())
transform_to.register(constraints.lower_cholesky, lambda c: transforms.LowerCholeskyTransform())
transform_to.register(constraints.positive_definite, lambda c: transforms.PositiveDefiniteTransform())
transform_to.register(constraints.positive_semidefinite, lambda c: transforms.PositiveDefiniteTransform())
_both(constraints.corr_cholesky, lambda c: transforms.CorrCholeskyTransform())
for _to in (biject_to, transform_to):
    _to.register(constraints.cat, lambda c, to=_to: transforms.CatTransform([to(x) for x in c.cseq], c.dim, c.lengths))
    _to.register(constraints.stack, lambda c, to=_to: transforms.StackTransform([to(x) for x in c.cseq], c.dim))
biject_to.register(
    constraints._IndependentConstraint,
    lambda c: transforms.IndependentTransform(biject_to(c.base_constraint), c.reinterpreted_batch_ndims),
)
transform_to.register(
    constraints._IndependentConstraint,
    lambda c: transforms.IndependentTransform(transform_to(c.base_constraint), c.reinterpreted_batch_ndims),
)
