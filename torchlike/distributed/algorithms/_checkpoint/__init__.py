"""Modules whose intermediate tensors are computed again in the backward pass."""

from torchlike.distributed.algorithms._checkpoint import checkpoint_wrapper as checkpoint_wrapper
