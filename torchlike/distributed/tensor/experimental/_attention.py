"""torch.distributed.tensor.experimental._attention: names can be imported, uses raise."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "shard arrays with JAX: jax.make_mesh, jax.sharding.NamedSharding, and jax.device_put on tensor.jax()",
    functions="context_parallel context_parallel_unshard set_rotate_method",
)  # fmt: skip
