"""torch.fx.graph: names only, see torch.fx."""

from torchlike import absent as _absent

_absent.fill(globals(), _absent.NO_GRAPHS, kinds="Graph CodeGen PythonCode")
