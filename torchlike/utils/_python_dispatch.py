"""torch.utils._python_dispatch: modes that see every operation. Entering one raises, see torch.overrides."""

from __future__ import annotations

from typing import Any


class TorchDispatchMode:
    """A block in which `__torch_dispatch__` of this object sees every operation. Entering it raises."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise NotImplementedError

    def __enter__(self) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__}(): operations here do not pass through __torch_dispatch__; see torchlike.explain"
        )

    def __exit__(self, *exc: Any) -> None:
        pass


def is_traceable_wrapper_subclass(t: Any) -> bool:
    """False: there are no such subclasses here."""
    return False
