"""torch.fx.experimental.symbolic_shapes: questions about sizes that may be symbols. Sizes are plain ints here."""

from __future__ import annotations

from typing import Any

from torchlike import absent as _absent

_absent.fill(globals(), _absent.NO_GRAPHS, kinds="ShapeEnv DimDynamic StatelessSymbolicContext")


class GuardOnDataDependentSymNode(RuntimeError):
    """What PyTorch raises about a size that depends on data; nothing here does."""


def guard_size_oblivious(expr: Any) -> bool:
    """`bool(expr)`."""
    return bool(expr)


guard_or_true = guard_or_false = statically_known_true = definitely_true = guard_bool = guard_size_oblivious


def guard_int(a: Any) -> int:
    """`int(a)`."""
    return int(a)


def guard_scalar(a: Any) -> Any:
    """The number itself."""
    return a


def is_concrete_int(a: Any) -> bool:
    """Whether it is an int."""
    return isinstance(a, int)


def is_symbolic(val: Any) -> bool:
    """False: there are no symbols."""
    return False


def has_free_symbols(val: Any) -> bool:
    """False: there are no symbols."""
    return False


def hint_int(a: Any, fallback: int | None = None) -> int:
    """`int(a)`."""
    return int(a)
