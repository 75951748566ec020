"""torch.fx.passes: names that packages import; see torch.fx."""

from torchlike.fx.passes import infra as infra
