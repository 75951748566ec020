"""Programs as lists of lines: run them under a library, and take out of a failing one what does not matter."""

from __future__ import annotations

import functools
import warnings


@functools.lru_cache(maxsize=4096)
def _code(line: str):
    return compile(line, "<program>", "exec")


def execute(lines: list[str], lib, scope: dict | None = None, look=None) -> tuple[dict, list[str | None]]:
    """The names a program has made, and for each of its lines the class of the exception that it raised, if any.

    `look` is called with every value after every line.
    """
    scope = {"torch": lib} if scope is None else scope
    raised: list[str | None] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for line in lines:
            try:
                exec(_code(line), scope)
                for value in list(scope.values()) if look else ():
                    look(value)
                raised.append(None)
            except Exception as error:  # noqa: BLE001  whatever it is, the other library must raise it too
                raised.append(type(error).__name__)
                scope["error"] = str(error)
    return scope, raised


def shortened(lines: list[str], fails) -> list[str]:
    """The lines without those that the program fails without too."""
    step = max(len(lines) // 2, 1)
    while True:
        at, before = 0, len(lines)
        while at < len(lines):
            fewer = lines[:at] + lines[at + step :]
            if fewer and fails(fewer):
                lines = fewer
            else:
                at += step
        if step == 1 and len(lines) == before:
            return lines
        step = max(step // 2, 1)
