"""Transforms of version 2 for boxes: their format, the border, and which of them are worth keeping."""

from __future__ import annotations

from typing import Any

from torchlike.tensor import Tensor
from torchlike.utils._pytree import tree_flatten, tree_unflatten
from torchlike.vision.transforms.v2 import functional as F
from torchlike.vision.transforms.v2.mixing import labels_getter_of
from torchlike.vision.transforms.v2.transform import Transform
from torchlike.vision.tv_tensors import BoundingBoxes, Mask, wrap

__all__ = ["ClampBoundingBoxes", "ConvertBoundingBoxFormat", "SanitizeBoundingBoxes"]


class ConvertBoundingBoxFormat(Transform):
    """Boxes in another format, "XYXY", "XYWH" or "CXCYWH"."""

    shows = ("format",)

    def __init__(self, format: Any) -> None:
        super().__init__()
        self.format = format

    def transform(self, inpt: Any, params: Any) -> Any:
        """The boxes in the format; everything else passes."""
        return F.convert_bounding_box_format(inpt, new_format=self.format) if isinstance(inpt, BoundingBoxes) else inpt


class ClampBoundingBoxes(Transform):
    """Boxes cut off at the border; `clamping_mode` None leaves them, "auto" does what theirs says."""

    shows = ("clamping_mode",)

    def __init__(self, clamping_mode: str | None = "auto") -> None:
        super().__init__()
        self.clamping_mode = clamping_mode

    def transform(self, inpt: Any, params: Any) -> Any:
        """The boxes, cut off; everything else passes."""
        if not isinstance(inpt, BoundingBoxes):
            return inpt
        return F.clamp_bounding_boxes(inpt, clamping_mode=self.clamping_mode)


class SanitizeBoundingBoxes(Transform):
    """Leaves out boxes that are too small or not in the picture, with their labels and masks.

    Args:
        min_size: the smallest side, in pixels.
        min_area: the smallest area.
        labels_getter: from what is passed to its labels, a tensor or several, with one row for each box; by default
            the second of a pair, or an entry named so; None where there are none.

    How many boxes are left depends on their values, which are read: a barrier.
    """

    shows = ("min_size", "min_area", "labels_getter")

    def __init__(self, min_size: float = 1.0, min_area: float = 1.0, labels_getter: Any = "default") -> None:
        super().__init__()
        for name, value in (("min_size", min_size), ("min_area", min_area)):
            if value < 1:
                raise ValueError(f"{name} must be >= 1, got {value}.")
        self.min_size = min_size
        self.min_area = min_area
        self.labels_getter = labels_getter
        self._labels_getter = labels_getter_of(labels_getter)

    def _valid(self, boxes: BoundingBoxes) -> Tensor:
        b = F.convert_bounding_box_format(boxes, new_format="XYXY")
        height, width = boxes.canvas_size
        x1, y1, x2, y2 = (b[:, i] for i in range(4))
        w, h = x2 - x1, y2 - y1
        large = (w >= self.min_size) & (h >= self.min_size) & (w * h >= self.min_area)
        return large & (b >= 0).all(dim=-1) & (x1 <= width) & (x2 <= width) & (y1 <= height) & (y2 <= height)

    def forward(self, *inputs: Any) -> Any:
        """The nest without them."""
        nest = inputs if len(inputs) > 1 else inputs[0]
        labels = self._labels_getter(nest)
        listed = list(labels) if isinstance(labels, tuple | list) else [] if labels is None else [labels]
        for label in listed:
            if not isinstance(label, Tensor):
                raise ValueError(
                    f"The labels in the input to forward() must be a tensor or None, got {type(label)} instead."
                )
        leaves, spec = tree_flatten(nest)
        boxes = next((x for x in leaves if isinstance(x, BoundingBoxes)), None)
        if boxes is None:
            raise ValueError("No bounding boxes were found in the sample")
        for label in listed:
            if boxes.shape[0] != label.shape[0]:
                raise ValueError(
                    f"Number of boxes (shape={boxes.shape}) and must match the number of labels."
                    f"Found labels with shape={label.shape})."
                )
        valid = self._valid(boxes)
        for i, x in enumerate(leaves):
            if any(x is label for label in listed):
                leaves[i] = x[valid]
            elif isinstance(x, BoundingBoxes) or (isinstance(x, Mask) and x.shape[0] == len(valid)):
                leaves[i] = wrap(x[valid], like=x)
        return tree_unflatten(leaves, spec)
