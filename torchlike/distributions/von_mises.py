"""The von Mises distribution of angles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from torchlike.distributions import constraints
from torchlike.distributions.distribution import Distribution
from torchlike.distributions.utils import broadcast_all, lazy_property
from torchlike.drawing import draw
from torchlike.tensor import Tensor


class VonMises(Distribution):
    """Angles around `loc`, the closer the larger `concentration` is. Angles are in radians, modulo 2 pi.

    Draws by D. J. Best and N. I. Fisher, Efficient Simulation of the von Mises Distribution (1979), in float64.
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}  # noqa: RUF012
    support = constraints.real

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None):
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    def _log_bessel(self, order: int) -> Tensor:
        """log I_order(concentration)."""
        import torchlike as torch

        special: Any = torch.special
        return (special.i0e if order == 0 else special.i1e)(self.concentration).log() + self.concentration

    @property
    def mean(self) -> Tensor:
        """`loc`, the mean on the circle."""
        return self.loc

    mode = mean

    @lazy_property
    def variance(self) -> Tensor:  # type: ignore[override]
        """The variance on the circle, between 0 and 1."""
        return 1 - (self._log_bessel(1) - self._log_bessel(0)).exp()

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Values in [-pi, pi), out of the graph (reads the parameters: a barrier)."""
        shape = tuple(self._extended_shape(sample_shape))
        loc, kappa = (t.detach()._host().astype(np.float64) for t in (self.loc, self.concentration))
        tau = 1 + np.sqrt(1 + 4 * kappa**2)
        rho = (tau - np.sqrt(2 * tau)) / (2 * kappa)
        r = np.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))

        def von_mises(g: Any, shape: tuple) -> np.ndarray:
            x, done = np.zeros(shape), np.zeros(shape, bool)
            while not done.all():
                first, second, third = g.uniform((3, *shape), 0.0, 1.0, np.float64)
                z = np.cos(np.pi * first)
                f = (1 + r * z) / (r + z)
                c = kappa * (r - f)
                with np.errstate(divide="ignore"):
                    taken = (c * (2 - c) - second > 0) | (np.log(c / second) + 1 - c >= 0)
                x = np.where(taken, np.sign(third - 0.5) * np.arccos(f), x)
                done |= taken
            return ((x + np.pi + loc) % (2 * np.pi) - np.pi).astype(self.loc.dtype.np)

        return draw(von_mises, shape, device=self.loc.device)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density."""
        cosine = (self._checked(value) - self.loc).cos()
        return self.concentration * cosine - math.log(2 * math.pi) - self._log_bessel(0)
