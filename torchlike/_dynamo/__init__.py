"""torch._dynamo: the names that packages use of PyTorch's capture machinery, over torch.compiler."""

from __future__ import annotations

from typing import Any

from torchlike import absent as _absent
from torchlike._dynamo import config as config
from torchlike._dynamo import eval_frame as eval_frame
from torchlike._dynamo import utils as utils
from torchlike._dynamo.eval_frame import OptimizedModule as OptimizedModule
from torchlike.compiler import allow_in_graph as allow_in_graph
from torchlike.compiler import assume_constant_result as assume_constant_result
from torchlike.compiler import disable as disable
from torchlike.compiler import is_compiling as is_compiling
from torchlike.compiler import list_backends as list_backends
from torchlike.compiler import reset as reset

_absent.fill(globals(), "use torch.compile and torchlike.explain", functions="explain export optimize_assert")


def optimize(backend: Any = "xla", *, nopython: bool = False, dynamic: Any = None, **kwargs: Any) -> Any:
    """A decorator: `torch.compile(fullgraph=nopython)`."""
    from torchlike.compiler import compile

    return lambda fn: compile(fn, fullgraph=nopython, dynamic=dynamic)


def run(fn: Any = None) -> Any:
    """The function as it is."""
    return fn


def graph_break(msg: str = "") -> None:
    """Inside `torch.compile(fullgraph=True)` an error, elsewhere nothing."""
    from torchlike.compiler import disable

    disable(lambda: None, reason=msg or None)()


def mark_dynamic(t: Any, index: Any, **kwargs: Any) -> None:
    """Nothing to do: XLA compiles once for each shape."""


def maybe_mark_dynamic(t: Any, index: Any) -> None:
    """Nothing to do: XLA compiles once for each shape."""


def mark_static(t: Any, index: Any = None) -> None:
    """Nothing to do: every size is static to XLA."""


def mark_static_address(t: Any, guard: bool = True) -> None:
    """Nothing to do: programs read tensors where they are."""


def forbid_in_graph(fn: Any) -> Any:
    """`torch.compiler.disable(fn)`."""
    from torchlike.compiler import disable

    return disable(fn)
