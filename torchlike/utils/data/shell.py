"""torchlike without JAX, for worker processes: a shell in its place, until more of it is asked for.

A worker that reads files and returns arrays needs the data toolbox and no tensors. So it has a module of torchlike's
name through which the toolbox is imported as usual; the first name that needs more (`torch.tensor`, the import of a
module that defines layers) loads the real package into it. Nobody has to write anything differently.

`server.py` loads this file before there is a torchlike: the standard library only. In any other process the package
is there and the questions below are answered accordingly.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import random
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

LIGHT = {"torchlike.utils", "torchlike.multiprocessing", "torchlike.multiprocessing.spawn"}
"""What needs no JAX, beside everything in torchlike.utils.data."""


class Shell(types.ModuleType):
    """torchlike until the first name is asked for that is more than the data toolbox."""

    def __init__(self, spec: importlib.machinery.ModuleSpec):
        super().__init__(spec.name)
        self.__spec__, self.__loader__, self.__file__ = spec, spec.loader, spec.origin
        self.__path__ = list(spec.submodule_search_locations or ())
        self.__package__ = spec.name
        self._afterwards: list = []
        self._lock, self._loading = threading.RLock(), False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the import system and inspect ask for these
            raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")
        load()
        if isinstance(self, Shell):  # asked for while it is being loaded, by what is being loaded
            raise AttributeError(f"module '{self.__name__}' has no attribute '{name}'")
        return getattr(self, name)


class _Finder:
    """Loads the whole package before any of its modules beside the light ones."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if not name.startswith("torchlike.") or name in LIGHT or name.startswith("torchlike.utils.data"):
            return None
        load()
        return importlib.util.spec_from_loader(name, _Loaded()) if name in sys.modules else None


class _Loaded(importlib.abc.Loader):
    """The loader of a module that came with the package: it is there."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = sys.modules[spec.name]
        self.spec = module.__spec__
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        module.__spec__ = self.spec


_finder = _Finder()


def stand_in() -> None:
    """Put the shell in torchlike's place, where torchlike is not there already."""
    if "torchlike" not in sys.modules:
        spec = importlib.machinery.PathFinder.find_spec("torchlike")
        if spec is None:
            raise ModuleNotFoundError("No module named 'torchlike'", name="torchlike")
        sys.modules["torchlike"] = Shell(spec)
        sys.meta_path.insert(0, _finder)  # type: ignore[arg-type]


def load() -> None:
    """Make the shell the real package. Other threads that ask for it wait."""
    package = sys.modules["torchlike"]
    if not isinstance(package, Shell):
        return
    with package._lock:
        if package._loading or not isinstance(package, Shell):
            return
        package._loading = True
        sys.meta_path.remove(_finder)  # type: ignore[arg-type]
        # what is imported draws from the global generators, which the worker has seeded
        numpy = sys.modules.get("numpy")
        states = random.getstate(), None if numpy is None else numpy.random.get_state()
        package.__spec__.loader.exec_module(package)  # type: ignore[union-attr]
        random.setstate(states[0])
        if numpy is not None:
            numpy.random.set_state(states[1])
        waiting = package._afterwards
        del package._afterwards, package._loading
        package.__class__ = types.ModuleType  # type: ignore[assignment]
        for what in waiting:
            what()
        del package._lock


def is_loaded() -> bool:
    """Whether JAX, and all of torchlike, is in this process."""
    return not isinstance(sys.modules.get("torchlike"), Shell)


def afterwards(what: Callable[[], Any]) -> None:
    """Call `what()` when torchlike is loaded: at once where it is."""
    package = sys.modules["torchlike"]
    if isinstance(package, Shell):
        package._afterwards.append(what)
    else:
        what()
