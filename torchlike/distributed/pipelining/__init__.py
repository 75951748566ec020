"""torch.distributed.pipelining: layers one after the other on several devices; uses raise."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "several processes are JAX's business: jax.distributed.initialize() and sharded arrays",
    kinds="Pipe PipelineStage ScheduleGPipe Schedule1F1B ScheduleInterleaved1F1B SplitPoint",
    functions="pipeline pipe_split build_stage",
)  # fmt: skip
