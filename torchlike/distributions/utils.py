"""Helpers of torch.distributions: parameters of one shape, probabilities and logits, attributes computed when asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchlike.tensor import Tensor

euler_constant = 0.57721566490153286060


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Tensors and numbers as tensors of one shape; ValueError for anything else."""
    import torchlike as torch

    if not all(isinstance(v, Tensor | int | float | complex) for v in values):
        raise ValueError("Input arguments must all be instances of Number, torch.Tensor or objects implementing "
                         "__torch_function__.")  # fmt: skip
    first = next((v for v in values if isinstance(v, Tensor)), None)
    dtype = torch.get_default_dtype() if first is None else first.dtype
    device = None if first is None else first.device
    tensors = [v if isinstance(v, Tensor) else torch.tensor(v, dtype=dtype, device=device) for v in values]
    shape = torch.broadcast_shapes(*[t.shape for t in tensors])
    return tuple([t if t.shape == shape else t.expand(shape) for t in tensors])


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities kept away from 0 and 1, so that their logarithms are finite."""
    import torchlike as torch

    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities from logarithms of odds, or from logarithms that need not be normalised."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """The way back from `logits_to_probs`."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


class lazy_property:
    """An attribute that is computed when it is first asked for, and then kept."""

    def __init__(self, wrapped: Callable):
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__
        self.__name__ = wrapped.__name__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        from torchlike.core.graph import enable_grad

        with enable_grad():
            value = self.wrapped(instance)
        instance.__dict__[self.__name__] = value
        return value
