"""torch.distributions.log_normal: where PyTorch keeps LogNormal."""

from torchlike.distributions.made_of_normal import LogNormal as LogNormal
