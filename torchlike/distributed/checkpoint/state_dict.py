"""State of models and optimizers by parameter names, whole: what works in one process of PyTorch's functions."""

from __future__ import annotations

import dataclasses
from typing import Any

__all__ = [
    "StateDictOptions", "get_model_state_dict", "set_model_state_dict", "get_optimizer_state_dict",
    "set_optimizer_state_dict", "get_state_dict", "set_state_dict",
]  # fmt: skip


@dataclasses.dataclass
class StateDictOptions:
    """What to collect. `full_state_dict` and `broadcast_from_rank0` change nothing in one process."""

    full_state_dict: bool = False
    cpu_offload: bool = False
    ignore_frozen_params: bool = False
    keep_submodule_prefixes: bool = True
    strict: bool = True
    broadcast_from_rank0: bool = False
    flatten_optimizer_state_dict: bool = False
    dsd_fqn_modifiers: str = "_fqn_modifiers"


def _bare(model: Any) -> Any:
    from torchlike.nn.parallel import DistributedDataParallel

    return model.module if isinstance(model, DistributedDataParallel) else model


def _options(options: StateDictOptions | None) -> StateDictOptions:
    options = options or StateDictOptions()
    if options.flatten_optimizer_state_dict or not options.keep_submodule_prefixes:
        raise NotImplementedError(
            "StateDictOptions(flatten_optimizer_state_dict=True or keep_submodule_prefixes=False): take state_dict() "
            "of the model or the optimizer and rename its keys"
        )
    return options


def get_model_state_dict(model: Any, *, submodules: Any = None, options: StateDictOptions | None = None) -> dict:
    """The model's `state_dict()`, of a DistributedDataParallel that of the module inside."""
    options = _options(options)
    model = _bare(model)
    state = model.state_dict()
    if options.ignore_frozen_params:
        frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
        state = {k: v for k, v in state.items() if k not in frozen}
    return {k: v.cpu() if hasattr(v, "cpu") else v for k, v in state.items()} if options.cpu_offload else dict(state)


def set_model_state_dict(model: Any, model_state_dict: dict, *, options: StateDictOptions | None = None) -> Any:
    """The model's `load_state_dict`."""
    return _bare(model).load_state_dict(model_state_dict, strict=_options(options).strict)


def _named(model: Any, optimizer: Any) -> list[list[str]]:
    """The names of the parameters in each group of an optimizer."""
    names = {id(p): name for name, p in _bare(model).named_parameters()}
    return [[names[id(p)] for p in group["params"]] for group in optimizer.param_groups]


def _several(optimizers: Any) -> list:
    return list(optimizers) if isinstance(optimizers, list | tuple) else [optimizers]


def get_optimizer_state_dict(model: Any, optimizers: Any, *, submodules: Any = None,
                             options: StateDictOptions | None = None) -> dict:  # fmt: skip
    """The optimizers' state, by parameter names."""
    _options(options)
    state: dict[str, Any] = {}
    groups: list[dict] = []
    for optimizer in _several(optimizers):
        saved, names = optimizer.state_dict(), _named(model, optimizer)
        flat = [n for group in names for n in group]
        state |= {flat[i]: dict(s) for i, s in saved["state"].items()}
        groups += [{**g, "params": n} for g, n in zip(saved["param_groups"], names, strict=True)]
    return {"state": state, "param_groups": groups}


def set_optimizer_state_dict(model: Any, optimizers: Any, optim_state_dict: dict, *,
                             options: StateDictOptions | None = None) -> None:  # fmt: skip
    """Put back what `get_optimizer_state_dict` returned."""
    _options(options)
    settings = {name: g for g in optim_state_dict["param_groups"] for name in g["params"]}
    for optimizer in _several(optimizers):
        names, number = _named(model, optimizer), 0
        groups: list[dict] = []
        state: dict[int, Any] = {}
        for group in names:
            numbers = list(range(number, number + len(group)))
            number += len(group)
            groups.append({**(settings[group[0]] if group else {}), "params": numbers})
            state |= {
                i: optim_state_dict["state"][n] for i, n in zip(numbers, group, strict=True)
                if n in optim_state_dict["state"]
            }  # fmt: skip
        optimizer.load_state_dict({"state": state, "param_groups": groups})


def get_state_dict(model: Any, optimizers: Any, *, submodules: Any = None,
                   options: StateDictOptions | None = None) -> tuple[dict, dict]:  # fmt: skip
    """(state of the model, state of the optimizers)."""
    return get_model_state_dict(model, options=options), get_optimizer_state_dict(model, optimizers, options=options)


def set_state_dict(model: Any, optimizers: Any, *, model_state_dict: dict, optim_state_dict: dict,
                   options: StateDictOptions | None = None) -> Any:  # fmt: skip
    """Put back what `get_state_dict` returned."""
    if optim_state_dict:
        set_optimizer_state_dict(model, optimizers, optim_state_dict, options=options)
    return set_model_state_dict(model, model_state_dict, options=options)
