"""The mathematics: pure functions on JAX arrays, grouped as PyTorch's documentation groups them.

Importing this package files every operation in `core.op.TABLE`.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
