"""Modules as functions of their parameters and buffers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from torchlike.nn.modules.batchnorm import _NormBase
from torchlike.nn.modules.module import Module
from torchlike.tensor import Tensor

__all__ = ["functional_call", "replace_all_batch_norm_modules_", "stack_module_state"]


def _merged(dicts: Any) -> dict[str, Tensor]:
    if isinstance(dicts, dict):
        merged = dicts
    elif isinstance(dicts, Sequence):
        if not all(isinstance(d, dict) for d in dicts):
            raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
        keys = [k for d in dicts for k in d]
        twice = sorted({k for k in keys if keys.count(k) > 1})
        if twice:
            raise ValueError(f"{twice} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        merged = {k: v for d in dicts for k, v in d.items()}
    else:
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}"
        )
    for value in merged.values():
        if not isinstance(value, Tensor):
            raise TypeError(f"{value} is not an instance of torch.Tensor")
    return merged


def _places(module: Module) -> dict[str, tuple[dict, str]]:
    """Where each parameter and buffer stands: its full name to (table, name)."""
    found = {}
    for prefix, part in module.named_modules(remove_duplicate=False):
        for table in (part._parameters, part._buffers):
            for name, value in table.items():
                if value is not None:
                    found[f"{prefix}.{name}" if prefix else name] = (table, name)
    return found


@contextlib.contextmanager
def _replaced(module: Module, given: dict[str, Tensor], tie_weights: bool, strict: bool) -> Iterator[None]:
    places = _places(module)
    full = dict(given)
    if tie_weights:
        of = {id(table[name]): given[key] for key, (table, name) in places.items() if key in given}
        full |= {key: of[id(table[name])] for key, (table, name) in places.items()
                 if key not in given and id(table[name]) in of}  # fmt: skip
    if strict:
        wrong = {"Unexpected": [k for k in given if k not in places], "Missing": [k for k in places if k not in full]}
        faults = [(kind, names) for kind, names in wrong.items() if names]
        if faults:
            told = "\n\t".join(f"{kind} key(s): {', '.join(repr(n) for n in sorted(names))}." for kind, names in faults)
            raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:\n\t{told}")
    before: list[tuple[dict, str, Any]] = []
    try:
        for key, value in full.items():
            if key in places:
                table, name = places[key]
                if not any(t is table and n == name for t, n, _ in before):
                    before.append((table, name, table[name]))
                table[name] = value
        yield
    finally:
        for table, name, value in before:
            table[name] = value


def functional_call(
    module: Module, parameter_and_buffer_dicts: Any, args: Any = None, kwargs: dict[str, Any] | None = None, *,
    tie_weights: bool = True, strict: bool = False,
) -> Any:  # fmt: skip
    """Call the module with these tensors in place of its parameters and buffers of the same names.

    Args:
        parameter_and_buffer_dicts: names to tensors, or several such dicts with no name in common. A name that is not
            given keeps the module's own tensor.
        args: the arguments, as a tuple; anything else is the one argument.
        tie_weights: whether names that share a tensor in the module share the given one.
        strict: whether names missing or unknown are an error.

    Buffers that the module writes in place are written in the given tensors.

    >>> import torchlike as torch
    >>> m = torch.nn.Linear(2, 1, bias=False)
    >>> torch.func.functional_call(m, {"weight": torch.ones(1, 2)}, (torch.ones(2),))
    tensor([2.])
    """
    given = _merged(parameter_and_buffer_dicts)
    args = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*args, **(kwargs or {}))


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(parameters, buffers) of modules of one class, each stacked along a new first dimension: for `vmap`.

    RuntimeError if the modules are of several classes or not all in the same mode.
    """
    import torchlike as torch

    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if not all(type(m) is type(models[0]) for m in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def stacked(of: Any) -> dict[str, Any]:
        whole = [dict(of(m)) for m in models]
        made = {}
        for name, first in whole[0].items():
            parts = [state[name] for state in whole]
            if len({p.requires_grad for p in parts}) > 1:
                raise RuntimeError(
                    f"Expected {name} on each model to have the same .requires_grad"
                )
            made[name] = torch.stack(parts).detach().requires_grad_(first.requires_grad)
        return made

    return stacked(lambda m: m.named_parameters()), stacked(lambda m: m.named_buffers())


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Make every normalisation layer forget its running statistics, in place: under `vmap` they cannot be written."""
    for part in root.modules():
        if isinstance(part, _NormBase):
            part.running_mean = part.running_var = part.num_batches_tracked = None
            part.track_running_stats = False
    return root
