"""Adafactor, which keeps row and column means of a matrix's squared gradients instead of all of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from torchlike.optim.adaptive import directed
from torchlike.optim.optimizer import ParamsT
from torchlike.optim.update import FusedOptimizer
from torchlike.tensor import Tensor


class _Flags(NamedTuple):
    maximize: bool
    decay: bool
    own_epsilon: bool
    matrix: bool = False


class Adafactor(FusedOptimizer):
    """Adafactor: steps relative to the size of the parameter, with a variance of rank one for matrices.

        v = v + t^beta2_decay * (g² - v),  for two dimensions and more as (rows @ columns) / mean(rows)
        u = g / sqrt(max(v, eps1²))
        p = p - max(eps2, rms(p)) * min(lr, 1 / sqrt(t)) * u / max(1, rms(u) / d)

    Sources: https://arxiv.org/abs/1804.04235, https://docs.pytorch.org/docs/stable/generated/torch.optim.Adafactor.html.
    optax's `adafactor` differs from PyTorch's in the placing of its epsilons and of the learning rate, so the formula
    stands here.

    Args:
        params: real tensors, (name, tensor) pairs or groups.
        lr: the largest relative step, a number or a tensor of one element.
        beta2_decay: the power with which the weight of a new gradient falls; not above 0.
        eps: the least root of v (None: the epsilon of the parameter's dtype), and the least size of a parameter.
        d: the largest root mean square of u; not below 1.
        weight_decay: how much of the parameter is taken off beside the step, times lr.
        foreach: chooses between PyTorch's own implementations; there is one here, always fused.
        maximize: go up instead of down.

    Raises ValueError for settings out of range and RuntimeError in `step` for complex parameters.

    >>> import torchlike as torch
    >>> w = torch.ones(2, 3, requires_grad=True)
    >>> optimizer = torch.optim.Adafactor([w], lr=0.5)
    >>> w.sum().backward()
    >>> optimizer.step()
    >>> w[0]
    tensor([0.5000, 0.5000, 0.5000], grad_fn=<SelectBackward0>)
    >>> optimizer.state[w]["row_var"].shape
    torch.Size([2, 1])
    """

    _counts = True

    def __init__(
        self, params: ParamsT, lr: float | Tensor = 1e-2, beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3), d: float = 1.0, weight_decay: float = 0.0, *,
        foreach: bool | None = None, maximize: bool = False,
    ) -> None:  # fmt: skip
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for name, value, bound, good in (
            ("Learning rate", lr, ">= 0", lr >= 0.0),
            ("beta2_decay", beta2_decay, "<= 0", beta2_decay <= 0.0),
            ("epsilon1", eps[0], ">= 0", eps[0] is None or eps[0] >= 0.0),
            ("epsilon2", eps[1], ">= 0", eps[1] >= 0.0),
            ("Clipping threshold d", d, ">= 1", d >= 1.0),
            ("weight_decay", weight_decay, ">= 0", weight_decay >= 0.0),
        ):
            if not good:
                raise ValueError(f"{name} should be {bound} but is: {value}")
        super().__init__(
            params,
            {
                "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay,
                "foreach": foreach, "maximize": maximize,
            },
        )  # fmt: skip

    def _flags(self, group: dict[str, Any]) -> _Flags:
        return _Flags(group["maximize"], group["weight_decay"] != 0, group["eps"][0] is not None)

    def _parts(self, group: dict[str, Any], pairs: list) -> list[tuple[tuple, list]]:
        flags = self._flags(group)
        parts: dict[bool, list] = {}
        for p, g in pairs:
            a = p._aval()
            if a.dtype.kind == "c":
                raise RuntimeError("Adafactor does not support complex parameters")
            parts.setdefault(len(a.shape) > 1, []).append((p, g))
        return [(flags._replace(matrix=matrix), part) for matrix, part in parts.items()]

    def _scalars(self, group: dict[str, Any]) -> list:
        eps1, eps2 = group["eps"]
        return [group["lr"], group["beta2_decay"], eps1 or 0.0, eps2, group["d"], group["weight_decay"]]

    @staticmethod
    def _state_names(flags: _Flags) -> tuple[str, ...]:
        return ("row_var", "col_var") if flags.matrix else ("variance",)

    @staticmethod
    def _state_kind(name: str, shape: tuple[int, ...], dtype: Any) -> tuple[tuple[int, ...], Any]:
        if name == "row_var":
            return (*shape[:-1], 1), dtype
        return ((*shape[:-2], 1, shape[-1]) if name == "col_var" else shape), dtype

    @staticmethod
    def _rule(params, grads, states, step, scalars, flags, fresh):
        lr, beta2_decay, eps1, eps2, d, weight_decay = scalars
        t = step + 1
        weight = t**beta2_decay
        rate = jnp.minimum(lr, 1 / jnp.sqrt(t))
        shrink = 1 - lr * weight_decay
        grads = directed(params, grads, flags._replace(decay=False), weight_decay)
        made: list = []
        kept: list[list] = [[] for _ in states]
        for i, (p, g) in enumerate(zip(params, grads, strict=True)):
            least = eps1 if flags.own_epsilon else jnp.finfo(p.dtype).eps
            w = weight.astype(p.dtype)
            size = jnp.maximum(eps2, _rms(p).astype(jnp.float64)) * rate
            if flags.decay:
                p = p * shrink.astype(p.dtype)
            new = [g * g]
            if flags.matrix:
                new = [jnp.mean(g * g, axis, keepdims=True) for axis in (-1, -2)]
            new = [old[i] + w * (x - old[i]) for old, x in zip(states, new, strict=True)]
            v = new[0]
            if flags.matrix:
                rows, columns = new
                v = rows @ columns / jnp.maximum(jnp.mean(rows, -2, keepdims=True), least).astype(p.dtype)
            u = g * (1 / jnp.sqrt(jnp.maximum(v, jnp.asarray(least * least, p.dtype))))
            size = size / jnp.maximum(1.0, _rms(u).astype(jnp.float64) / d)
            made.append(p - size.astype(p.dtype) * u)
            for column, x in zip(kept, new, strict=True):
                column.append(x)
        return made, kept


def _rms(x):
    """The root of the mean square."""
    return jnp.sqrt(jnp.mean(x * x))
