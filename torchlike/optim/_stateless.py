"""An optimizer's step on parameters and state that are given from outside."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from torchlike.optim.optimizer import Optimizer
from torchlike.tensor import Tensor

_NAME = "swap_in_optimizer_params_and_state"


@contextlib.contextmanager
def swap_in_optimizer_params_and_state(
    optimizer: Optimizer, swapin_parameters: dict[str, Tensor], swapin_optim_state: dict[str, Any]
) -> Iterator[None]:
    """Inside the block the optimizer works on other parameters with another state; afterwards it has its own again.

    Args:
        optimizer: one that has state already.
        swapin_parameters: the parameters by name, in the order of the optimizer's.
        swapin_optim_state: as `optimizer.state_dict()` gives it. Its tensors are written in place; pieces of state made
            inside the block are dropped with it.

    Raises RuntimeError where the state or the parameters do not fit the optimizer.

    >>> import torchlike as torch
    >>> w, other = torch.ones(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    >>> optimizer = torch.optim.SGD([w], lr=0.5, momentum=0.5)
    >>> w.grad = other.grad = torch.ones(1)
    >>> optimizer.step()
    >>> with torch.optim.swap_in_optimizer_params_and_state(optimizer, {"w": other}, optimizer.state_dict()):
    ...     optimizer.step()
    >>> other.tolist(), w.tolist()
    ([-0.75], [0.5])
    """
    if not optimizer.state:
        raise RuntimeError(f"{_NAME} requires initialized optimizer state.")
    if not isinstance(swapin_optim_state, dict):
        raise RuntimeError(f"{_NAME} requires a DCP-style optimizer state_dict.")
    given = _checked_state(swapin_optim_state.get("state"))
    groups = _checked_groups(optimizer, swapin_optim_state.get("param_groups"))
    params = list(swapin_parameters.values())
    if sum(len(group["params"]) for group in groups) > len(params):
        raise RuntimeError(
            f"{_NAME} requires the explicit parameter state to match optimizer.param_groups ordering."
        )
    known = {number for group in groups for number in group["params"]}
    if extra := [k for k in given if k not in known]:
        raise RuntimeError(
            f"{_NAME} requires swapin_optim_state['state'] to be keyed only by packed parameter ids from "
            f"param_groups[*]['params']; got extra keys {extra!r}."
        )
    before = optimizer.state, [dict(group) for group in optimizer.param_groups]
    rest = iter(params)
    state: defaultdict[Any, Any] = defaultdict(dict)
    try:
        for mine, theirs in zip(optimizer.param_groups, groups, strict=True):
            mine.update(theirs, params=[next(rest) for _ in theirs["params"]])
            for p, number in zip(mine["params"], theirs["params"], strict=True):
                state[p] = dict(given.get(number, {}))
        optimizer.state = state
        optimizer._generation += 1
        yield
    finally:
        optimizer.state = before[0]
        for group, was in zip(optimizer.param_groups, before[1], strict=True):
            group.clear()
            group.update(was)
        optimizer._generation += 1


def _checked_state(state: Any) -> dict[Any, Any]:
    if not isinstance(state, dict):
        raise RuntimeError(
            f"{_NAME} requires swapin_optim_state['state'] to be a dict mapping packed parameter ids to per-param "
            f"state dicts, got {type(state).__name__}."
        )
    if any(isinstance(k, Tensor) for k in state):
        raise RuntimeError(f"{_NAME} requires optimizer.state_dict()-style state keyed by packed parameter ids.")
    if any(isinstance(k, int) and not isinstance(v, dict) for k, v in state.items()):
        raise RuntimeError(f"{_NAME} requires per-parameter optimizer state entries to be dictionaries.")
    return state


def _checked_groups(optimizer: Optimizer, groups: Any) -> list[dict[str, Any]]:
    if not isinstance(groups, list):
        raise RuntimeError(
            f"{_NAME} requires swapin_optim_state['param_groups'] to be a list of param-group dicts, got "
            f"{type(groups).__name__}."
        )
    if len(optimizer.param_groups) != len(groups):
        raise RuntimeError(
            "swapin_optim_state has a different number of parameter groups than the live optimizer."
        )
    for i, (mine, theirs) in enumerate(zip(optimizer.param_groups, groups, strict=True)):
        if not isinstance(theirs, dict):
            raise RuntimeError(f"{_NAME} requires each optimizer param group to be a dictionary.")
        numbers = theirs.get("params")
        if not isinstance(numbers, list) or not all(isinstance(n, int) for n in numbers):
            raise RuntimeError(
                f"{_NAME} requires optimizer.state_dict()-style param_groups[*]['params'] entries keyed by packed "
                "parameter ids."
            )
        if len(mine["params"]) != len(numbers):
            raise RuntimeError(
                f"swapin_optim_state param group {i} has a different number of params than the live optimizer param "
                "group."
            )
        theirs_only, mine_only = [k for k in theirs if k not in mine], [k for k in mine if k not in theirs]
        if theirs_only or mine_only:
            raise RuntimeError(
                f"{_NAME} requires optimizer.state_dict()-style param group keys to exactly match the live optimizer "
                f"group keys for group {i}. Keys only in swap-in: {theirs_only}. Keys only in live: {mine_only}."
            )
    return groups
