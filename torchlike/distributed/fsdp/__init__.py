"""torch.distributed.fsdp: parameters in parts over several devices. JAX shards arrays itself, so wrapping raises.

Settings can be made, named and compared, and no module is wrapped, so that code which asks before it wraps works.
"""

from torchlike.distributed.fsdp import api as api
from torchlike.distributed.fsdp import fully_sharded_data_parallel as fully_sharded_data_parallel
from torchlike.distributed.fsdp import sharded_grad_scaler as sharded_grad_scaler
from torchlike.distributed.fsdp import wrap as wrap
from torchlike.distributed.fsdp.api import *  # noqa: F403
from torchlike.distributed.fsdp.fully_sharded_data_parallel import FSDPModule as FSDPModule
from torchlike.distributed.fsdp.fully_sharded_data_parallel import FullyShardedDataParallel as FullyShardedDataParallel
from torchlike.distributed.fsdp.fully_sharded_data_parallel import fully_shard as fully_shard
from torchlike.distributed.fsdp.fully_sharded_data_parallel import (
    register_fsdp_forward_method as register_fsdp_forward_method,
)
