"""Adadelta, at PyTorch's place for it."""

from torchlike.optim.adaptive import Adadelta as Adadelta
