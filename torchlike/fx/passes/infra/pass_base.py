"""torch.fx.passes.infra.pass_base: names only, see torch.fx."""

from torchlike import absent as _absent

_absent.fill(globals(), _absent.NO_GRAPHS, kinds="PassBase PassResult")
