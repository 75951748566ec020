"""torch.distributed.run: what torchrun runs; it raises."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "several processes are JAX's business: jax.distributed.initialize() and sharded arrays",
    functions="main run config_from_args get_args_parser",
)  # fmt: skip
