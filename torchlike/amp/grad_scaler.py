"""torch.amp.GradScaler: the loss is scaled up so that float16 gradients do not vanish, the gradients down again."""

from __future__ import annotations

import warnings
from collections import defaultdict
from enum import Enum
from typing import Any

from torchlike.core import device as _device
from torchlike.core.graph import no_grad
from torchlike.tensor import Tensor

__all__ = ["GradScaler", "OptState"]


class OptState(Enum):
    """How far the scaler is with an optimizer in this iteration."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


def _fresh() -> dict[str, Any]:
    return {"stage": OptState.READY, "found_inf": {}}


class GradScaler:
    """Scales the loss, unscales the gradients, and leaves out steps whose gradients are infinite or NaN.

    After each left-out step the scale is multiplied by `backoff_factor`, after `growth_interval` steps without one by
    `growth_factor`. `step()` reads whether the gradients are finite (a barrier), as PyTorch does.

    Args:
        device: "cuda", "cpu" or "tpu". On "cuda" without a GPU the scaler switches itself off, with a warning.
        init_scale: the scale to begin with.
        growth_factor, backoff_factor, growth_interval: how it changes.
        enabled: False makes every method hand its argument through.

    >>> import torchlike as torch
    >>> w = torch.ones(1, requires_grad=True)
    >>> optimizer, scaler = torch.optim.SGD([w], lr=1.0), torch.amp.GradScaler("cpu", init_scale=8.0)
    >>> scaler.scale(w.sum()).backward()
    >>> w.grad
    tensor([8.])
    >>> _ = scaler.step(optimizer)
    >>> scaler.update()
    >>> w
    tensor([0.], requires_grad=True)
    """

    def __init__(
        self, device: str = "cuda", init_scale: float = 2.0**16, growth_factor: float = 2.0,
        backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        self._device = device
        self._enabled = enabled
        if enabled and device == "cuda" and not _device.available("cuda"):
            warnings.warn(
                "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.",
                UserWarning,
                stacklevel=2,
            )
            self._enabled = False
        if self._enabled:
            if growth_factor <= 1.0:
                raise AssertionError("The growth factor must be > 1.0.")
            if backoff_factor >= 1.0:
                raise AssertionError("The backoff factor must be < 1.0.")
            self._init_scale = init_scale
            self._scale: Tensor | None = None
            self._growth_factor = growth_factor
            self._backoff_factor = backoff_factor
            self._growth_interval = growth_interval
            self._growth_tracker = 0
            self._per_optimizer: dict[int, dict[str, Any]] = defaultdict(_fresh)

    def scale(self, outputs: Any) -> Any:
        """The loss, or a nest of losses, multiplied by the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._tensor().to(outputs.device)
        if isinstance(outputs, list | tuple):
            parts = [self.scale(x) for x in outputs]
            return type(outputs)(*parts) if hasattr(outputs, "_fields") else type(outputs)(parts)
        if hasattr(outputs, "__iter__"):
            return map(self.scale, outputs)
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def _tensor(self) -> Tensor:
        if self._scale is None:
            from torchlike.creation import full

            self._scale = full((), float(self._init_scale), device=self._device)
        return self._scale

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of the optimizer's parameters by the scale, in place; for clipping before `step`."""
        if not self._enabled:
            return
        state = self._per_optimizer[id(optimizer)]
        if state["stage"] is OptState.UNSCALED:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        if self._scale is None:
            raise AssertionError("Attempted unscale_ but _scale is None. This may indicate your script did not use "
                                 "scaler.scale(loss or outputs) earlier in the iteration.")  # fmt: skip
        state["found_inf"] = self._unscale_grads(optimizer)
        state["stage"] = OptState.UNSCALED

    def _unscale_grads(self, optimizer: Any, allow_fp16: bool = False) -> dict[Any, Tensor]:
        from torchlike import float16

        found: dict[Any, Tensor] = {}
        with no_grad():
            inverse = self._tensor().double().reciprocal().float()
            for group in optimizer.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    if not allow_fp16 and p.grad.dtype is float16:
                        raise ValueError("Attempting to unscale FP16 gradients.")
                    bad = (~p.grad.isfinite()).any().float()
                    home = p.grad.device
                    found[home] = bad if home not in found else found[home].maximum(bad)
                    p.grad.mul_(inverse.to(home))
        return found

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Unscale if that was not done, and `optimizer.step(...)` unless a gradient is infinite or NaN."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        state = self._per_optimizer[id(optimizer)]
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if state["stage"] is OptState.READY:
            self.unscale_(optimizer)
        if not state["found_inf"]:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        result = None
        if not sum(bad.item() for bad in state["found_inf"].values()):
            result = optimizer.step(*args, **kwargs)
        state["stage"] = OptState.STEPPED
        return result

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Set the scale for the next iteration: `new_scale`, or what the found infinities say."""
        if not self._enabled:
            return
        scale = self._tensor()
        if new_scale is not None:
            if isinstance(new_scale, Tensor):
                if new_scale.numel() != 1 or new_scale.requires_grad:
                    raise AssertionError("new_scale should be a float or a 1-element torch.FloatTensor with "
                                         "requires_grad=False.")  # fmt: skip
                scale.copy_(new_scale)
            else:
                scale.fill_(new_scale)
        else:
            found = [bad for state in self._per_optimizer.values() for bad in state["found_inf"].values()]
            if not found:
                raise AssertionError("No inf checks were recorded prior to update.")
            if any(bad.item() for bad in found):
                scale.mul_(self._backoff_factor)
                self._growth_tracker = 0
            else:
                self._growth_tracker += 1
                if self._growth_tracker == self._growth_interval:
                    grown = float(scale.item()) * self._growth_factor
                    if grown < float("inf"):
                        scale.fill_(grown)
                    self._growth_tracker = 0
        self._per_optimizer = defaultdict(_fresh)

    def get_scale(self) -> float:
        """The scale (a barrier); 1.0 if not enabled."""
        if not self._enabled:
            return 1.0
        return float(self._init_scale) if self._scale is None else self._scale.item()

    def get_growth_factor(self) -> float:
        """What the scale is multiplied by after a time without infinities."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what `get_growth_factor` returns."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied by after an infinity."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what `get_backoff_factor` returns."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many steps without infinities the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set what `get_growth_interval` returns."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """Scale, factors, interval and counter; empty if not enabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(), "growth_factor": self._growth_factor, "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval, "_growth_tracker": self._growth_tracker,
        }  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from what `state_dict` returned, here or in PyTorch."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._init_scale = state_dict["scale"]
        if self._scale is not None:
            self._scale.fill_(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]
