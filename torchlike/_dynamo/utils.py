"""torch._dynamo.utils: what packages ask it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

counters: defaultdict[str, Counter] = defaultdict(Counter)
"""Empty here: `torchlike.explain.counts()` counts programs and compilations."""


def is_compile_supported(device_type: Any) -> bool:
    """Whether `torch.compile` works for a kind of device: for those that JAX has."""
    return str(device_type).partition(":")[0] in ("cpu", "cuda", "tpu")
