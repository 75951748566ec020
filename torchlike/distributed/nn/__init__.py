"""torch.distributed.nn: collectives that gradients flow through."""

from torchlike.distributed.nn import functional as functional
from torchlike.distributed.nn.functional import *  # noqa: F403
