"""torch.export.decomp_utils: names only, see torch.export."""

from torchlike import absent as _absent

_absent.fill(globals(), _absent.NO_GRAPHS, kinds="CustomDecompTable")
