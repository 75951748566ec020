"""The rows: every configuration in PyTorch's `optim_db`, and the problem that the optimizers work on.

A row is an optimizer's name, a description and settings. PyTorch's configurations for accelerators (`capturable`,
tensors as settings) are rows too: here they run on every device, and PyTorch runs them on the CPU without `capturable`,
which changes the place of a computation and not its result.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

TOLERANCE = {"float32": 1e-5, "float64": 1e-9}
"""Largest difference relative to the largest element after all steps: room for another order of the same operations."""


def tolerance(name: str, dtype: str) -> float:
    """As above, but for Muon, which iterates in bfloat16: a sum between two of its numbers may fall to either."""
    return max(TOLERANCE[dtype], 1e-5 if name == "Muon" else 0.0)


class Row(NamedTuple):
    info: Any
    desc: str
    kwargs: dict[str, Any]

    @property
    def name(self) -> str:
        return self.info.name


def rows() -> list[Row]:
    """Each configuration once, for the CPU and for accelerators."""
    from torch.testing._internal.common_optimizers import optim_db

    found: dict[tuple, Row] = {}
    for info in optim_db:
        for device in ("cpu", "cuda"):
            for given in info.optim_inputs_func(device=device):
                found.setdefault((info.name, given.desc, str(given.kwargs)), Row(info, given.desc, dict(given.kwargs)))
    return list(found.values())


def infos() -> list:
    from torch.testing._internal.common_optimizers import optim_db

    return list(optim_db)


def converted(value: Any, lib, dtype: Any = None) -> Any:
    """The same structure with tensors of the other library."""
    if hasattr(value, "detach"):
        return lib.tensor(value.detach().numpy().astype(dtype or value.detach().numpy().dtype))
    if isinstance(value, dict):
        return {k: converted(v, lib, dtype) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(converted(v, lib, dtype) for v in value)
    return value


class Problem:
    """Parameters of one library and gradients of a curved valley, computed by NumPy from where the parameters are.

    Matrices only for an optimizer that takes nothing else. With `gaps` there are two groups, and the gradient of the
    second parameter is missing in every third step.
    """

    def __init__(self, lib, name: str, dtype: str = "float32", values: list | None = None, gaps: bool = False):
        self.lib, self.dtype, self.gaps = lib, np.dtype(dtype), gaps
        rng = np.random.default_rng(0)
        shapes = ((3, 4), (5, 2), (2, 2)) if name == "Muon" else ((3, 4), (5,), ())
        starts = [self._random(rng, s) for s in shapes]
        self.centers = [self._random(rng, s) for s in shapes]
        self.bends = [rng.uniform(0.5, 2, s) for s in shapes]
        self.params = [lib.tensor(v, requires_grad=True) for v in (values or starts)]

    def _random(self, rng, shape):
        x = rng.standard_normal(shape)
        if self.dtype.kind == "c":
            x = x + 1j * rng.standard_normal(shape)
        return np.asarray(x, self.dtype)

    def gradients(self, step: int = 0) -> None:
        for i, (p, c, bend) in enumerate(zip(self.params, self.centers, self.bends, strict=True)):
            d = p.detach().numpy() - c
            g = np.asarray(bend * d + 0.3 * np.sin(d) * bend.size**0.5, self.dtype)
            missing = self.gaps and i == 1 and step % 3 == 2
            p.grad = None if missing else self.lib.tensor(g)

    def loss(self):
        """A closure for optimizers that want one: the same valley in the library's own operations."""
        total = 0
        for p, c, bend in zip(self.params, self.centers, self.bends, strict=True):
            d = p - self.lib.tensor(c)
            total = total + (self.lib.tensor(np.asarray(bend, self.dtype)) * d * d).sum()
        return total

    def make(self, row: Row, **more):
        # settings that are float32 tensors would make PyTorch compute some factors in float32
        kwargs = converted({**row.kwargs, **more}, self.lib, self.dtype if self.dtype.kind == "f" else None)
        groups = [{"params": self.params[:2]}, {"params": self.params[2:], "lr": 0.003}] if self.gaps else self.params
        return getattr(self.lib.optim, row.name)(groups, **kwargs)

    def train(self, optimizer, steps) -> list:
        """Values after the steps; a step of L-BFGS is many, so it makes a fifth of them."""
        lbfgs = type(optimizer).__name__ == "LBFGS"
        for step in list(steps)[:: 5 if lbfgs else 1]:

            def closure():
                optimizer.zero_grad()
                loss = self.loss()
                loss.backward()
                return loss

            if lbfgs:
                optimizer.step(closure)
            else:
                self.gradients(step)
                optimizer.step()
        return self.values()

    def values(self) -> list:
        return [p.detach().numpy().copy() for p in self.params]


def difference(ours: list, theirs: list) -> float:
    """The largest, relative to the largest element; dtypes and shapes must be the same."""
    largest = 0.0
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert np.isfinite(b).all()
        largest = max(largest, float(np.max(np.abs(a - b)) / max(np.max(np.abs(b)), 1e-30)))
    return largest
