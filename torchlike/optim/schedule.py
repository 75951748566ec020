"""The base of the learning rate schedulers: when the rate changes, and what a checkpoint holds of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from torchlike.core.graph import no_grad
from torchlike.core.variable import Variable
from torchlike.optim.optimizer import Optimizer

EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
    "`scheduler.step()` to step the scheduler. During the deprecation, if epoch is different from None, the closed "
    "form is used instead of the new chainable form, where available. Please open an issue if you are unable to "
    "replicate your use case: https://github.com/pytorch/pytorch/issues/new/choose."
)
_ORDER = "See more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"


class LRScheduler:
    """Changes the `lr` of an optimizer's groups at every `step()`; a subclass says how in `get_lr`.

    Rules are written so that they can be chained: the next rate comes from the present one. With `last_epoch` other
    than -1 the schedule goes on from there, and the groups must hold the `initial_lr` it began with.

    >>> import torchlike as torch
    >>> optimizer = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.5]
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                    "last_epoch >= 0.\nThis typically happens when:\n"
                    "1. You're trying to resume training from a checkpoint but haven't properly loaded the optimizer "
                    "state\n2. You're using last_epoch >= 0 for a fresh training run (not recommended)"
                )
        self.base_lrs = [copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        if optimizer._opt_called is None:
            optimizer._opt_called = False
        self._initial_step()

    def _initial_step(self) -> None:
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer"}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from where another scheduler of this kind stood. Call it after loading the optimizer's."""
        self.__dict__.update(state_dict)

    def get_last_lr(self) -> list:
        """The rates this scheduler set last, one for each group."""
        return self._last_lr

    def get_lr(self) -> list:
        """The next rates, one for each group. Called by `step`; call `get_last_lr()` to look at the present ones."""
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                UserWarning,
                stacklevel=2,
            )
        return self._lrs()

    def _lrs(self) -> list:
        raise NotImplementedError

    def step(self, epoch: int | None = None) -> None:
        """Set the next rate. Call it after `optimizer.step()`. Giving an `epoch` is deprecated."""
        if self._step_count == 1 and self.optimizer._opt_called is False:
            if "step" in vars(self.optimizer):
                warnings.warn(
                    "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. "
                    f"Please, make sure to call `optimizer.step()` before `lr_scheduler.step()`. {_ORDER}",
                    UserWarning,
                    stacklevel=2,
                )
            else:
                warnings.warn(
                    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you "
                    "should call them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`.  Failure "
                    "to do this will result in PyTorch skipping the first value of the learning rate schedule. "
                    f"{_ORDER}",
                    UserWarning,
                    stacklevel=2,
                )
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, UserWarning, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        self._get_lr_called_within_step = True
        try:
            if epoch is None:
                self.last_epoch += 1
                rates = self.get_lr()
            else:
                self.last_epoch = epoch
                closed = getattr(self, "_get_closed_form_lr", self.get_lr)
                rates = closed()
        finally:
            self._get_lr_called_within_step = False
        self._set(rates)

    def _set(self, rates: list) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=False):
            put_lr(group, rate)
        self._last_lr = [copied(group["lr"]) for group in self.optimizer.param_groups]


_LRScheduler = LRScheduler


class FactorScheduler(LRScheduler):
    """A scheduler whose next rate is the present one times `_factor()`, and the first one times `_total()`."""

    def _factor(self) -> float:
        raise NotImplementedError

    def _total(self) -> float:
        raise NotImplementedError

    def _lrs(self) -> list:
        factor = self._factor()
        return [group["lr"] * factor for group in self.optimizer.param_groups]

    def _get_closed_form_lr(self) -> list:
        total = self._total()
        return [base * total for base in self.base_lrs]


def copied(rate):
    """A rate that later writes do not reach."""
    return rate.detach().clone() if isinstance(rate, Variable) else rate


def put_lr(group: dict[str, Any], rate) -> None:
    """Set the rate of a group; a tensor stays the tensor it is and takes the new value."""
    held = group["lr"]
    if isinstance(held, Variable):
        with no_grad():
            held.fill_(rate)  # type: ignore[attr-defined]
    else:
        group["lr"] = rate


def per_group(name: str, optimizer: Optimizer, value) -> list:
    """A setting given once for all groups or as one for each."""
    n = len(optimizer.param_groups)
    if not isinstance(value, list | tuple):
        return [value] * n
    if len(value) != n:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, "
            f"param_groups has {n}."
        )
    return list(value)


def functions(state: dict[str, Any], fns: list[Callable]) -> dict[str, Any]:
    """A state dict with the settings of callable objects; plain functions cannot be saved and stand as None."""
    held = [None if hasattr(f, "__code__") else dict(f.__dict__) for f in fns]
    return {**{k: v for k, v in state.items() if k != "lr_lambdas"}, "lr_lambdas": held}
