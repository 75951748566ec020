"""ASGD, whose parameters are also averaged, and Rprop, which looks at the signs of gradients only."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from torchlike.optim.adaptive import check_numbers, directed
from torchlike.optim.optimizer import ParamsT
from torchlike.optim.sgd import check_lr
from torchlike.optim.update import FusedOptimizer
from torchlike.tensor import Tensor


class _Flags(NamedTuple):
    maximize: bool
    decay: bool


class ASGD(FusedOptimizer):
    """SGD with a falling learning rate, and the mean of the parameters from step `t0` on in `state[p]["ax"]`.

        p = p * (1 - lambd * eta) - eta * g,  eta = lr / (1 + lambd * lr * t)^alpha

    Sources: https://dl.acm.org/citation.cfm?id=131098,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.ASGD.html.

    Args:
        params: tensors, (name, tensor) pairs or groups.
        lr: learning rate, a number or a tensor of one element.
        lambd: decay.
        alpha: the power with which the learning rate falls.
        t0: when averaging begins.
        weight_decay: L2 penalty, added to the gradient.
        foreach, maximize, differentiable, capturable: as for Adam.
    """

    _counts = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        check_lr(lr)
        check_numbers(weight_decay=weight_decay)
        super().__init__(
            params,
            {
                "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
                "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
            },
        )  # fmt: skip

    def _flags(self, group: dict[str, Any]) -> _Flags:
        return _Flags(group["maximize"], group["weight_decay"] != 0)

    def _scalars(self, group: dict[str, Any]) -> list:
        return [group["lr"], group["lambd"], group["alpha"], group["t0"], group["weight_decay"]]

    def _zeros_are_fresh(self, group: dict[str, Any]) -> bool:
        return False

    @staticmethod
    def _state_names(flags: _Flags) -> tuple[str, ...]:
        return ("eta", "mu", "ax")

    @staticmethod
    def _state_kind(name: str, shape: tuple[int, ...], dtype: Any) -> tuple[tuple[int, ...], Any]:
        return (shape, dtype) if name == "ax" else ((), jnp.float32)

    @staticmethod
    def _rule(params, grads, states, step, scalars, flags, fresh):
        lr, lambd, alpha, t0, weight_decay = scalars
        dtype, t = params[0].dtype, step + 1
        # PyTorch keeps eta and mu in float32, whatever the parameter is
        next_eta = (lr / (1 + lambd * lr * t) ** alpha).astype(jnp.float32)
        next_mu = (1 / jnp.maximum(1.0, t - t0)).astype(jnp.float32)
        made, means = [], []
        for p, g, eta, mu, ax in zip(params, directed(params, grads, flags, weight_decay), *states, strict=True):
            eta = jnp.asarray(lr, jnp.float32) if fresh else eta
            mu = jnp.ones((), jnp.float32) if fresh else mu
            wide = eta.astype(jnp.float64)
            p = p * (1 - lambd * wide).astype(dtype) - wide.astype(dtype) * g
            made.append(p)
            means.append(jnp.where(mu == 1, p, ax + (p - ax) * mu.astype(dtype)))
        n = len(params)
        return made, [[next_eta] * n, [next_mu] * n, means]


class Rprop(FusedOptimizer):
    """Rprop: each element has a step of its own, which grows while its gradient keeps its sign and shrinks otherwise.

    Sources: http://citeseerx.ist.psu.edu/viewdoc/summary?doi=10.1.1.21.1417,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Rprop.html.

    Args:
        params: tensors, (name, tensor) pairs or groups.
        lr: the first step.
        etas: factors for shrinking and growing.
        step_sizes: the smallest and the largest step.
        foreach, maximize, differentiable, capturable: as for Adam.
    """

    _counts = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        super().__init__(
            params,
            {
                "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
                "differentiable": differentiable, "capturable": capturable,
            },
        )  # fmt: skip

    def _flags(self, group: dict[str, Any]) -> _Flags:
        return _Flags(group["maximize"], False)

    def _scalars(self, group: dict[str, Any]) -> list:
        return [group["lr"], *group["etas"], *group["step_sizes"]]

    def _zeros_are_fresh(self, group: dict[str, Any]) -> bool:
        return False

    @staticmethod
    def _state_names(flags: _Flags) -> tuple[str, ...]:
        return ("prev", "step_size")

    @staticmethod
    def _rule(params, grads, states, step, scalars, flags, fresh):
        lr, shrink, grow, smallest, largest = scalars
        made, kept, sizes = [], [], []
        for p, g, before, size in zip(params, directed(params, grads, flags, 0), *states, strict=True):
            size = jnp.full_like(p, lr) if fresh else size
            turn = g * before
            factor = jnp.where(turn > 0, grow, jnp.where(turn < 0, shrink, 1.0)).astype(p.dtype)
            size = jnp.clip(size * factor, smallest, largest)
            g = jnp.where(turn < 0, 0.0, g)
            made.append(p - jnp.sign(g) * size)
            kept.append(g)
            sizes.append(size)
        return made, [kept, sizes]
