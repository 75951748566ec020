"""torch.distributed.rpc: calls in other processes; they raise."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "several processes are JAX's business: jax.distributed.initialize() and sharded arrays",
    kinds="RRef WorkerInfo",
    functions="init_rpc shutdown rpc_sync rpc_async remote get_worker_info",
)  # fmt: skip


def is_available() -> bool:
    """False."""
    return False
