"""torch.distributions.multinomial: where PyTorch keeps Multinomial."""

from torchlike.distributions.counts import Multinomial as Multinomial
