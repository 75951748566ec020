"""AdamW, at PyTorch's place for it."""

from torchlike.optim.adam import AdamW as AdamW
