"""Checkpoints in parts as safetensors: names can be imported, uses raise."""

from torchlike import absent as _absent

_absent.fill(
    globals(),
    "checkpoints in parts are orbax's business; in one process use torch.save and torch.load",
    kinds="HuggingFaceStorageReader HuggingFaceStorageWriter",
)  # fmt: skip
