"""torch.distributions.negative_binomial: where PyTorch keeps NegativeBinomial."""

from torchlike.distributions.counts import NegativeBinomial as NegativeBinomial
