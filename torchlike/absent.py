"""What JAX has not here: kinds of accelerators, and calls that raise when they are used, with a way around."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

NO_GRAPHS = (
    "programs are not traced to graphs of Python calls here; jax.make_jaxpr shows a function of tensors as JAX sees it"
)


def answers(name: str, raises: Callable[[str], BaseException]) -> dict[str, Any]:
    """The functions of torch.<name> without such a device. `raises(function)` makes the error of one that needs it."""

    def constant(value: Any, doc: str) -> Callable:
        def fn(*args: Any, **kwargs: Any) -> Any:
            return list(value) if isinstance(value, list) else value

        fn.__doc__ = doc
        return fn

    def needs(function: str) -> Callable:
        def fn(*args: Any, **kwargs: Any) -> Any:
            raise raises(function)

        fn.__doc__ = f"Raises: there is no {name} device here."
        return fn

    none, nothing = f"There is no {name} device here.", f"Nothing to do: there is no {name} device here."
    made = {
        "is_available": constant(False, f"False. {none}"),
        "device_count": constant(0, f"0. {none}"),
        "is_initialized": constant(False, f"False. {none}"),
        "is_bf16_supported": constant(False, f"False. {none}"),
        "get_rng_state_all": constant([], f"An empty list. {none}"),
        "get_arch_list": constant([], f"An empty list. {none}"),
        **dict.fromkeys(("manual_seed", "manual_seed_all", "seed", "seed_all", "set_rng_state_all"),
                        constant(None, nothing)),
    }  # fmt: skip
    made |= {
        function: needs(function)
        for function in (
            "current_device", "set_device", "get_device_name", "get_device_capability", "get_device_properties",
            "synchronize", "current_stream", "get_rng_state", "set_rng_state", "initial_seed", "mem_get_info", "init",
        )
    }  # fmt: skip
    return made


def finish(space: dict[str, Any], functions: dict[str, Any]) -> None:
    """Put the functions into a module under their own names."""
    module = space["__name__"].replace("torchlike", "torch", 1)
    for name, fn in functions.items():
        fn.__name__ = fn.__qualname__ = name
        fn.__module__ = module
        space[name] = fn


class NoDevice:
    """`with device(i):` where there is no such device: a negative index does nothing, any other one raises."""

    error: BaseException

    def __init__(self, device: Any = None):
        self.idx = device

    def __enter__(self) -> NoDevice:
        if self.idx is not None and not (isinstance(self.idx, int) and self.idx < 0):
            raise self.error
        return self

    def __exit__(self, *exc: Any) -> None:
        pass


def function(name: str, way: str) -> Any:
    """A function that can be imported and raises NotImplementedError when it is called; `way` says what to do."""

    def fn(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{name}(): {way}")

    fn.__name__ = fn.__qualname__ = name.rpartition(".")[2]
    fn.__module__ = name.rpartition(".")[0]
    fn.__doc__ = f"Raises NotImplementedError: {way}."
    return fn


def kind(name: str, way: str, *bases: type) -> Any:
    """A class that can be imported, named in annotations and asked for by `isinstance`, and raises when it is made."""

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(f"{name}(): {way}")

    space, _, last = name.rpartition(".")
    body = {"__init__": __init__, "__module__": space, "__doc__": f"Raises NotImplementedError when made: {way}."}
    return type(last, bases, body)


def fill(space: dict[str, Any], way: str, *, functions: str = "", kinds: str = "") -> None:
    """Put such functions and classes, named in strings, into a module."""
    module = space["__name__"].replace("torchlike", "torch", 1)
    for name in functions.split():
        space[name] = function(f"{module}.{name}", way)
    for name in kinds.split():
        space[name] = kind(f"{module}.{name}", way)
