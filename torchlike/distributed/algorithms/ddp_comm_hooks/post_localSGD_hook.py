"""Hooks for gradients that travel: names can be imported, uses raise."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "several processes are JAX's business: jax.distributed.initialize() and sharded arrays",
    kinds="PostLocalSGDState",
    functions="post_localSGD_hook",
)  # fmt: skip
