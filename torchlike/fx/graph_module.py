"""torch.fx.graph_module: names only, see torch.fx."""

from torchlike import absent as _absent
from torchlike.nn.modules.module import Module as _Module

GraphModule = _absent.kind("torch.fx.GraphModule", _absent.NO_GRAPHS, _Module)
_absent.fill(globals(), _absent.NO_GRAPHS, functions="reduce_graph_module reduce_package_graph_module")
