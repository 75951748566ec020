"""Checkpoints in parts as safetensors: names can be imported, uses raise."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "checkpoints in parts are orbax's business; in one process use torch.save and torch.load",
    functions="consolidate_safetensors_files consolidate_safetensors_files_on_every_rank",
)  # fmt: skip
