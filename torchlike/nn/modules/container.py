"""Modules that hold modules or parameters: in a row that computes, in a list, under names."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any

from torchlike.nn.modules.indexing import iterable, numbered, pairs_of, position
from torchlike.nn.modules.module import Module, _tree, _typename
from torchlike.nn.modules.parameter_container import ParameterDict, ParameterList

__all__ = ["Container", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


class Container(Module):
    """A module with the given children: what `Module` itself can do, kept under its old name with PyTorch's warning."""

    def __init__(self, **kwargs: Any) -> None:
        warnings.warn(
            "`nn.Container` is deprecated. All of its functionality is now implemented in `nn.Module`. Subclass that "
            "instead.",
            FutureWarning, stacklevel=2,
        )  # fmt: skip
        super().__init__()
        for name, module in kwargs.items():
            self.add_module(name, module)


class Sequential(Module):
    """Modules in a row: each gets what the one before it gave.

    Args: the modules one by one, named "0", "1", ...; or one OrderedDict from names to modules. It can be indexed,
    sliced, added, multiplied, iterated over and changed like a list.

    >>> import torchlike as torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    >>> net(torch.ones(3, 2)).shape
    torch.Size([3, 1])
    >>> net[1]
    ReLU()
    """

    def __init__(self, *args):
        super().__init__()
        named = args[0] if len(args) == 1 and isinstance(args[0], OrderedDict) else numbered(args)
        for name, module in named.items():
            self.add_module(name, module)

    def forward(self, input):
        """The output of the last module."""
        for module in self._modules.values():
            input = module(input)
        return input

    def _name(self, index: Any) -> str:
        return list(self._modules)[position(index, len(self))]

    def __getitem__(self, idx):
        if isinstance(idx, slice):
            return type(self)(OrderedDict(list(self._modules.items())[idx]))
        return self._modules[self._name(idx)]

    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, self._name(idx), module)

    def __delitem__(self, idx) -> None:
        names = list(self._modules)[idx] if isinstance(idx, slice) else [self._name(idx)]
        for name in names:
            delattr(self, name)
        self._modules = numbered(self._modules.values())

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __add__(self, other: Sequential) -> Sequential:
        self._check_summand(other)
        return Sequential(*self, *other)

    def __iadd__(self, other: Sequential) -> Sequential:
        self._check_summand(other)
        return self.extend(other)

    def _check_summand(self, other: Any) -> None:
        if not isinstance(other, Sequential):
            raise ValueError(f"add operator supports only objects of Sequential class, but {type(other)} is given.")

    def __mul__(self, other: int) -> Sequential:
        return Sequential(*self._repeated(other))

    __rmul__ = __mul__

    def __imul__(self, other: int) -> Sequential:
        return self.extend(self._repeated(other)[len(self) :])

    def _repeated(self, times: Any) -> list[Module]:
        """The modules themselves, not copies, `times` times over."""
        if not isinstance(times, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(times)}")
        if times <= 0:
            raise ValueError(f"Non-positive multiplication factor {times} for {type(self)}")
        return list(self) * times

    def append(self, module: Module) -> Sequential:
        """Add a module at the end; returns the Sequential."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module) -> Sequential:
        """Put a module before position `index`; IndexError beyond the ends, AssertionError if it is no Module."""
        assert isinstance(module, Module), f"module should be of type: {Module}"
        n = len(self)
        if not -n <= index <= n:
            raise IndexError(f"Index out of range: {index}")
        rest = list(self)
        rest.insert(index, module)
        self._modules = numbered(rest)
        return self

    def extend(self, sequential: Iterable[Module]) -> Sequential:
        """Add modules at the end; returns the Sequential."""
        for module in list(sequential):
            self.append(module)
        return self

    def pop(self, key):
        """Take out the module at an index, or those of a slice, and return it."""
        taken = self[key]
        del self[key]
        return taken


class ModuleList(Module):
    """Modules in a list, registered so that their parameters are found; it does not compute by itself.

    >>> import torchlike as torch
    >>> torch.nn.ModuleList([torch.nn.Linear(2, 2) for _ in range(3)])
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self += modules

    def __getitem__(self, idx):
        if isinstance(idx, slice):
            return type(self)(list(self)[idx])
        return self._modules[str(position(idx, len(self)))]

    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, str(position(idx, len(self))), module)

    def __delitem__(self, idx) -> None:
        rest = list(self)
        del rest[idx if isinstance(idx, slice) else position(idx, len(rest))]
        self._modules = numbered(rest)

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def __iadd__(self, modules: Iterable[Module]) -> ModuleList:
        return self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __repr__(self) -> str:
        # equal neighbours are counted instead of repeated: `(0-2): 3 x ...`
        runs: list[list] = []  # [first index, last index, text]
        for i, module in enumerate(self):
            text = repr(module)
            if runs and runs[-1][2] == text:
                runs[-1][1] = i
            else:
                runs.append([i, i, text])
        return _tree(
            self._get_name(),
            "",
            [f"({a}): {text}" if a == b else f"({a}-{b}): {b - a + 1} x {text}" for a, b, text in runs],
        )

    def insert(self, index: int, module: Module) -> None:
        """Put a module before position `index`, which like a list's may be negative or beyond the end.

        PyTorch fails at a negative index and leaves a gap in the names beyond the end.
        """
        if not isinstance(module, Module) and module is not None:
            raise TypeError(f"{_typename(module)} is not a Module subclass")
        rest = list(self)
        rest.insert(index, module)
        self._modules = numbered(rest)

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end; returns the list."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Add modules at the end; returns the list. TypeError if `modules` cannot be iterated over."""
        for module in iterable(modules, type(self).__name__):
            self.append(module)
        return self

    def pop(self, key):
        """Take out the module at an index, or those of a slice, and return it."""
        taken = self[key]
        del self[key]
        return taken


class ModuleDict(Module):
    """Modules under names, in the order in which they came; it does not compute by itself.

    Args:
        modules: a mapping, or pairs of name and module.

    >>> import torchlike as torch
    >>> acts = torch.nn.ModuleDict({"relu": torch.nn.ReLU(), "tanh": torch.nn.Tanh()})
    >>> acts["relu"](torch.tensor([-1.0, 1.0]))
    tensor([0., 1.])
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Remove all."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Take out the module under `key` and return it; KeyError if there is none."""
        return self._modules.pop(key)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._modules.keys()

    def items(self) -> ItemsView[str, Module]:
        """Pairs of name and module."""
        return self._modules.items()

    def values(self) -> ValuesView[Module]:
        """The modules."""
        return self._modules.values()

    def update(self, modules: Mapping[str, Module]) -> None:
        """Add the modules of a mapping or of pairs, replacing those of the same name."""
        for key, module in pairs_of(modules, "ModuleDict", "ModuleDict"):
            self[key] = module
