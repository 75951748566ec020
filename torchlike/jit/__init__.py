"""torch.jit: TorchScript's names. Scripts and modules run as Python and are compiled by XLA like everything else.

Decorators return what they decorate; `script` returns the function or module itself. What makes or reads a TorchScript
file raises.
"""

from collections.abc import Callable
from concurrent.futures import Future as _Future
from typing import Any, Final  # noqa: F401  torch.jit.Final

from torchlike import absent as _absent
from torchlike.jit import annotations as annotations

_FILES = "TorchScript does not exist here: save the state_dict() with torch.save, and keep the Python class"
_TRACES = "TorchScript does not exist here: use torch.compile(fn, fullgraph=True), which captures one call as a program"
_absent.fill(globals(), _FILES, functions="save load jit_module_from_flatbuffer save_jit_module_to_flatbuffer")
_absent.fill(globals(), _TRACES, functions="trace trace_module",
             kinds="ScriptModule ScriptFunction RecursiveScriptModule TopLevelTracedModule TracedModule")  # fmt: skip


class Error(RuntimeError):
    """What TorchScript raises; nothing here does."""


class Attribute:
    """A value with a TorchScript type; see `annotate`."""

    def __init__(self, value: Any, type: Any):
        self.value, self.type = value, type


def is_scripting() -> bool:
    """False: nothing is compiled by TorchScript."""
    return False


def is_tracing() -> bool:
    """False: nothing is traced by TorchScript."""
    return False


def script(obj: Any, optimize: Any = None, _frames_up: int = 0, _rcb: Any = None, example_inputs: Any = None) -> Any:
    """The function, class or module itself: it runs as Python, and XLA compiles what it computes."""
    if not callable(obj):
        raise RuntimeError(f"torch.jit.script takes a function, a class or a Module, not {type(obj).__name__}")
    return obj


def export(fn: Callable) -> Callable:
    """The method as it is."""
    return fn


def unused(fn: Callable) -> Callable:
    """The method as it is."""
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The function as it is; a decorator, with or without parentheses."""
    return drop if callable(drop) else lambda fn: fn


def interface(obj: Any) -> Any:
    """The class as it is."""
    return obj


def script_method(fn: Callable) -> Callable:
    """The method as it is."""
    return fn


def script_if_tracing(fn: Callable) -> Callable:
    """The function as it is."""
    return fn


_script_if_tracing = script_if_tracing


def _overload(fn: Callable) -> Callable:
    """The function as it is: the last definition of an overloaded one is the one that runs."""
    return fn


_overload_method = _overload


def annotate(the_type: Any, the_value: Any) -> Any:
    """The value."""
    return the_value


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether a value is of a type, or of one of several, containers' contents left aside."""
    import builtins
    import typing

    if builtins.isinstance(target_type, tuple | list):
        return any(isinstance(obj, t) for t in target_type)
    return builtins.isinstance(obj, typing.get_origin(target_type) or target_type)


def fork(func: Callable, *args: Any, **kwargs: Any) -> _Future:
    """Run the function now; `wait` gives its result."""
    done: _Future = _Future()
    done.set_result(func(*args, **kwargs))
    return done


def wait(future: _Future) -> Any:
    """The result of `fork`."""
    return future.result()


def freeze(mod: Any, preserved_attrs: Any = None, optimize_numerics: bool = True) -> Any:
    """A module in eval mode as it is; RuntimeError in training mode, as in PyTorch."""
    if getattr(mod, "training", False):
        raise RuntimeError("Freezing is currently only implemented for modules in eval mode. Please call .eval() on "
                           "your module before freezing.")  # fmt: skip
    return mod


def optimize_for_inference(mod: Any, other_methods: Any = None) -> Any:
    """A module in eval mode as it is."""
    return freeze(mod)


def onednn_fusion_enabled() -> bool:
    """False."""
    return False


def enable_onednn_fusion(enabled: bool) -> None:
    """Nothing to do: XLA fuses."""


def set_fusion_strategy(strategy: Any) -> Any:
    """Returns the strategy: XLA fuses."""
    return strategy


def last_executed_optimized_graph() -> Any:
    """Raises: see `torchlike.explain`."""
    raise NotImplementedError("torch.jit.last_executed_optimized_graph(): see torchlike.explain for compiled programs")
