"""torch.distributed.tensor._utils: names can be imported, uses raise."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "shard arrays with JAX: jax.make_mesh, jax.sharding.NamedSharding, and jax.device_put on tensor.jax()",
    functions="compute_local_shape compute_local_shape_and_global_offset",
)  # fmt: skip
