"""Tensors in parts, in their older form: uses raise, and no tensor is one."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "several processes are JAX's business: jax.distributed.initialize() and sharded arrays",
    kinds="ShardedTensor Shard",
)  # fmt: skip
