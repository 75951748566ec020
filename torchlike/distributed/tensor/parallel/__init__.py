"""torch.distributed.tensor.parallel: layers over several devices; names can be imported, uses raise."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "shard arrays with JAX: jax.make_mesh, jax.sharding.NamedSharding, and jax.device_put on tensor.jax()",
    kinds="ColwiseParallel RowwiseParallel SequenceParallel ParallelStyle PrepareModuleInput PrepareModuleOutput",
    functions="parallelize_module loss_parallel",
)  # fmt: skip
