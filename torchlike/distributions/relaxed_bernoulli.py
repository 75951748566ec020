"""torch.distributions.relaxed_bernoulli: where PyTorch keeps RelaxedBernoulli."""

from torchlike.distributions.relaxed import LogitRelaxedBernoulli as LogitRelaxedBernoulli
from torchlike.distributions.relaxed import RelaxedBernoulli as RelaxedBernoulli
