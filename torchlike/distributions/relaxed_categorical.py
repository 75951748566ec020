"""torch.distributions.relaxed_categorical: where PyTorch keeps RelaxedOneHotCategorical."""

from torchlike.distributions.relaxed import ExpRelaxedCategorical as ExpRelaxedCategorical
from torchlike.distributions.relaxed import RelaxedOneHotCategorical as RelaxedOneHotCategorical
