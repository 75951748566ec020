"""L-BFGS: a quasi-Newton method for few parameters and exact gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax import lax

from torchlike.core.graph import enable_grad, no_grad
from torchlike.core.op import SLOT, Array, Op, Scalar
from torchlike.core.variable import Variable, apply
from torchlike.optim.line_search import Point, strong_wolfe
from torchlike.optim.optimizer import Optimizer, ParamsT

__all__ = ["LBFGS"]

_HISTORY = ("old_dirs", "old_stps", "ro")
_STATE = ("func_evals", "n_iter", "al", "d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")


class LBFGS(Optimizer):
    """The limited-memory BFGS method (J. Nocedal and S. Wright, Numerical Optimization, algorithm 7.5).

    Args:
        params: one group only.
        lr: the step length, or where the line search begins.
        max_iter, max_eval: most iterations and evaluations of the closure in one `step`; max_eval is 1.25 max_iter.
        tolerance_grad: stop when no element of the gradient is larger.
        tolerance_change: stop when the step or the change of the loss is smaller.
        history_size: how many steps the approximation of the curvature remembers.
        line_search_fn: None or "strong_wolfe".

    `step(closure)` needs the closure, calls it several times and reads the loss each time (barriers). It returns the
    loss at the beginning.

    >>> import torchlike as torch
    >>> x = torch.tensor([3.0, -1.0], requires_grad=True)
    >>> optimizer = torch.optim.LBFGS([x], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((x - 1) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)
    tensor(8., grad_fn=<SumBackward0>)
    >>> x
    tensor([1., 1.], requires_grad=True)
    """

    def __init__(
        self, params: ParamsT, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        if hasattr(lr, "numel") and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not lr >= 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        settings = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad, "tolerance_change": tolerance_change, "history_size": history_size,
            "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, settings)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params: list[Any] = self.param_groups[0]["params"]
        self._history: list[Any] | None = None  # changes, steps, weights; a row each, the newest last, zeros before
        self._known = 0  # rows in use
        self._numbers: Any = None  # of the first loop, when a direction was last found

    def __getstate__(self) -> dict[str, Any]:
        self._spread()
        return {**super().__getstate__(), "_history": None, "_known": 0, "_numbers": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._params = self.param_groups[0]["params"]
        self._history = None

    def state_dict(self) -> dict[str, Any]:
        """State and settings in PyTorch's layout: the history as lists."""
        self._spread()
        return super().state_dict()

    def _spread(self) -> None:
        """Put the history into the state as PyTorch's lists."""
        if self._history is None:
            return
        state, n = self.state[self._params[0]], self._known
        for name, rows in zip(_HISTORY, self._history, strict=True):
            state[name] = [row.clone() for row in rows[rows.shape[0] - n :]]
        if self._numbers is not None:
            rest = self.param_groups[0]["history_size"] - n
            state["al"] = [*[a.clone() for a in self._numbers[self._numbers.shape[0] - n :]], *[None] * rest]
        self._history = None
        self._order(state)

    def _gather(self, gradient: Any, state: dict) -> None:
        """Take the history out of the state's lists. There are a power of two of rows, so that a program is compiled
        only when the history has doubled."""
        import torchlike as torch

        n = self._known = len(state[_HISTORY[0]])
        blank = max(1, min(1 << max(n - 1, 0).bit_length(), self.param_groups[0]["history_size"])) - n
        self._history = []
        for name in _HISTORY:
            like = gradient if name != "ro" else gradient[0] if gradient.numel() else gradient.new_zeros(())
            rows = [torch.as_tensor(row, dtype=gradient.dtype) for row in state.pop(name)]
            self._history.append(torch.stack([torch.zeros_like(like)] * blank + rows))

    @staticmethod
    def _order(state: dict) -> None:
        """The pieces of state in PyTorch's order."""
        for name in _STATE:
            if name in state:
                state[name] = state.pop(name)

    def _gradient(self) -> Any:
        import torchlike as torch

        parts = [p.new_zeros(p.numel()) if p.grad is None else p.grad.reshape(-1) for p in self._params]
        return torch.cat([torch.view_as_real(g).reshape(-1) if g.is_complex() else g for g in parts])

    def _move(self, start: list[Any], step: float, direction: Any) -> None:
        """Put the parameters at `start` plus a step in the direction."""
        import torchlike as torch

        at = 0
        for p, x in zip(self._params, start, strict=True):
            if p.is_complex():
                n = 2 * p.numel()
                part = torch.view_as_complex(direction[at : at + n].view(*p.shape, 2))
            else:
                n = p.numel()
                part = direction[at : at + n].view(p.shape)
            p.copy_(x + part * step)
            at += n

    def _direction(self, gradient: Any, state: dict) -> Any:
        """Minus the gradient times the approximate inverse of the curvature."""
        history: Any = self._history
        direction, self._numbers = apply(_DIRECTION, (SLOT,) * 5, [gradient, state["H_diag"], *history])
        return direction

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Several iterations; `closure` clears the gradients, computes the loss, calls backward and returns it."""
        if closure is None:
            raise TypeError("LBFGS.step() missing 1 required positional argument: 'closure'")
        with no_grad():
            followed: Any = enable_grad(closure)
            return self._step(followed)

    def _step(self, closure: Callable[[], Any]) -> Any:
        group = self.param_groups[0]
        lr = float(group["lr"])
        search = group["line_search_fn"]
        if search not in (None, "strong_wolfe"):
            raise RuntimeError("only 'strong_wolfe' is supported")
        state = self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = closure()
        loss = float(first)
        state["func_evals"] += 1
        calls = 1
        gradient = self._gradient()
        if float(gradient.abs().max()) <= group["tolerance_grad"]:
            return first
        count = 0
        while count < group["max_iter"]:
            count += 1
            state["n_iter"] += 1
            fresh = state["n_iter"] == 1
            if fresh:
                state |= {"d": -gradient, "old_dirs": [], "old_stps": [], "ro": [], "H_diag": 1}
            else:
                change, moved = gradient - state["prev_flat_grad"], state["d"] * state["t"]
                if self._history is None:
                    self._gather(gradient, state)
                self._remember(change, moved, state, group["history_size"])
                state["d"] = self._direction(gradient, state)
            direction = state["d"]
            state["prev_flat_grad"], state["prev_loss"] = gradient, loss
            step = min(1.0, 1.0 / float(gradient.abs().sum())) * lr if fresh else lr
            slope = float(gradient.dot(direction))
            state["t"] = step
            if slope > -group["tolerance_change"]:
                break
            before = loss
            start = [p.clone() for p in self._params]
            new_calls = 0
            if search is not None:

                def at(t: float, start: list = start, direction: Any = direction) -> Point:
                    self._move(start, t, direction)
                    value = float(closure())
                    g = self._gradient()
                    return Point(t, value, g, float(g.dot(direction)))

                found, new_calls = strong_wolfe(
                    at, Point(0.0, loss, gradient, slope), step, float(direction.abs().max())
                )
                step, loss, gradient = found.step, found.loss, found.gradient
                self._move(start, step, direction)
                state["t"] = step
            else:
                self._move(start, step, direction)
                if count != group["max_iter"]:
                    loss = float(closure())
                    gradient = self._gradient()
                    new_calls = 1
            calls += new_calls
            state["func_evals"] += new_calls
            if (
                count == group["max_iter"] or calls >= group["max_eval"]
                or float(gradient.abs().max()) <= group["tolerance_grad"]
                or float((direction * step).abs().max()) <= group["tolerance_change"]
                or abs(loss - before) < group["tolerance_change"]
            ):  # fmt: skip
                break
        given: Any = group["lr"]
        number: Any = given
        if isinstance(given, Variable):  # as PyTorch leaves it in the state
            state["t"] = number.new_tensor(state["t"])
        return first

    def _remember(self, change: Any, moved: Any, state: dict, size: int) -> None:
        """Add a step and the change of the gradient to the history, unless the curvature along it is not positive."""
        import torchlike as torch

        ys = change.dot(moved)
        if float(ys) <= 1e-10:
            return
        history: Any = self._history
        rows = history[0].shape[0]
        if self._known == rows < size:
            more = min(rows, size - rows)
            history = [torch.cat([x.new_zeros((more, *x.shape[1:])), x]) for x in history]
        self._history = list(apply(_REMEMBER, (SLOT,) * 6, [*history, change, moved, 1.0 / ys]))
        self._known = min(self._known + 1, size)
        state["H_diag"] = ys / change.dot(change)


def _shifted(changes: Array, steps: Array, weights: Array, change: Array, step: Array, weight: Array):
    """The history with a newest row, and without the first."""
    pairs = ((changes, change), (steps, step), (weights, weight))
    return tuple([jnp.concatenate([rows[1:], row[None]]) for rows, row in pairs])


def _two_loops(gradient: Array, diagonal: Scalar, changes: Array, steps: Array, weights: Array):
    """Algorithm 7.4 of Nocedal and Wright, Numerical Optimization: the direction, and the numbers of the first loop.

    Rows of zeros change nothing.
    """
    history = (steps, changes, weights)

    def newest_first(q, past):
        step, change, weight = past
        a = jnp.dot(step, q) * weight
        return q - change * a, a

    def oldest_first(r, past):
        (step, change, weight), a = past
        return r + step * (a - jnp.dot(change, r) * weight), None

    q, al = lax.scan(newest_first, -gradient, history, reverse=True)
    return lax.scan(oldest_first, q * diagonal, (history, al))[0], al


_REMEMBER = Op("lbfgs_remember", _shifted, differentiable=False)
_DIRECTION = Op("lbfgs_direction", _two_loops, differentiable=False)
