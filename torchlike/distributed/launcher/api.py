"""torch.distributed.launcher.api: starting several processes; calls raise."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "several processes are JAX's business: jax.distributed.initialize() and sharded arrays",
    kinds="LaunchConfig elastic_launch",
    functions="launch_agent",
)  # fmt: skip
