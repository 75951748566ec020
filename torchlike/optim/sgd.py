"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from torchlike.optim.optimizer import ParamsT
from torchlike.optim.update import FusedOptimizer, chained
from torchlike.tensor import Tensor


class _Flags(NamedTuple):
    momentum: bool
    nesterov: bool
    maximize: bool
    decay: bool


class SGD(FusedOptimizer):
    """Stochastic gradient descent, optionally with momentum.

    With g the gradient plus `weight_decay` times the parameter:

        b = momentum * b + (1 - dampening) * g      (b = g at the first step)
        p = p - lr * b                              (lr * (g + momentum * b) with nesterov)

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html; the momentum is `optax.trace`, which
    has no dampening.

    Args:
        params: tensors, (name, tensor) pairs or groups.
        lr: learning rate, a number or a tensor of one element.
        momentum: how much of the last step goes into this one.
        dampening: how much of the gradient is left out of the momentum.
        weight_decay: L2 penalty, added to the gradient.
        nesterov: Nesterov's momentum; needs a momentum and no dampening.
        maximize: go up instead of down.
        foreach, fused: choose between PyTorch's own implementations; there is one here, always fused.
        differentiable: record the update for `backward()`; the parameters may be no leaves then.

    >>> import torchlike as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> optimizer = torch.optim.SGD([w], lr=0.25, momentum=0.9)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.5000], requires_grad=True)
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-3, momentum: float = 0, dampening: float = 0,
        weight_decay: float | Tensor = 0, nesterov: bool = False, *, maximize: bool = False,
        foreach: bool | None = None, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_lr(lr)
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            {
                "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
                "nesterov": nesterov, "maximize": maximize, "foreach": foreach, "differentiable": differentiable,
                "fused": fused,
            },
        )  # fmt: skip

    def _flags(self, group: dict[str, Any]) -> _Flags:
        return _Flags(group["momentum"] != 0, group["nesterov"], group["maximize"], group["weight_decay"] != 0)

    def _scalars(self, group: dict[str, Any]) -> list:
        return [group["lr"], group["momentum"], group["dampening"], group["weight_decay"]]

    def _zeros_are_fresh(self, group: dict[str, Any]) -> bool:
        return group["dampening"] == 0

    @staticmethod
    def _state_names(flags: _Flags) -> tuple[str, ...]:
        return ("momentum_buffer",) if flags.momentum else ()

    @staticmethod
    def _rule(params, grads, states, step, scalars, flags, fresh):
        lr, momentum, dampening, weight_decay = scalars
        before = [optax.scale(-1.0)] if flags.maximize else []
        if flags.decay:
            before.append(optax.add_decayed_weights(weight_decay))
        after = [optax.scale_by_learning_rate(lr)]
        if not flags.momentum:
            params, _ = chained(before, optax.identity(), optax.EmptyState(), after, grads, params)
            return params, []
        if not fresh:
            before.append(optax.scale(1 - jnp.asarray(dampening)))
        trace = optax.TraceState(states[0])
        params, trace = chained(before, optax.trace(momentum, flags.nesterov), trace, after, grads, params)
        return params, [trace.trace]


def check_lr(lr: float | Tensor) -> None:
    """PyTorch's errors for a learning rate."""
    if isinstance(lr, Tensor):
        if lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        lr = lr.item()
    if lr < 0.0:
        raise ValueError(f"Invalid learning rate: {lr}")
