"""torch._dynamo.config: settings of PyTorch's capture machinery. Kept, so that scripts may set and read them.

They steer a compiler that is not here: none changes what `torch.compile` does.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

suppress_errors = False
cache_size_limit = 8
recompile_limit = 8
accumulated_cache_size_limit = 256
accumulated_recompile_limit = 256
verbose = False
dynamic_shapes = True
assume_static_by_default = True
automatic_dynamic_shapes = True
capture_scalar_outputs = False
capture_dynamic_output_shape_ops = False
optimize_ddp: Any = True
inline_inbuilt_nn_modules = True
guard_nn_modules = True
log_level: Any = None
specialize_int = False
force_parameter_static_shapes = True
compiled_autograd = False
disable = False


@contextlib.contextmanager
def patch(*args: Any, **changes: Any):
    """A block with other settings: `patch("verbose", True)`, `patch(verbose=True)` or `patch({"verbose": True})`."""
    if args:
        changes = {**(args[0] if isinstance(args[0], dict) else {args[0]: args[1]}), **changes}
    module = sys.modules[__name__]
    before = {name: getattr(module, name) for name in changes}
    for name, value in changes.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
