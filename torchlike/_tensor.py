"""torch._tensor: where PyTorch keeps the class Tensor."""

from torchlike.tensor import Tensor as Tensor
