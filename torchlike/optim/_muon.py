"""Muon, which makes the momentum of a matrix orthogonal before it takes the step."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import lax

from torchlike.ops.promotion import rounded
from torchlike.optim.optimizer import ParamsT
from torchlike.optim.update import FusedOptimizer
from torchlike.tensor import Tensor


class _Flags(NamedTuple):
    nesterov: bool
    ns_steps: int
    adjust_lr_fn: str | None


class Muon(FusedOptimizer):
    """Muon: momentum whose singular values are brought near one, for matrices only.

        m = m + (1 - momentum) * (g - m)
        u = m, or with nesterov g + momentum * (m - g)
        x = u / norm(u) in bfloat16, `ns_steps` times x = a x + (b s + c s²) x with s = x xᵀ
        p = p * (1 - lr * weight_decay) - lr * ratio * x

    with ratio sqrt(max(1, rows / columns)), or 0.2 sqrt(max(rows, columns)) for `adjust_lr_fn="match_rms_adamw"`.
    Sources: https://kellerjordan.github.io/posts/muon/, https://arxiv.org/abs/2502.16982,
    https://docs.pytorch.org/docs/stable/generated/torch.optim.Muon.html. optax's `contrib.muon` iterates in the dtype
    of the parameter and decays otherwise, so the formula stands here, rounded to bfloat16 where PyTorch rounds.

    Args:
        params: real tensors of two dimensions, (name, tensor) pairs or groups; leave the others to AdamW.
        lr: learning rate, a number or a tensor of one element.
        weight_decay: how much of the parameter is taken off beside the step, times lr.
        momentum: how slowly the mean of the gradients moves.
        nesterov: look one step ahead.
        ns_coefficients: (a, b, c).
        eps: the least norm that is divided by.
        ns_steps: iterations, fewer than 100.
        adjust_lr_fn: None or "original", or "match_rms_adamw".

    Raises ValueError for settings out of range and parameters of other dimensions.

    >>> import torchlike as torch
    >>> w = torch.ones(2, 2, requires_grad=True)
    >>> optimizer = torch.optim.Muon([w])
    >>> optimizer.state[w]
    {}
    """

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95,
        nesterov: bool = True, ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7, ns_steps: int = 5, adjust_lr_fn: str | None = None,
    ) -> None:  # fmt: skip
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for name, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not value >= 0.0:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(
            params,
            {
                "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
                "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
            },
        )  # fmt: skip
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {p.size()}"
                    )

    def _flags(self, group: dict[str, Any]) -> _Flags:
        return _Flags(group["nesterov"], group["ns_steps"], group["adjust_lr_fn"])

    def _parts(self, group: dict[str, Any], pairs: list) -> list[tuple[tuple, list]]:
        if any(p._aval().dtype.kind == "c" for p, _ in pairs):
            raise RuntimeError("Muon does not support complex parameters")
        if group["ns_steps"] >= 100:
            raise ValueError("Number of steps must be less than 100 for computational efficiency")
        if len(group["ns_coefficients"]) != 3:
            raise ValueError("Coefficients must be a tuple of exactly 3 values")
        return super()._parts(group, pairs)

    def _scalars(self, group: dict[str, Any]) -> list:
        return [group["lr"], group["weight_decay"], group["momentum"], group["eps"], *group["ns_coefficients"]]

    @staticmethod
    def _state_names(flags: _Flags) -> tuple[str, ...]:
        return ("momentum_buffer",)

    @staticmethod
    def _rule(params, grads, states, step, scalars, flags, fresh):
        lr, weight_decay, momentum, eps, *coefficients = scalars
        made, kept = [], []
        for p, g, m in zip(params, grads, states[0], strict=True):
            m = m + (1 - momentum) * (g - m)
            u = g + momentum * (m - g) if flags.nesterov else m
            x = orthogonal(u, coefficients, flags.ns_steps, eps)
            step_size = (lr * _ratio(flags.adjust_lr_fn, *p.shape)).astype(p.dtype)
            made.append(p * (1 - lr * weight_decay) - step_size * x)
            kept.append(m)
        return made, [kept]


def orthogonal(u, coefficients, steps: int, eps):
    """The matrix with its singular values near one, by Newton and Schulz's iteration in bfloat16."""
    a, b, c = [x.astype(jnp.float32) for x in coefficients]
    tall = u.shape[0] > u.shape[1]
    x = _rounded(u.T if tall else u)
    norm = _rounded(jnp.sqrt(jnp.sum(x * x)))
    x = _rounded(x / jnp.maximum(norm, _rounded(eps)))

    def iterate(_, x):
        s = _rounded(x @ x.T)
        return _rounded(a * x + _rounded(b * s + c * (s @ s)) @ x)

    x = lax.fori_loop(0, steps, iterate, x)
    return (x.T if tall else x).astype(u.dtype)


def _rounded(x):
    """The nearest numbers that bfloat16 has, as float32: products of them are exact, and sums are rounded once."""
    return rounded(jnp.asarray(x, jnp.float32), jnp.bfloat16)


def _ratio(name: str | None, rows: int, columns: int) -> float:
    """What the learning rate is multiplied by for a matrix of this shape."""
    if name == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))
