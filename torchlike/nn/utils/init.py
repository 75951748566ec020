"""Modules made without drawing their first weights."""

from __future__ import annotations

import inspect
from typing import Any

from torchlike.nn.modules.module import Module


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """Make a module whose weights hold values that nobody promised; `module_cls` must take a `device`.

    Here it is made as usual and the generator set back, so no random numbers are used up, as in PyTorch.
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    from torchlike.random import fork_rng

    with fork_rng():
        return module_cls(*args, **kwargs)
