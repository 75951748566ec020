"""The Module that torch.compile returns for a Module."""

from __future__ import annotations

from collections.abc import Callable

from torchlike.nn.modules.module import Module


class OptimizedModule(Module):
    """A compiled Module: the original under `_orig_mod`, its attributes at hand, calls go to the compiled function."""

    def __init__(self, module: Module, compiled: Callable):
        super().__init__()
        self._orig_mod = module
        self._compiled = compiled
        self.training = module.training

    def __call__(self, *args, **kwargs):
        return self._compiled(*args, **kwargs)

    def forward(self, *args, **kwargs):
        """The compiled call."""
        return self._compiled(*args, **kwargs)

    def train(self, mode: bool = True):
        """Set the mode of the original."""
        self._orig_mod.train(mode)
        self.training = mode
        return self

    def __getattr__(self, name: str):
        modules = self.__dict__.get("_modules", {})
        if name in modules:
            return modules[name]
        return getattr(modules["_orig_mod"], name)
