"""torch.backends.cpu: what the processor can do."""

from __future__ import annotations

from pathlib import Path


def get_cpu_capability() -> str:
    """"AVX512", "AVX2" or "DEFAULT", from what the system says about the processor."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "DEFAULT"
    return "AVX512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "DEFAULT"
