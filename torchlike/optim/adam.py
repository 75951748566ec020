"""Adam and AdamW."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from torchlike.optim.optimizer import ParamsT
from torchlike.optim.sgd import check_lr
from torchlike.optim.update import FusedOptimizer, chained
from torchlike.tensor import Tensor


class _Flags(NamedTuple):
    amsgrad: bool
    maximize: bool
    decay: bool
    decoupled: bool


class Adam(FusedOptimizer):
    """Adam: steps of the size of the learning rate, along the mean of the gradient over its root mean square.

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g²
        p = p - lr * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + eps)

    where g includes `weight_decay` times the parameter and with `amsgrad` v is the largest v so far. Sources:
    https://arxiv.org/abs/1412.6980, https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html. Computed by
    `optax.scale_by_adam` or `optax.scale_by_amsgrad`; PyTorch takes the maximum before the bias correction.

    Args:
        params: tensors, (name, tensor) pairs or groups.
        lr: learning rate, a number or a tensor of one element.
        betas: how slowly the two means move; numbers or tensors of one element.
        eps: added to the root mean square.
        weight_decay: L2 penalty, added to the gradient.
        amsgrad: never let v shrink (https://openreview.net/forum?id=ryQu7f-RZ).
        foreach, capturable, fused: choose between PyTorch's own implementations; there is one here, always fused.
        maximize: go up instead of down.
        differentiable: record the update for `backward()`; the parameters may be no leaves then.
        decoupled_weight_decay: the weight decay of AdamW.

    Differs from PyTorch: the `step` tensors live where the parameters live.

    >>> import torchlike as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> optimizer = torch.optim.Adam([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0.5000], requires_grad=True)
    """

    _counts = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0,
        amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False, fused: bool | None = None, decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        if isinstance(lr, Tensor) and foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        check_lr(lr)
        if not eps >= 0.0:
            raise ValueError(f"Invalid epsilon value: {eps}")
        _check_betas(betas, bool(foreach) and not capturable)
        if not weight_decay >= 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        super().__init__(
            params,
            {
                "lr": lr, "betas": tuple([b.squeeze() if isinstance(b, Tensor) else b for b in betas]), "eps": eps,
                "weight_decay": weight_decay, "amsgrad": amsgrad, "maximize": maximize, "foreach": foreach,
                "capturable": capturable, "differentiable": differentiable, "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )  # fmt: skip

    def _flags(self, group: dict[str, Any]) -> _Flags:
        decay = group["weight_decay"] != 0
        return _Flags(group["amsgrad"], group["maximize"], decay, group["decoupled_weight_decay"])

    def _scalars(self, group: dict[str, Any]) -> list:
        return [group["lr"], *group["betas"], group["eps"], group["weight_decay"]]

    @staticmethod
    def _state_names(flags: _Flags) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", "max_exp_avg_sq") if flags.amsgrad else ("exp_avg", "exp_avg_sq")

    @staticmethod
    def _rule(params, grads, states, step, scalars, flags, fresh):
        lr, beta1, beta2, eps, weight_decay = scalars
        before = [optax.scale(-1.0)] if flags.maximize else []
        after = [optax.scale_by_learning_rate(lr)]
        if flags.decay:
            decay = optax.add_decayed_weights(weight_decay)
            if flags.decoupled:
                after = [decay, *after]
            else:
                before = [*before, decay]
        if not flags.amsgrad:
            state = optax.ScaleByAdamState(step, *states)
            params, state = chained(before, optax.scale_by_adam(beta1, beta2, eps), state, after, grads, params)
            return params, [state.mu, state.nu]
        # optax corrects v before or never; c * m / (sqrt(v) + c * eps) is m / (sqrt(v) / c + eps)
        c = jnp.sqrt(1 - beta2 ** (step + 1)).astype(params[0].dtype)
        core = optax.scale_by_amsgrad(beta1, beta2, c * eps, bias_correction_nu=False)
        state = optax.ScaleByAmsgradState(step, *states)
        params, state = chained(before, core, state, [optax.scale(c), *after], grads, params)
        return params, [state.mu, state.nu, state.nu_max]


class AdamW(Adam):
    """Adam with decoupled weight decay: the parameter shrinks by `lr * weight_decay` beside the step.

    Sources: https://arxiv.org/abs/1711.05101, https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html.
    Arguments as for Adam, with `weight_decay` 0.01 by default.

    >>> import torchlike as torch
    >>> w = torch.tensor([1.0], requires_grad=True)
    >>> torch.optim.AdamW([w]).param_groups[0]["weight_decay"]
    0.01
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-3,
        betas: tuple[float | Tensor, float | Tensor] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False, foreach: bool | None = None,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        for group in self.param_groups:  # a checkpoint from before the setting existed says nothing of it
            group["decoupled_weight_decay"] = True


def _check_betas(betas: tuple, foreach: bool) -> None:
    for i in (0, 1):
        if not 0.0 <= betas[i] < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")
    tensors = [isinstance(b, Tensor) for b in betas[:2]]
    if tensors[0] != tensors[1]:
        raise ValueError("betas must be either both floats or both Tensors")
    for i in (0, 1):
        if tensors[i] and foreach:
            raise ValueError(f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True")
        if tensors[i] and betas[i].numel() != 1:
            raise ValueError(f"Tensor betas[{i}] must be 1-element")
