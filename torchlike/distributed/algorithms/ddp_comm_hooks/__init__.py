"""How gradients travel between processes; there is one here, so nothing travels and hooks change nothing."""

from torchlike.distributed.algorithms.ddp_comm_hooks import default_hooks as default_hooks
from torchlike.distributed.algorithms.ddp_comm_hooks import powerSGD_hook as powerSGD_hook
