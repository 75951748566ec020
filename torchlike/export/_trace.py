"""torch.export._trace: names only, see torch.export."""

from torchlike import absent as _absent

_absent.fill(globals(), _absent.NO_GRAPHS, functions="_export _export_to_torch_ir")
