"""torch.fx.passes.infra: names that packages import; see torch.fx."""

from torchlike.fx.passes.infra import pass_base as pass_base
