"""torch.distributed._composable.fsdp: the older place of torch.distributed.fsdp.fully_shard."""

from torchlike.distributed.fsdp import CPUOffloadPolicy as CPUOffloadPolicy  # type: ignore[attr-defined]
from torchlike.distributed.fsdp import FSDPModule as FSDPModule
from torchlike.distributed.fsdp import MixedPrecisionPolicy as MixedPrecisionPolicy  # type: ignore[attr-defined]
from torchlike.distributed.fsdp import OffloadPolicy as OffloadPolicy  # type: ignore[attr-defined]
from torchlike.distributed.fsdp import fully_shard as fully_shard
