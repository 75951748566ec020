"""torch.distributions.half_normal: where PyTorch keeps HalfNormal."""

from torchlike.distributions.made_of_normal import HalfNormal as HalfNormal
