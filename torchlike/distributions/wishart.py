"""The Wishart distribution, which is not here yet: making one raises."""

from torchlike import absent as _absent

Wishart = _absent.kind("torch.distributions.Wishart", "not here yet; draw A from MultivariateNormal and take A.T @ A")
