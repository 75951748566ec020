"""ASGD, at PyTorch's place for it."""

from torchlike.optim.asgd_rprop import ASGD as ASGD
