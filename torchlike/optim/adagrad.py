"""Adagrad, at PyTorch's place for it."""

from torchlike.optim.adaptive import Adagrad as Adagrad
