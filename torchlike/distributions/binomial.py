"""torch.distributions.binomial: where PyTorch keeps Binomial."""

from torchlike.distributions.counts import Binomial as Binomial
