"""What a pickle says without running it: the ids of the storages that it refers to.

Before PyTorch 1.6 the storages lie one after the other behind the pickle, each with its number of elements, and only
the pickle says how large an element is. So it is read twice: once here, where nothing is made, and once to make it.
"""

from __future__ import annotations

import pickletools
from pickle import UnpicklingError
from typing import Any


class _Name(str):
    """A global that the pickle names."""


class _Unknown:
    """What running the pickle would make."""


_MARK, _UNKNOWN = object(), _Unknown()


def persistent_ids(data: bytes) -> list[tuple]:
    """All ids, ("storage", name of the type, key, location, ...), in their order. UnpicklingError: it is malformed."""
    try:
        return _Reader().read(data)
    except (ValueError, IndexError, KeyError, TypeError) as e:
        raise UnpicklingError(f"malformed: {type(e).__name__}: {e}") from e


class _Reader:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[Any, Any] = {}
        self.found: list[tuple] = []

    def read(self, data: bytes) -> list[tuple]:
        for code, argument, _ in pickletools.genops(data):
            self.step(code, argument)
        return self.found

    def step(self, code: Any, argument: Any) -> None:
        name = code.name
        if name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[argument])
        elif name == "MARK":
            self.stack.append(_MARK)
        elif name == "GLOBAL":
            self.stack.append(_Name(str(argument).replace(" ", ".", 1)))
        elif name == "STACK_GLOBAL":
            module, attribute = self.take(code)
            self.stack.append(_Name(f"{module}.{attribute}"))
        elif name in ("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
            self.stack.append(tuple(self.take(code)))
        elif name == "BINPERSID":
            (pid,) = self.take(code)
            if type(pid) is tuple and pid[:1] == ("storage",):
                self.found.append(pid)
            self.stack.append(_UNKNOWN)
        else:
            self.take(code)
            plain = argument if isinstance(argument, int | str) else _UNKNOWN
            self.stack.extend([None if name == "NONE" else plain] * len(code.stack_after))

    def take(self, code: Any) -> list[Any]:
        """What an operation takes off the stack."""
        if pickletools.markobject in code.stack_before:
            start = len(self.stack) - 1 - self.stack[::-1].index(_MARK)
            taken = self.stack[start + 1 :]
            before = code.stack_before.index(pickletools.markobject)
            del self.stack[start - before :]
            return taken
        count = len(code.stack_before)
        if count > len(self.stack):
            raise IndexError("the stack is empty")
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken
