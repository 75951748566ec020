"""How a row is trained: Adam, or AdamW with the norm of all gradients clipped, in each library's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """Adam at rate `lr`; AdamW where there is `decay`; gradients clipped to the norm `clip` where there is one."""

    lr: float = 1e-3
    decay: float = 0.0
    clip: float | None = None

    def torch(self, lib: Any, parameters: list) -> Any:
        """The optimizer of torchlike or PyTorch. Clipping is a line of the training step there."""
        if self.decay:
            return lib.optim.AdamW(parameters, lr=self.lr, weight_decay=self.decay)
        return lib.optim.Adam(parameters, lr=self.lr)

    def optax(self) -> Any:
        """The gradient transformation, clipping included."""
        import optax

        adam = optax.adamw(self.lr, weight_decay=self.decay) if self.decay else optax.adam(self.lr)
        return optax.chain(optax.clip_by_global_norm(self.clip), adam) if self.clip else adam


ADAM = Recipe()
CLIPPED_ADAMW = Recipe(decay=0.1, clip=1.0)
