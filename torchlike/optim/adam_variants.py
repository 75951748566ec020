"""Adamax, NAdam and RAdam: Adam with another denominator, Nesterov's momentum, or a careful beginning."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from torchlike.optim.adam import _check_betas
from torchlike.optim.adaptive import check_numbers, directed
from torchlike.optim.optimizer import ParamsT
from torchlike.optim.sgd import check_lr
from torchlike.optim.update import FusedOptimizer
from torchlike.tensor import Tensor


class _Flags(NamedTuple):
    maximize: bool
    decay: bool
    decoupled: bool = False


def _decayed(params: list, grads: list, flags: _Flags, lr: Any, weight_decay: Any) -> tuple[list, list]:
    """(params, grads) after the weight decay, as L2 penalty or beside the step."""
    if flags.decay and flags.decoupled:
        params = [p * (1 - lr * weight_decay) for p in params]
        return params, directed(params, grads, flags._replace(decay=False), weight_decay)
    return params, directed(params, grads, flags, weight_decay)


class _Betas(FusedOptimizer):
    """What the three have in common: two betas, eps, and flags."""

    _counts = True

    def _begin(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        check_lr(defaults["lr"])
        if not defaults["eps"] >= 0.0:
            raise ValueError(f"Invalid epsilon value: {defaults['eps']}")
        _check_betas(defaults["betas"], False)
        check_numbers(weight_decay=defaults["weight_decay"])
        FusedOptimizer.__init__(self, params, defaults)

    def _flags(self, group: dict[str, Any]) -> _Flags:
        return _Flags(group["maximize"], group["weight_decay"] != 0, group.get("decoupled_weight_decay", False))

    def _scalars(self, group: dict[str, Any]) -> list:
        return [group["lr"], *group["betas"], group["eps"], group["weight_decay"]]


class Adamax(_Betas):
    """Adamax: Adam with the largest gradient, which decays, in the place of the root mean square.

        m = beta1 * m + (1 - beta1) * g
        u = max(beta2 * u, |g| + eps)
        p = p - lr / (1 - beta1^t) * m / u

    Sources: https://arxiv.org/abs/1412.6980, https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html.
    Arguments as for Adam.
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        self._begin(
            params,
            {
                "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
                "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
            },
        )  # fmt: skip

    @staticmethod
    def _state_names(flags: _Flags) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")

    @staticmethod
    def _rule(params, grads, states, step, scalars, flags, fresh):
        lr, beta1, beta2, eps, weight_decay = scalars
        grads = directed(params, grads, flags, weight_decay)
        rate = (lr / (1 - beta1 ** (step + 1))).astype(params[0].dtype)
        means = [m + (1 - beta1) * (g - m) for m, g in zip(states[0], grads, strict=True)]
        largest = [jnp.maximum(beta2 * u, jnp.abs(g) + eps) for u, g in zip(states[1], grads, strict=True)]
        return [p - rate * (m / u) for p, m, u in zip(params, means, largest, strict=True)], [means, largest]


class NAdam(_Betas):
    """NAdam: Adam with Nesterov's momentum, whose weight grows.

        mu_t = beta1 * (1 - 0.96^(t * momentum_decay) / 2), and c_t the product of all so far
        d = (1 - mu_t) / (1 - c_t) * g + mu_(t+1) / (1 - c_t * mu_(t+1)) * m
        p = p - lr * d / (sqrt(v / (1 - beta2^t)) + eps)

    Sources: https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html. Arguments as for Adam.
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_numbers(momentum_decay=momentum_decay)
        self._begin(
            params,
            {
                "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach,
                "capturable": capturable, "differentiable": differentiable,
            },
        )  # fmt: skip

    def _scalars(self, group: dict[str, Any]) -> list:
        return [*super()._scalars(group), group["momentum_decay"]]

    def _zeros_are_fresh(self, group: dict[str, Any]) -> bool:
        return False

    @staticmethod
    def _state_names(flags: _Flags) -> tuple[str, ...]:
        return ("mu_product", "exp_avg", "exp_avg_sq")

    @staticmethod
    def _state_kind(name: str, shape: tuple[int, ...], dtype: Any) -> tuple[tuple[int, ...], Any]:
        return ((), jnp.float32) if name == "mu_product" else (shape, dtype)

    @staticmethod
    def _rule(params, grads, states, step, scalars, flags, fresh):
        lr, beta1, beta2, eps, weight_decay, momentum_decay = scalars
        params, grads = _decayed(params, grads, flags, lr, weight_decay)
        dtype, t = params[0].dtype, step + 1
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (t * momentum_decay))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
        correction = 1 - beta2**t
        made, means, squares, products = [], [], [], []
        for p, g, c, m, v in zip(params, grads, *states, strict=True):
            c = (jnp.ones_like(c) if fresh else c) * mu.astype(c.dtype)
            wide = c.astype(jnp.float64)
            m = m + (1 - beta1) * (g - m)
            v = beta2 * v + (1 - beta2) * g * g
            root = jnp.sqrt(v / correction.astype(dtype)) + eps
            p = p - (lr * (1 - mu) / (1 - wide)).astype(dtype) * (g / root)
            made.append(p - (lr * mu_next / (1 - wide * mu_next)).astype(dtype) * (m / root))
            means.append(m)
            squares.append(v)
            products.append(c)
        return made, [products, means, squares]


class RAdam(_Betas):
    """RAdam: Adam that goes along the mean alone until its root mean square can be trusted.

    With r = 2 / (1 - beta2) - 1 and r_t = r - 2 t beta2^t / (1 - beta2^t), a step is Adam's times
    sqrt((r_t - 4) (r_t - 2) r / ((r - 4) (r - 2) r_t)) where r_t > 5, and lr * m / (1 - beta1^t) before that.

    Sources: https://arxiv.org/abs/1908.03265, https://docs.pytorch.org/docs/stable/generated/torch.optim.RAdam.html.
    Arguments as for Adam.
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        self._begin(
            params,
            {
                "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
                "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
                "differentiable": differentiable,
            },
        )  # fmt: skip

    @staticmethod
    def _state_names(flags: _Flags) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    @staticmethod
    def _rule(params, grads, states, step, scalars, flags, fresh):
        lr, beta1, beta2, eps, weight_decay = scalars
        params, grads = _decayed(params, grads, flags, lr, weight_decay)
        dtype, t = params[0].dtype, step + 1
        limit = 2 / (1 - beta2) - 1
        length = limit - 2 * t * beta2**t / (1 - beta2**t)
        trusted = length > 5
        safe = jnp.where(trusted, length, 6.0)
        rectified = jnp.sqrt((safe - 4) * (safe - 2) * limit / ((limit - 4) * (limit - 2) * safe))
        scale = (rectified * jnp.sqrt(1 - beta2**t)).astype(dtype)
        rate = (lr / (1 - beta1**t)).astype(dtype)
        means = [m + (1 - beta1) * (g - m) for m, g in zip(states[0], grads, strict=True)]
        squares = [beta2 * v + (1 - beta2) * g * g for v, g in zip(states[1], grads, strict=True)]
        made = [
            p - rate * m * jnp.where(trusted, scale / (jnp.sqrt(v) + eps), 1.0)
            for p, m, v in zip(params, means, squares, strict=True)
        ]
        return made, [means, squares]
