"""Helpers around the tensors: ``torchlike.utils.data`` brings samples into the training loop."""

from __future__ import annotations

import importlib
from typing import Any

_LATE = frozenset({
    "_pytree", "benchmark", "checkpoint", "collect_env", "cpp_extension", "data", "dlpack", "flop_counter", "hooks",
    "mkldnn", "mobile_optimizer", "model_zoo", "tensorboard", "weak", "backend_registration", "throughput_benchmark",
    "_python_dispatch", "_contextlib", "_triton", "_sympy", "_mode_utils", "deterministic", "serialization",
})  # fmt: skip


_HELPERS = {"summary": "model_summary", "program": "programs", "draw": "picture"}
"""Functions that come with a module of another name when they are first asked for."""


def swap_tensors(t1: Any, t2: Any) -> None:
    """Exchange what two tensors are: memory, history, gradient and class; both names stay where they are."""
    t1.__class__, t2.__class__ = t2.__class__, t1.__class__
    t1.__dict__, t2.__dict__ = t2.__dict__, t1.__dict__


def set_module(obj: Any, mod: str) -> None:
    """Give an object the name of another module as its own."""
    if not isinstance(mod, str):
        raise TypeError("The mod argument should be a string")
    obj.__module__ = mod


def get_file_path(*path_components: str) -> str:
    """A path inside the installed package."""
    import os

    import torchlike

    return os.path.join(os.path.dirname(torchlike.__file__), *path_components)


def __getattr__(name: str) -> Any:
    if name in _HELPERS:
        return getattr(importlib.import_module(f"torchlike.utils.{_HELPERS[name]}"), name)
    if name in _LATE:
        try:
            return importlib.import_module(f"torchlike.utils.{name}")
        except ModuleNotFoundError as e:
            if e.name != f"torchlike.utils.{name}":
                raise
    raise AttributeError(f"module 'torch.utils' has no attribute '{name}'")
