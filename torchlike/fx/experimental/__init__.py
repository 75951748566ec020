"""torch.fx.experimental: names that packages import; see torch.fx."""
