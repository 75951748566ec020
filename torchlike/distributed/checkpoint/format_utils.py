"""Checkpoints in parts and whole ones: names can be imported, uses raise."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "checkpoints in parts are orbax's business; in one process use torch.save and torch.load",
    functions="dcp_to_torch_save torch_save_to_dcp",
)  # fmt: skip
