"""Adagrad, RMSprop and Adadelta: steps divided by a root mean (or sum) of squared gradients.

optax has all three with epsilon or the learning rate at another place, so the formulas stand here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from torchlike.core.value import put
from torchlike.core.variable import wrap
from torchlike.optim.optimizer import ParamsT
from torchlike.optim.sgd import check_lr
from torchlike.optim.update import FusedOptimizer, _step_dtype
from torchlike.tensor import Tensor


def directed(params: list, grads: list, flags: Any, weight_decay: Any) -> list:
    """The gradients downwards, with the L2 penalty."""
    if flags.maximize:
        grads = [-g for g in grads]
    if flags.decay:
        grads = [g + p * weight_decay for p, g in zip(params, grads, strict=True)]
    return grads


def check_numbers(**values: Any) -> None:
    """PyTorch's errors for settings that must not be negative, by the words in their error."""
    for name, value in values.items():
        if not value >= 0.0:
            raise ValueError(f"Invalid {name} value: {value}")


class _Flags(NamedTuple):
    maximize: bool
    decay: bool


class Adagrad(FusedOptimizer):
    """Adagrad: steps divided by the root of the sum of all squared gradients.

        s = s + g²
        p = p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)

    Sources: https://jmlr.org/papers/v12/duchi11a.html,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html.

    Args:
        params: tensors, (name, tensor) pairs or groups.
        lr: learning rate, a number or a tensor of one element.
        lr_decay: how quickly it falls.
        weight_decay: L2 penalty, added to the gradient.
        initial_accumulator_value: where the sum begins.
        eps: added to the root.
        maximize: go up instead of down.
        foreach, fused: choose between PyTorch's own implementations; there is one here, always fused.
        differentiable: record the update for `backward()`; the parameters may be no leaves then.
    """

    _counts = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_lr(lr)
        check_numbers(lr_decay=lr_decay, weight_decay=weight_decay,
                      initial_accumulator_value=initial_accumulator_value)  # fmt: skip
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        super().__init__(
            params,
            {
                "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
                "differentiable": differentiable, "fused": fused,
            },
        )  # fmt: skip
        zero: dict = {}
        for group in self.param_groups:
            for p in group["params"]:
                a = p._aval()
                if a.device not in zero:
                    zero[a.device] = put(np.zeros((), _step_dtype()), a.device)
                start = group["initial_accumulator_value"]
                start = complex(start, start) if a.dtype.kind == "c" else start
                self.state[p]["step"] = wrap(zero[a.device])
                self.state[p]["sum"] = wrap(put(np.full(a.shape, start, a.dtype), a.device))

    def share_memory(self) -> None:
        """Nothing to do: memory is not shared between processes here."""

    def _flags(self, group: dict[str, Any]) -> _Flags:
        return _Flags(group["maximize"], group["weight_decay"] != 0)

    def _scalars(self, group: dict[str, Any]) -> list:
        return [group["lr"], group["lr_decay"], group["eps"], group["weight_decay"]]

    @staticmethod
    def _state_names(flags: _Flags) -> tuple[str, ...]:
        return ("sum",)

    @staticmethod
    def _rule(params, grads, states, step, scalars, flags, fresh):
        lr, lr_decay, eps, weight_decay = scalars
        grads = directed(params, grads, flags, weight_decay)
        rate = (lr / (1 + step * lr_decay)).astype(params[0].dtype)
        sums = [s + g * g for s, g in zip(states[0], grads, strict=True)]
        steps = zip(params, grads, sums, strict=True)
        return [p - rate * (g / (jnp.sqrt(s) + eps)) for p, g, s in steps], [sums]


class _RMSFlags(NamedTuple):
    maximize: bool
    decay: bool
    momentum: bool
    centered: bool


class RMSprop(FusedOptimizer):
    """RMSprop: steps divided by the root mean square of the gradient, which forgets.

        v = alpha * v + (1 - alpha) * g²
        p = p - lr * g / (sqrt(v) + eps)

    With `centered` the square of the gradient's mean is taken off v; with `momentum` the quotients are added up as in
    SGD. Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html.

    Args:
        params: tensors, (name, tensor) pairs or groups.
        lr: learning rate, a number or a tensor of one element.
        alpha: how slowly the means move.
        eps: added to the root.
        weight_decay: L2 penalty, added to the gradient.
        momentum: how much of the last step goes into this one.
        centered: divide by the standard deviation instead.
        maximize: go up instead of down.
        foreach, capturable: choose between PyTorch's own implementations; there is one here, always fused.
        differentiable: record the update for `backward()`; the parameters may be no leaves then.
    """

    _counts = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, alpha: float = 0.99, eps: float = 1e-8,
        weight_decay: float = 0, momentum: float = 0, centered: bool = False, capturable: bool = False,
        foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_lr(lr)
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_numbers(momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        super().__init__(
            params,
            {
                "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
                "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
                "differentiable": differentiable,
            },
        )  # fmt: skip

    def _flags(self, group: dict[str, Any]) -> _RMSFlags:
        return _RMSFlags(group["maximize"], group["weight_decay"] != 0, group["momentum"] > 0, group["centered"])

    def _scalars(self, group: dict[str, Any]) -> list:
        return [group["lr"], group["alpha"], group["eps"], group["weight_decay"], group["momentum"]]

    @staticmethod
    def _state_names(flags: _RMSFlags) -> tuple[str, ...]:
        names = ["square_avg"]
        names += ["momentum_buffer"] if flags.momentum else []
        return (*names, "grad_avg") if flags.centered else tuple(names)

    @staticmethod
    def _rule(params, grads, states, step, scalars, flags, fresh):
        lr, alpha, eps, weight_decay, momentum = scalars
        grads = directed(params, grads, flags, weight_decay)
        made: list = []
        kept: list[list] = [[] for _ in states]
        for i, (p, g) in enumerate(zip(params, grads, strict=True)):
            v = alpha * states[0][i] + (1 - alpha) * g * g
            new = [v]
            if flags.centered:
                mean = states[-1][i] + (1 - alpha) * (g - states[-1][i])
                v = v - mean * mean
            update = g / (jnp.sqrt(v) + eps)
            if flags.momentum:
                update = momentum * states[1][i] + update
                new.append(update)
            if flags.centered:
                new.append(mean)
            made.append(p - lr * update)
            for column, x in zip(kept, new, strict=True):
                column.append(x)
        return made, kept


class Adadelta(FusedOptimizer):
    """Adadelta: steps of the size of past steps, divided by the root mean square of the gradient.

        v = rho * v + (1 - rho) * g²
        d = sqrt(a + eps) / sqrt(v + eps) * g
        a = rho * a + (1 - rho) * d²
        p = p - lr * d

    Sources: https://arxiv.org/abs/1212.5701, https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html.

    Args:
        params: tensors, (name, tensor) pairs or groups.
        lr: a factor before the step.
        rho: how slowly the means move.
        eps: added under both roots.
        weight_decay: L2 penalty, added to the gradient.
        maximize: go up instead of down.
        foreach, capturable: choose between PyTorch's own implementations; there is one here, always fused.
        differentiable: record the update for `backward()`; the parameters may be no leaves then.
    """

    _counts = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False,
        differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_numbers(weight_decay=weight_decay)
        super().__init__(
            params,
            {
                "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
                "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
            },
        )  # fmt: skip

    def _flags(self, group: dict[str, Any]) -> _Flags:
        return _Flags(group["maximize"], group["weight_decay"] != 0)

    def _scalars(self, group: dict[str, Any]) -> list:
        return [group["lr"], group["rho"], group["eps"], group["weight_decay"]]

    @staticmethod
    def _state_names(flags: _Flags) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")

    @staticmethod
    def _rule(params, grads, states, step, scalars, flags, fresh):
        lr, rho, eps, weight_decay = scalars
        made, squares, deltas = [], [], []
        for p, g, v, a in zip(params, directed(params, grads, flags, weight_decay), *states, strict=True):
            v = rho * v + (1 - rho) * g * g
            d = jnp.sqrt(a + eps) / jnp.sqrt(v + eps) * g
            made.append(p - lr * d)
            squares.append(v)
            deltas.append(rho * a + (1 - rho) * d * d)
        return made, [squares, deltas]
