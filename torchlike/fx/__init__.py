"""torch.fx: programs as graphs of Python calls. Nothing is traced that way here; names can be imported, uses raise.

A captured program can be looked at as JAX sees it: `jax.make_jaxpr` on a function of tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchlike.fx import _pytree as _pytree
from torchlike.fx import _symbolic_trace as _symbolic_trace
from torchlike.fx import graph as graph
from torchlike.fx import graph_module as graph_module
from torchlike.fx import interpreter as interpreter
from torchlike.fx import node as node
from torchlike.fx import passes as passes
from torchlike.fx import proxy as proxy
from torchlike.fx._symbolic_trace import PH as PH  # type: ignore[attr-defined]
from torchlike.fx._symbolic_trace import ProxyableClassMeta as ProxyableClassMeta
from torchlike.fx._symbolic_trace import Tracer as Tracer  # type: ignore[attr-defined]
from torchlike.fx._symbolic_trace import symbolic_trace as symbolic_trace  # type: ignore[attr-defined]
from torchlike.fx.graph import CodeGen as CodeGen  # type: ignore[attr-defined]
from torchlike.fx.graph import Graph as Graph  # type: ignore[attr-defined]
from torchlike.fx.graph_module import GraphModule as GraphModule
from torchlike.fx.interpreter import Interpreter as Interpreter  # type: ignore[attr-defined]
from torchlike.fx.interpreter import Transformer as Transformer  # type: ignore[attr-defined]
from torchlike.fx.node import Node as Node  # type: ignore[attr-defined]
from torchlike.fx.node import has_side_effect as has_side_effect
from torchlike.fx.node import map_arg as map_arg
from torchlike.fx.proxy import Proxy as Proxy  # type: ignore[attr-defined]


def wrap(fn_or_name: str | Callable) -> Any:
    """The function as it is: it would be one node of a traced graph, and nothing is traced."""
    return fn_or_name


def replace_pattern(gm: Any, pattern: Any, replacement: Any) -> Any:
    """Raises: nothing is traced here."""
    raise NotImplementedError("torch.fx.replace_pattern(): programs are not traced to graphs here; use jax.make_jaxpr")
