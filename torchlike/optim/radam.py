"""RAdam, at PyTorch's place for it."""

from torchlike.optim.adam_variants import RAdam as RAdam
