"""torch.autograd.grad_mode: the blocks and decorators that switch what is noted for the backward pass."""

from __future__ import annotations

from torchlike.core.grad_mode import GradMode as _GradMode
from torchlike.core.grad_mode import enable_grad as enable_grad
from torchlike.core.grad_mode import inference_mode as inference_mode
from torchlike.core.grad_mode import no_grad as no_grad
from torchlike.core.grad_mode import set_grad_enabled as set_grad_enabled

__all__ = ["enable_grad", "enforce_grad_layout_policy", "inference_mode", "no_grad", "set_grad_enabled",
           "set_multithreading_enabled"]  # fmt: skip


class set_multithreading_enabled(_GradMode):
    """Accepted: the backward pass is recorded by one thread, and XLA runs what was recorded as it sees fit."""

    def __init__(self, mode: bool):
        self.mode = mode

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass

    def clone(self) -> set_multithreading_enabled:
        """A fresh block of the same kind."""
        return set_multithreading_enabled(self.mode)


class enforce_grad_layout_policy(set_multithreading_enabled):
    """Accepted: the layout of arrays is XLA's business, so a gradient has its tensor's."""

    def __init__(self, enable: bool = True):
        super().__init__(enable)


class _force_original_view_tracking(set_multithreading_enabled):
    """Accepted: views are always followed through their parents here."""
