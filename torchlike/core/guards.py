"""What a captured function can see of Python, so that a replay notices when it changed.

From the function's closure, globals, defaults and instance, plain values, containers, modules and further functions are
followed; every plain value met on the way becomes a guard: (where it is kept, key, value).
"""

from __future__ import annotations

import dis
import enum
import functools
import types
from itertools import repeat
from operator import attrgetter, getitem, is_

from torchlike.core import device as _device
from torchlike.core import dtype as _dtype

_PLAIN = (bool, int, float, complex, str, bytes, type(None), _dtype.dtype, _device.device, enum.Enum)
_SKIPPED = ("torchlike", "jax", "numpy", "optax", "flax", "builtins")
_MISSING = object()
_MAPPINGS = (dict, types.MappingProxyType)
_contents = attrgetter("cell_contents")


class Guards:
    """The plain values a function can reach, as they were when it was captured."""

    def __init__(self, *roots):
        self.items: list[tuple] = []  # (mapping or sequence, key, expected, by identity)
        self.lengths: list[tuple] = []
        self._seen: set[int] = set()
        self._keep: list = []
        for root in roots:
            self._follow(root)
        self._identical = _Identical(self.lengths, self.items)

    def hold(self) -> bool:
        """Whether everything is as it was."""
        return self._identical() or self.changed() is None

    def changed(self) -> str | None:
        """What changed first; None if everything is as it was."""
        for where, n in self.lengths:  # first, so that every place looked at below is there
            if len(where) != n:
                return f"the length of a {type(where).__name__} ({n} became {len(where)})"
        for where, key, expected, same in self.items:
            now = where.get(key, _MISSING) if isinstance(where, _MAPPINGS) else where[key]
            if now is not expected and (same or now != expected or type(now) is not type(expected)):
                return f"{key!r} ({expected!r} became {now!r})"
        return None

    def _note(self, where, key, value) -> None:
        if isinstance(value, _PLAIN):
            self.items.append((where, key, value, False))
            return
        if not isinstance(value, types.ModuleType):
            self.items.append((where, key, value, True))
        self._follow(value)

    def _follow(self, x) -> None:
        if id(x) in self._seen or isinstance(x, _PLAIN):
            return
        self._seen.add(id(x))
        self._keep.append(x)
        if isinstance(x, types.FunctionType):
            self._function(x)
        elif isinstance(x, types.MethodType):
            self._follow(x.__func__)
            self._follow(x.__self__)
        elif isinstance(x, functools.partial):
            for part in (x.func, *x.args, *x.keywords.values()):
                self._follow(part)
        elif isinstance(x, dict):
            self.lengths.append((x, len(x)))
            for key in list(x):
                self._note(x, key, x[key])
        elif isinstance(x, tuple):  # it is guarded where it is kept, and what it holds cannot be exchanged
            for part in x:
                self._follow(part)
        elif isinstance(x, list):
            self.lengths.append((x, len(x)))
            for i, part in enumerate(x):
                self._note(x, i, part)
        elif isinstance(x, type):
            if (x.__module__ or "").split(".")[0] not in _SKIPPED:
                held = vars(x)
                for name, part in held.items():
                    if isinstance(part, types.FunctionType) or isinstance(part, _PLAIN) and not name.startswith("__"):
                        self._note(held, name, part)
        elif not isinstance(x, types.ModuleType) and hasattr(x, "__dict__"):
            self._object(x)

    def _function(self, fn: types.FunctionType) -> None:
        if fn.__globals__.get("__name__", "").split(".")[0] in _SKIPPED:
            return
        for cell in fn.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:
                continue
            self._note(_CellView(cell), 0, content)
        read, names = _names(fn.__code__)
        modules = []
        for name in read:
            if name in fn.__globals__:
                value = fn.__globals__[name]
                self._note(fn.__globals__, name, value)
                if isinstance(value, types.ModuleType) and value.__name__.split(".")[0] not in _SKIPPED:
                    modules.append(value)
        for module in modules:
            for name in names & vars(module).keys():
                value = vars(module)[name]
                if isinstance(value, _PLAIN):
                    self.items.append((vars(module), name, value, False))
        for part in (*(fn.__defaults__ or ()), *(fn.__kwdefaults__ or {}).values()):
            self._follow(part)

    def _object(self, x) -> None:
        home = (type(x).__module__ or "").split(".")[0]
        if hasattr(x, "_cell"):  # a tensor: its memory is read again at every replay
            return
        groups = getattr(x, "param_groups", None)
        if groups is not None and home == "torchlike":  # an optimizer: only its settings
            self.items.append((_Structure(x), 0, x._structure(), False))
            for group in groups:
                for key, value in group.items():
                    if isinstance(value, bool | str | None):  # numbers are read again at every replay: LiveScalar
                        self._note(group, key, value)
                    elif key == "params":
                        self.lengths.append((value, len(value)))
            return
        held = vars(x)
        for key in list(held):
            if key not in ("_parameters", "_buffers", "_modules") and (not key.startswith("_") or home != "torchlike"):
                self._note(held, key, held[key])
        for key in ("_parameters", "_buffers", "_modules"):
            if isinstance(held.get(key), dict):
                self._follow(held[key])
        if home not in _SKIPPED:
            for part in type(x).__mro__:
                if (part.__module__ or "").split(".")[0] not in _SKIPPED:
                    self._follow(part)


class _Identical:
    """Whether all is the very same objects: a few loops in C, which take microseconds where Python takes tens."""

    def __init__(self, lengths: list[tuple], items: list[tuple]):
        self.sized, self.lengths = [where for where, _ in lengths], [n for _, n in lengths]
        self.structures = [(where, value) for where, _, value, _ in items if isinstance(where, _Structure)]
        closures = [(where.cell, value) for where, _, value, _ in items if isinstance(where, _CellView)]
        self.cells, self.contents = [cell for cell, _ in closures], [value for _, value in closures]
        kept = [item for item in items if not isinstance(item[0], _Structure | _CellView)]
        self.dicts, self.keys, self.values = _columns([item for item in kept if isinstance(item[0], dict)])
        self.others, self.places, self.parts = _columns([item for item in kept if not isinstance(item[0], dict)])

    def __call__(self) -> bool:
        try:
            return (
                list(map(len, self.sized)) == self.lengths
                and all(map(is_, map(dict.get, self.dicts, self.keys, repeat(_MISSING)), self.values))
                and all(map(is_, map(getitem, self.others, self.places), self.parts))
                and all(map(is_, map(_contents, self.cells), self.contents))
                and all(where[0] == value for where, value in self.structures)
            )
        except (LookupError, ValueError):  # something is not there any more
            return False


def _columns(items: list[tuple]) -> tuple[list, list, list]:
    """Where, which key, and what is expected there."""
    return [item[0] for item in items], [item[1] for item in items], [item[2] for item in items]


class _Structure:
    """The structure of an optimizer (which settings are zero, which state is in use) as a sequence of one."""

    __slots__ = ("optimizer",)

    def __init__(self, optimizer):
        self.optimizer = optimizer

    def __getitem__(self, index):
        return self.optimizer._structure()


class _CellView:
    """A closure's cell as a sequence of one."""

    __slots__ = ("cell",)

    def __init__(self, cell):
        self.cell = cell

    def __getitem__(self, index):
        return self.cell.cell_contents


def _names(code: types.CodeType) -> tuple[set[str], set[str]]:
    """The globals that code reads, and all names (attributes too) in it and in the functions defined inside it."""
    read = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            inner_read, inner_names = _names(constant)
            read |= inner_read
            names |= inner_names
    return read, names
