"""torch.classes: classes from compiled extensions of PyTorch. There can be none here."""

from __future__ import annotations

from typing import Any

from torchlike import absent as _absent

load_library = _absent.function("torch.classes.load_library", "compiled extensions of PyTorch cannot be loaded here")
loaded_libraries: set[str] = set()


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    raise RuntimeError(
        f"Tried to instantiate class '{name}', but it does not exist: compiled extensions of PyTorch cannot be "
        "loaded here"
    )
