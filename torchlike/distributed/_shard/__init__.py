"""torch.distributed._shard: names that packages import."""

from torchlike.distributed._shard import sharded_tensor as sharded_tensor
