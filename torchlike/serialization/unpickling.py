"""The loading side: a small machine that runs the pickles of checkpoints and can do nothing else, and the full one."""

from __future__ import annotations

import importlib
import pickle
import pickletools
import struct
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import Counter, OrderedDict
from collections.abc import Callable
from pickle import UnpicklingError
from typing import Any

from torchlike.nn.parameter import Parameter
from torchlike.serialization.rebuild import ABSENT, ALLOWED, TORCH
from torchlike.tensor import Tensor

DEEPEST = 200
"""Tuples within tuples. Python hashes and compares them by recursion in C, and a file could overflow its stack."""

BLOCKED = {"sys", "os", "posix", "nt"}
"""Modules of which nothing is allowed, whatever a user adds."""

_added: dict[str, tuple[Any, Any]] = {}  # path -> (what stands behind it, the entry as it was given)
_MALFORMED = (
    IndexError, KeyError, TypeError, ValueError, AttributeError, AssertionError, OverflowError, struct.error,
)  # fmt: skip


def add_safe_globals(safe_globals: list) -> None:
    """Let `torch.load` build these classes and call these functions too.

    Args:
        safe_globals: classes and functions, or pairs of one and the path under which the file names it.

    A class of torchlike is also known by the path that PyTorch gives it.
    """
    for entry in safe_globals:
        found, path = entry if isinstance(entry, tuple) else (entry, f"{entry.__module__}.{entry.__qualname__}")
        if type(path) is not str:
            raise TypeError(f"Expected second item in tuple to be str of callable full path, but got: {type(path)}")
        _added[path] = found, entry
        if path.startswith("torchlike."):
            _added["torch." + path.removeprefix("torchlike.")] = found, entry


def get_safe_globals() -> list:
    """What was added by `add_safe_globals`."""
    return list(dict.fromkeys(entry for _, entry in _added.values()))


def clear_safe_globals() -> None:
    """Take back everything that was added by `add_safe_globals`."""
    _added.clear()


class safe_globals:
    """`with safe_globals([MyClass]):` allows it inside the block only."""

    def __init__(self, safe_globals: list):
        self.safe_globals = safe_globals

    def __enter__(self) -> None:
        self._before = dict(_added)
        add_safe_globals(self.safe_globals)

    def __exit__(self, *exc) -> None:
        clear_safe_globals()
        _added.update(self._before)


def allowed(module: str, name: str):
    """What stands behind a name in a checkpoint, or UnpicklingError. A look-up in a table: nothing is imported."""
    module, name = modern(module, name)
    path = f"{module}.{name}"
    _check_present(path)
    if module.partition(".")[0] in BLOCKED:
        raise UnpicklingError(f"Trying to load unsupported GLOBAL {path} whose module {module} is blocked.")
    if path in ALLOWED:
        return ALLOWED[path]
    if path in _added:
        return _added[path][0]
    short = path.removeprefix("builtins.")
    raise UnpicklingError(
        f"Unsupported global: GLOBAL {short} was not an allowed global by default. Please use "
        f"`torch.serialization.add_safe_globals([{short}])` or the `torch.serialization.safe_globals([{short}])` "
        "context manager to allowlist this global if you trust this class/function. With weights_only=False the file "
        "can be loaded, and can then run any code: do that only if you trust where it comes from."
    )


def _check_present(path: str) -> None:
    if path in ABSENT:
        raise NotImplementedError(
            f"torch.load of {ABSENT[path]}: in PyTorch, convert it to what exists here (dense, another dtype) first"
        )


def modern(module: str, name: str) -> tuple[str, str]:
    """Today's name for one of Python 2, which protocols up to 2 use."""
    if (module, name) in NAME_MAPPING:
        return NAME_MAPPING[module, name]
    return IMPORT_MAPPING.get(module, module), name


def named(data: bytes) -> list[str]:
    """The paths that a pickle names, found by reading it, not by running it."""
    found: dict[str, None] = {}
    texts = [""]  # in the order in which they come onto the stack; protocol 4 takes its names from there
    memo: dict[Any, str] = {}
    for code, argument, _ in pickletools.genops(data):
        if code.name == "GLOBAL":
            found[".".join(modern(*str(argument).split(" ", 1)))] = None
        elif code.name == "STACK_GLOBAL":
            found[".".join(texts[-2:])] = None
        elif "PUT" in code.name or code.name == "MEMOIZE":
            memo[len(memo) if argument is None else argument] = texts[-1]
        elif "GET" in code.name:
            texts.append(memo.get(argument, ""))
        elif isinstance(argument, str):
            texts.append(argument)
    return list(found)


class Machine:
    """Runs one pickle by the allow list. Only dicts, lists and sets are filled, only allowed callables are called."""

    def __init__(self, data: bytes, persistent_load: Callable):
        self.data, self.at = data, 0
        self.persistent_load = persistent_load
        self.stack: list = []
        self.marks: list[list] = []
        self.memo: dict[int, Any] = {}
        self.nested: dict[int, tuple[int, tuple]] = {}  # by identity: how deep a tuple of tuples is, and itself

    def run(self):
        """The object that the pickle describes; UnpicklingError for anything that is not allowed or not whole."""
        code = b""
        try:
            while (code := self.take(1)) != pickle.STOP:
                step = _STEPS.get(code)
                if step is None:
                    raise UnpicklingError(f"Unsupported operand {code[0]}")
                step(self)
            return self.stack.pop()
        except _MALFORMED as e:
            if code == pickle.BINPERSID:  # from a user's map_location; what the file says is checked before that
                raise
            raise UnpicklingError(f"malformed at byte {self.at}: {type(e).__name__}: {e}") from e

    def take(self, n: int) -> bytes:
        part = self.data[self.at : self.at + n]
        if len(part) != n:
            raise UnpicklingError("pickle data was truncated")
        self.at += n
        return part

    def number(self, form: str):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        end = self.data.index(b"\n", self.at)
        return self.take(end + 1 - self.at)[:-1].decode()

    def since_mark(self) -> list:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def push(self, value) -> None:
        self.stack.append(value)

    def target(self, *kinds: type):
        """The container that an operation fills: of exactly these types, so that no method of another is called."""
        if type(self.stack[-1]) not in kinds:
            names = ", ".join(k.__name__ for k in kinds)
            raise UnpicklingError(f"Can only fill {names}, but got {type(self.stack[-1])}")
        return self.stack[-1]

    def mark(self) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def checked(self, made: tuple) -> tuple:
        """The tuple, if it is not nested beyond measure."""
        inner = [self.nested.get(id(item), (1,))[0] for item in made if type(item) is tuple]
        if inner:
            depth = 1 + max(inner)
            if depth > DEEPEST:
                raise UnpicklingError(f"tuples within tuples, more than {DEEPEST} deep")
            self.nested[id(made)] = depth, made
        return made

    def tuple(self, n: int) -> None:
        items = self.stack[len(self.stack) - n :]
        if len(items) != n:
            raise IndexError("the stack is empty")
        self.stack[len(self.stack) - n :] = [self.checked(tuple(items))]

    def items(self, pairs: list) -> None:
        into = self.target(dict, OrderedDict, Counter)
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            into[key] = value

    def item(self) -> None:
        pair = self.stack[-2:]
        del self.stack[-2:]
        self.items(pair)

    def append(self) -> None:
        item = self.stack.pop()
        self.target(list).append(item)

    def extend(self) -> None:
        items = self.since_mark()
        self.target(list).extend(items)

    def add(self) -> None:
        items = self.since_mark()
        self.target(set).update(items)

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        if type(name) is not str or type(module) is not str:
            raise UnpicklingError("STACK_GLOBAL requires str")
        self.push(allowed(module, name))

    def persistent(self) -> None:
        self.stack[-1:] = [self.persistent_load(self.stack[-1] if self.stack else None)]

    def reduce(self) -> None:
        args, func = self.stack.pop(), self.stack.pop()
        if type(args) is not tuple or not _is_known(func):
            raise UnpicklingError(f"Trying to call reduce for unrecognized function {_named(func)}")
        self.push(func(*args))

    def new(self) -> None:
        args, kind = self.stack.pop(), self.stack.pop()
        if not (isinstance(kind, type) and (kind is Parameter or _is_added(kind))):
            raise UnpicklingError(
                "Can only create new object for nn.Parameter or classes allowlisted via `add_safe_globals` but got "
                f"{_named(kind)}"
            )
        self.push(Parameter(*args) if kind is Parameter else kind.__new__(kind, *args))

    def build(self) -> None:
        state, made = self.stack.pop(), self.stack[-1]
        if type(made) is OrderedDict:
            made.__dict__.update(state)
            return
        if not _is_added(type(made)):
            raise UnpicklingError(
                "Can only build OrderedDict or types allowlisted via `add_safe_globals`, but got "
                f"{type(made)}"
            )
        if hasattr(made, "__setstate__"):
            made.__setstate__(state)
            return
        plain, slots = state if type(state) is tuple and len(state) == 2 else (state, None)
        if plain:
            made.__dict__.update(plain)
        for name, value in (slots or {}).items():
            setattr(made, name, value)

    def remember(self, key: int) -> None:
        self.memo[key] = self.stack[-1]


def _is_added(kind) -> bool:
    return any(kind is found for found, _ in _added.values())


def _is_known(func) -> bool:
    # the class Tensor is there to be named by a subclass, not to be called
    return func is not Tensor and any(func is found for found in ALLOWED.values()) or _is_added(func)


def _named(x) -> str:
    """A function or class by name, anything else by its type: the text of a value may be of any length."""
    return getattr(x, "__qualname__", None) or f"of type {type(x).__name__}"


def _integer(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


_STEPS: dict[bytes, Callable[[Machine], Any]] = {
    pickle.PROTO: lambda m: m.take(1),
    pickle.FRAME: lambda m: m.take(8),
    pickle.MARK: Machine.mark,
    pickle.NONE: lambda m: m.push(None),
    pickle.NEWTRUE: lambda m: m.push(True),
    pickle.NEWFALSE: lambda m: m.push(False),
    pickle.BININT: lambda m: m.push(m.number("<i")),
    pickle.BININT1: lambda m: m.push(m.number("<B")),
    pickle.BININT2: lambda m: m.push(m.number("<H")),
    pickle.LONG1: lambda m: m.push(_integer(m.take(m.number("<B")))),
    pickle.LONG4: lambda m: m.push(_integer(m.take(m.number("<I")))),
    pickle.BINFLOAT: lambda m: m.push(m.number(">d")),
    pickle.SHORT_BINUNICODE: lambda m: m.push(_text(m.take(m.number("<B")))),
    pickle.BINUNICODE: lambda m: m.push(_text(m.take(m.number("<I")))),
    pickle.BINUNICODE8: lambda m: m.push(_text(m.take(m.number("<Q")))),
    pickle.SHORT_BINSTRING: lambda m: m.push(m.take(m.number("<B")).decode()),
    pickle.SHORT_BINBYTES: lambda m: m.push(m.take(m.number("<B"))),
    pickle.BINBYTES: lambda m: m.push(m.take(m.number("<I"))),
    pickle.BINBYTES8: lambda m: m.push(m.take(m.number("<Q"))),
    pickle.BYTEARRAY8: lambda m: m.push(bytearray(m.take(m.number("<Q")))),
    pickle.EMPTY_TUPLE: lambda m: m.push(()),
    pickle.TUPLE: lambda m: m.push(m.checked(tuple(m.since_mark()))),
    pickle.TUPLE1: lambda m: m.tuple(1),
    pickle.TUPLE2: lambda m: m.tuple(2),
    pickle.TUPLE3: lambda m: m.tuple(3),
    pickle.EMPTY_LIST: lambda m: m.push([]),
    pickle.APPEND: Machine.append,
    pickle.APPENDS: Machine.extend,
    pickle.EMPTY_DICT: lambda m: m.push({}),
    pickle.SETITEM: Machine.item,
    pickle.SETITEMS: lambda m: m.items(m.since_mark()),
    pickle.EMPTY_SET: lambda m: m.push(set()),
    pickle.ADDITEMS: Machine.add,
    pickle.GLOBAL: lambda m: m.push(allowed(m.line(), m.line())),
    pickle.STACK_GLOBAL: Machine.stack_global,
    pickle.BINPERSID: Machine.persistent,
    pickle.REDUCE: Machine.reduce,
    pickle.NEWOBJ: Machine.new,
    pickle.BUILD: Machine.build,
    pickle.BINGET: lambda m: m.push(m.memo[m.number("<B")]),
    pickle.LONG_BINGET: lambda m: m.push(m.memo[m.number("<I")]),
    pickle.BINPUT: lambda m: m.remember(m.number("<B")),
    pickle.LONG_BINPUT: lambda m: m.remember(m.number("<I")),
    pickle.MEMOIZE: lambda m: m.remember(len(m.memo)),
}


class FullUnpickler(pickle.Unpickler):
    """Python's unpickler, which runs whatever the file says, with PyTorch's names leading to torchlike."""

    def __init__(self, file, storage: Callable, **options):
        super().__init__(file, **{"encoding": "utf-8", **options})
        self._storage = storage

    def persistent_load(self, pid):
        return self._storage(pid)

    def find_class(self, module: str, name: str):
        path = f"{module}.{name}"
        _check_present(path)
        if path in TORCH:
            return TORCH[path]
        return counterpart(module, name) if module.partition(".")[0] == "torch" else super().find_class(module, name)


def counterpart(module: str, name: str):
    """torchlike's object of this PyTorch name: in the module of that name, or in one of those above it."""
    parts = module.split(".")[1:]
    while True:
        try:
            found = importlib.import_module(".".join(["torchlike", *parts]))
            for part in name.split("."):
                found = getattr(found, part)
            return found
        except (ImportError, AttributeError):
            if not parts:
                break
            parts.pop()
    raise NotImplementedError(
        f"torch.load of {module}.{name}, which does not exist here: save its state_dict() in PyTorch and load that"
    )
