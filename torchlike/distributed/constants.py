"""torch.distributed.constants: how long processes wait for each other."""

from torchlike.distributed.stores import default_pg_timeout as default_pg_timeout

default_pg_nccl_timeout = default_pg_timeout
