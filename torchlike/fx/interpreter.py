"""torch.fx.interpreter: names only, see torch.fx."""

from torchlike import absent as _absent

_absent.fill(globals(), _absent.NO_GRAPHS, kinds="Interpreter Transformer")
