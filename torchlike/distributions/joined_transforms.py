"""Maps made of other maps along a dimension, of a distribution, or of another shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torchlike.core.size import Size
from torchlike.distributions import constraints
from torchlike.distributions.distribution import finish
from torchlike.distributions.transforms import Transform
from torchlike.tensor import Tensor

__all__ = ["CatTransform", "CumulativeDistributionTransform", "ReshapeTransform", "StackTransform"]


class _Joined(Transform):
    """Several maps, each for its part of a tensor along `dim`."""

    def __init__(self, tseq: Sequence[Transform], dim: int, cache_size: int):
        if not all(isinstance(t, Transform) for t in tseq):
            raise AssertionError("All elements of tseq must be Transform instances")
        super().__init__(cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        """Whether all are."""
        return all(t.bijective for t in self.transforms)

    def _parts(self, x: Tensor, name: str = "tensor") -> list[Tensor]:
        raise NotImplementedError

    def _join(self, parts: list[Tensor]) -> Tensor:
        raise NotImplementedError

    def _check_dim(self, x: Tensor, name: str) -> None:
        if not -x.dim() <= self.dim < x.dim():
            raise AssertionError(f"dim {self.dim} out of range for {name} with {x.dim()} dimensions")

    def _call(self, x: Tensor) -> Tensor:
        return self._join([t(part) for t, part in zip(self.transforms, self._parts(x), strict=True)])

    def _inverse(self, y: Tensor) -> Tensor:
        parts = self._parts(y, "tensor")
        return self._join([t.inv(part) for t, part in zip(self.transforms, parts, strict=True)])

    def _same(self, other: Any) -> bool:
        return self is other


class CatTransform(_Joined):
    """Maps for parts of `lengths` elements along `dim`, as `torch.cat` joins them; each of length 1 by default."""

    def __init__(
        self, tseq: Sequence[Transform], dim: int = 0, lengths: Sequence[int] | None = None, cache_size: int = 0
    ):
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise AssertionError(f"lengths ({len(self.lengths)}) must match transforms ({len(self.transforms)})")

    @property
    def event_dim(self) -> int:
        """The most of all."""
        return max(t.event_dim for t in self.transforms)

    @property
    def length(self) -> int:
        """How many elements there must be along `dim`."""
        return sum(self.lengths)

    @property
    def domain(self) -> Any:  # type: ignore[override]
        """Those of the maps, one after the other."""
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @property
    def codomain(self) -> Any:  # type: ignore[override]
        """Those of the maps, one after the other."""
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)

    def _parts(self, x: Tensor, name: str = "tensor") -> list[Tensor]:
        self._check_dim(x, name)
        if x.shape[self.dim] != self.length:
            letter = "x" if name == "tensor" else name
            raise AssertionError(
                f"{letter}.size({self.dim}) = {x.shape[self.dim]} must equal length {self.length}"
            )
        return list(x.split(self.lengths, self.dim))

    def _join(self, parts: list[Tensor]) -> Tensor:
        import torchlike as torch

        return torch.cat(parts, self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Those of the maps side by side, or their sum if `dim` belongs to one element."""
        import torchlike as torch

        made = []
        for t, a, b in zip(self.transforms, self._parts(x, "x"), self._parts(y, "y"), strict=True):
            made.append(finish(t.log_abs_det_jacobian(a, b), self.event_dim - t.event_dim))
        dim = self.dim - (x.dim() if self.dim >= 0 else 0) + self.event_dim
        return torch.cat(made, dim) if dim < 0 else sum(made[1:], made[0])


class StackTransform(_Joined):
    """One map for each index of `dim`, as `torch.stack` joins them."""

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0):
        super().__init__(tseq, dim, cache_size)

    @property
    def domain(self) -> Any:  # type: ignore[override]
        """Those of the maps, side by side."""
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @property
    def codomain(self) -> Any:  # type: ignore[override]
        """Those of the maps, side by side."""
        return constraints.stack([t.codomain for t in self.transforms], self.dim)

    def _parts(self, x: Tensor, name: str = "tensor") -> list[Tensor]:
        self._check_dim(x, name)
        if x.shape[self.dim] != len(self.transforms):
            letter = "x" if name == "tensor" else name
            raise AssertionError(
                f"{letter}.size({self.dim}) = {x.shape[self.dim]} must equal len(transforms) {len(self.transforms)}"
            )
        return list(x.unbind(self.dim))

    def _join(self, parts: list[Tensor]) -> Tensor:
        import torchlike as torch

        return torch.stack(parts, self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Those of the maps side by side."""
        parts = zip(self.transforms, self._parts(x, "x"), self._parts(y, "y"), strict=True)
        return self._join([t.log_abs_det_jacobian(a, b) for t, a, b in parts])


class CumulativeDistributionTransform(Transform):
    """The `cdf` of a distribution as a map onto [0, 1], for copulas.

    >>> from torchlike import distributions as D
    >>> import torchlike as torch
    >>> D.CumulativeDistributionTransform(D.Normal(0.0, 1.0))(torch.tensor(0.0))
    tensor(0.5000)
    """

    bijective = True
    codomain = constraints.unit_interval
    _sign = 1

    def __init__(self, distribution: Any, cache_size: int = 0):
        super().__init__(cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Any:  # type: ignore[override]
        """The distribution's support."""
        return self.distribution.support

    def _call(self, x: Tensor) -> Tensor:
        return self.distribution.cdf(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The logarithm of the density."""
        return self.distribution.log_prob(x)

    def _same(self, other: Any) -> bool:
        return self is other


class ReshapeTransform(Transform):
    """The last dimensions, of sizes `in_shape`, seen as `out_shape`. ValueError if their numbers of elements differ."""

    bijective = True

    def __init__(self, in_shape: Any, out_shape: Any, cache_size: int = 0):
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError("in_shape, out_shape have different numbers of elements")
        super().__init__(cache_size)

    @property
    def domain(self) -> Any:  # type: ignore[override]
        """Numbers of `in_shape`."""
        return constraints.independent(constraints.real, len(self.in_shape))

    @property
    def codomain(self) -> Any:  # type: ignore[override]
        """Numbers of `out_shape`."""
        return constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape((*x.shape[: x.dim() - len(self.in_shape)], *self.out_shape))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape((*y.shape[: y.dim() - len(self.out_shape)], *self.in_shape))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """0."""
        return x.new_zeros(x.shape[: x.dim() - len(self.in_shape)])

    def forward_shape(self, shape: Any) -> Any:
        """`out_shape` in the place of `in_shape`."""
        return _exchanged(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Any) -> Any:
        """`in_shape` in the place of `out_shape`."""
        return _exchanged(shape, self.out_shape, self.in_shape)

    def _same(self, other: Any) -> bool:
        return self is other


def _exchanged(shape: Any, old: Size, new: Size) -> tuple:
    if len(shape) < len(old):
        raise ValueError("Too few dimensions on input")
    cut = len(shape) - len(old)
    if tuple(shape[cut:]) != tuple(old):
        raise ValueError(f"Shape mismatch: expected {shape[cut:]} but got {old}")
    return (*shape[:cut], *new)
