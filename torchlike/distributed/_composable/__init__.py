"""torch.distributed._composable: names can be imported, uses raise."""

from torchlike.distributed._composable import fsdp as fsdp
from torchlike.distributed.fsdp import fully_shard as fully_shard
