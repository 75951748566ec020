"""torch._inductor.config: settings of PyTorch's code generator. Kept; they steer a compiler that is not here."""

from __future__ import annotations

import types
from typing import Any

max_autotune = False
max_autotune_gemm = False
coordinate_descent_tuning = False
coordinate_descent_check_all_directions = False
epilogue_fusion = True
fx_graph_cache = True
conv_1x1_as_mm = False
force_fuse_int_mm_with_mul = False
use_mixed_mm = False
freezing = False
shape_padding = True
debug = False
compile_threads = 1
cpp: Any = types.SimpleNamespace(threads=-1, simdlen=None)
triton: Any = types.SimpleNamespace(cudagraphs=False, unique_kernel_names=False, cudagraph_trees=True)
trace: Any = types.SimpleNamespace(enabled=False)
