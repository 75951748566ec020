"""torch.utils._triton: whether Triton's kernels can be used with tensors here. They cannot."""

from __future__ import annotations


def has_triton() -> bool:
    """False: XLA makes the kernels; for one's own there is jax.experimental.pallas."""
    return False


has_triton_package = has_triton
