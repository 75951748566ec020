"""torch.onnx.operators: sizes as tensors."""

from __future__ import annotations

from typing import Any


def shape_as_tensor(x: Any) -> Any:
    """The shape of a tensor as a tensor of int64."""
    from torchlike import tensor

    return tensor(list(x.shape))


def reshape_from_tensor_shape(x: Any, shape: Any) -> Any:
    """A tensor in the shape that another tensor holds (a barrier)."""
    return x.reshape(shape.tolist())
