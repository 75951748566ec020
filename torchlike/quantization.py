"""torch.quantization: the older name of torch.ao.quantization."""

from torchlike.ao.quantization import *  # noqa: F403
