"""The mathematics: pure functions on JAX arrays, grouped as PyTorch's documentation groups them.

Importing this package files every operation in `core.op.TABLE`.
"""

import importlib
import pkgutil

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def __getattr__(name: str):
    """`torch.ops.<namespace>`: operations that `torch.library` made."""
    if name.startswith("__"):
        raise AttributeError(name)
    from torchlike import library

    if name in ("load_library", "loaded_libraries"):
        return set() if name == "loaded_libraries" else _load_library
    return library.namespace(name)


def _load_library(path: str) -> None:
    raise NotImplementedError(f"torch.ops.load_library({path!r}): compiled extensions of PyTorch cannot be loaded here")
