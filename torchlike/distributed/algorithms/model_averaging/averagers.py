"""Averages of models over several processes: names can be imported, uses raise."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "several processes are JAX's business: jax.distributed.initialize() and sharded arrays",
    kinds="ModelAverager PeriodicModelAverager",
)  # fmt: skip
