"""torch._dynamo.eval_frame: where PyTorch keeps the class of compiled modules."""

from __future__ import annotations

from torchlike.nn.optimized import OptimizedModule as OptimizedModule

__all__ = ["OptimizedModule", "is_dynamo_supported"]


def is_dynamo_supported() -> bool:
    """True: `torch.compile` works wherever XLA does."""
    return True
