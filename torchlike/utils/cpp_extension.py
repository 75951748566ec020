"""torch.utils.cpp_extension: extensions in C++ and CUDA, which cannot be loaded here. Calls raise."""

from __future__ import annotations

import os
from typing import Any

from torchlike import absent as _absent

_absent.fill(
    globals(), "extensions compiled against PyTorch cannot be loaded here; use JAX, jax.ffi for C++",
    functions="load load_inline CppExtension CUDAExtension include_paths library_paths verify_ninja_availability",
    kinds="BuildExtension",
)  # fmt: skip
CUDA_HOME: str | None = os.environ.get("CUDA_HOME")
ROCM_HOME: str | None = None
IS_HIP_EXTENSION = False


def is_ninja_available() -> bool:
    """False: nothing is built here."""
    return False


def check_compiler_is_gcc(compiler: Any) -> bool:
    """False: nothing is built here."""
    return False
