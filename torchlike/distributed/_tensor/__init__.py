"""torch.distributed._tensor: the older name of torch.distributed.tensor."""

from torchlike.distributed.tensor import DTensor as DTensor
from torchlike.distributed.tensor import Partial as Partial
from torchlike.distributed.tensor import Placement as Placement
from torchlike.distributed.tensor import Replicate as Replicate
from torchlike.distributed.tensor import Shard as Shard
from torchlike.distributed.tensor import distribute_module as distribute_module  # type: ignore[attr-defined]
from torchlike.distributed.tensor import distribute_tensor as distribute_tensor  # type: ignore[attr-defined]
from torchlike.distributed.tensor import experimental as experimental
