"""What is noted for the backward pass: the modes of a thread, and the blocks and decorators that switch them."""

from __future__ import annotations

import functools
import inspect
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any


class _Mode(threading.local):
    grad = True
    inference = False
    anomaly = False  # whether nodes note where they were made, and an error names it: autograd/anomaly_mode.py
    check_nan = False  # whether the backward pass looks for NaN
    hooks: tuple = ()  # (pack, unpack) of the innermost `saved_tensors_hooks`: core/saved.py
    no_hooks: str | None = None  # why no such hooks may be used
    running: Any = None  # the backward pass in progress
    node: Any = None  # the node that it is at, noted in the anomaly mode


mode = _Mode()

watching: list = []
"""Not empty while some thread may ask more of a new node than its edges: hooks on saved values, or the anomaly mode, or
once tensors made in inference mode may be among its values. Kept apart from `mode`, for it is read at every node."""
inferring: list = []
"""Not empty while some thread is inside `inference_mode`: read at every new tensor."""


class GradMode:
    """A switch of a mode: a context manager, and a decorator for functions and generator functions."""

    def __enter__(self) -> Any:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError

    def clone(self) -> GradMode:
        """A fresh switch of the same kind."""
        return type(self)()

    def __call__(self, fn: Callable) -> Callable:
        inner = fn
        if inspect.isclass(fn):
            warnings.warn(
                "Decorating classes is deprecated and will be disabled in future versions. You should only decorate "
                "functions or methods. To preserve the current behavior of class decoration, you can directly decorate "
                "the `__init__` method and nothing else.",
                FutureWarning,
                stacklevel=2,
            )

            def inner(*args, **kwargs):
                return fn(*args, **kwargs)

        elif inspect.isgeneratorfunction(fn):
            return _generator(self.clone, fn)

        @functools.wraps(inner)
        def switched(*args, **kwargs):
            with self.clone():
                return inner(*args, **kwargs)

        return switched


def _generator(switch: Callable[[], Any], fn: Callable) -> Callable:
    """The generator function with the mode switched while its own code runs, and only then."""

    @functools.wraps(fn)
    def switched(*args, **kwargs):
        steps = fn(*args, **kwargs)
        step: Callable[[], Any] = functools.partial(next, steps)
        while True:
            try:
                with switch():
                    made = step()
            except StopIteration as end:
                return end.value
            try:
                step = functools.partial(steps.send, (yield made))
            except GeneratorExit:
                with switch():
                    steps.close()
                raise
            except BaseException:
                step = functools.partial(steps.throw, sys.exc_info()[1])

    return switched


class no_grad(GradMode):
    """Inside it nothing is noted for the backward pass. Context manager and decorator, with or without parentheses.

    >>> import torchlike as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    on = False

    def __new__(cls, fn: Callable | None = None):
        self = super().__new__(cls)
        return self if fn is None else self(fn)

    def __enter__(self) -> None:
        self._was = mode.grad
        mode.grad = self.on and not mode.inference

    def __exit__(self, *exc: object) -> None:
        mode.grad = self._was


class enable_grad(no_grad):
    """The opposite of `no_grad`, for a part inside it."""

    on = True


class set_grad_enabled(GradMode):
    """Sets the grad mode at once; as a context manager it restores the old one at the end.

    As a decorator it sets the mode for the function only.
    """

    def __init__(self, mode: bool):
        self.mode = bool(mode)
        self._was = _set(self.mode)

    def __call__(self, fn: Callable) -> Callable:
        mode.grad = self._was
        return super().__call__(fn)

    def __enter__(self) -> None:
        mode.grad = self.mode and not mode.inference

    def __exit__(self, *exc: object) -> None:
        mode.grad = self._was

    def clone(self) -> set_grad_enabled:
        """A fresh switch to the same mode."""
        return set_grad_enabled(self.mode)


def _set(on: bool) -> bool:
    was, mode.grad = mode.grad, on and not mode.inference
    return was


class inference_mode(GradMode):
    """As `no_grad`, and what is made inside is barred from gradients for good.

    Such a tensor has no version, cannot be saved for a backward pass and cannot be written in place outside; `clone()`
    makes a normal one. `inference_mode(False)` inside a block switches it off.

    >>> import torchlike as torch
    >>> with torch.inference_mode():
    ...     y = torch.ones(2) * 2
    >>> y.is_inference()
    True
    """

    def __new__(cls, mode: bool | Callable = True):
        self = super().__new__(cls)
        if callable(mode):
            self.mode = True
            return self(mode)
        return self

    def __init__(self, mode: bool = True):
        self.mode = mode

    def __enter__(self) -> None:
        self._was = mode.grad, mode.inference
        if self.mode:
            if not watching or watching[0] != "inference":
                watching.insert(0, "inference")
            inferring.append(self)
        mode.grad, mode.inference = not self.mode, bool(self.mode)

    def __exit__(self, *exc: object) -> None:
        mode.grad, mode.inference = self._was
        if self.mode:
            inferring.remove(self)

    def clone(self) -> inference_mode:
        """A fresh switch to the same mode."""
        return inference_mode(self.mode)


class _at(no_grad):
    """The grad mode `on`, for a block of our own code."""

    def __new__(cls, on: bool):
        return object.__new__(cls)

    def __init__(self, on: bool):
        self.on = on


def is_grad_enabled() -> bool:
    """Whether operations are noted for the backward pass now."""
    return mode.grad


def is_inference_mode_enabled() -> bool:
    """Whether inside `inference_mode()`."""
    return mode.inference
