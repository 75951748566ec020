"""Model FLOPs utilisation: a step's counted floating-point operations by what the GPU could do in its time."""

from __future__ import annotations

from tests.benchmarks import report
from tests.benchmarks.setting import Setting

# Dense tensor-core peaks in FLOP/s, TF32 for float32 and bfloat16, from NVIDIA's data sheets, which give twice these
# numbers "with sparsity": H200 (https://www.nvidia.com/en-us/data-center/h200/), H100 SXM and PCIe
# (https://resources.nvidia.com/en-us-tensor-core), A100
# (https://www.nvidia.com/content/dam/en-zz/Solutions/Data-Center/a100/pdf/nvidia-a100-datasheet.pdf).
PEAKS = {
    "H200": {"float32": 494.5e12, "bfloat16": 989.5e12},
    "H100 PCIe": {"float32": 378e12, "bfloat16": 756e12},
    "H100": {"float32": 494.5e12, "bfloat16": 989.5e12},
    "A100": {"float32": 156e12, "bfloat16": 312e12},
}


def peak(name: str | None, dtype: str) -> float | None:
    """FLOP/s of the GPU of this name, the first of the table that the name contains."""
    return next((of[dtype] for model, of in PEAKS.items() if name and model in name), None)


def utilisation(flops: float | None, seconds: float, setting: Setting) -> float | None:
    """The part of the peak that a step of so many operations and seconds makes; None where either is unknown."""
    limit = peak(report.gpu(), setting.dtype) if setting.device == "cuda" else None
    return flops / seconds / limit if flops and limit else None
