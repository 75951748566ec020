"""RMSprop, at PyTorch's place for it."""

from torchlike.optim.adaptive import RMSprop as RMSprop
