"""Transforms of version 2 for boxes: their format, the border, and which of them are worth keeping."""

from __future__ import annotations

from typing import Any

import numpy as np

from torchlike.tensor import Tensor
from torchlike.utils._pytree import tree_flatten, tree_unflatten
from torchlike.vision.transforms import draws
from torchlike.vision.transforms.boxes import kept
from torchlike.vision.transforms.v2 import functional as F
from torchlike.vision.transforms.v2.mixing import labels_getter_of
from torchlike.vision.transforms.v2.transform import Transform, chosen, size_of_all
from torchlike.vision.tv_tensors import BoundingBoxes, Mask, wrap

__all__ = ["ClampBoundingBoxes", "ConvertBoundingBoxFormat", "RandomIoUCrop", "SanitizeBoundingBoxes"]


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


class RandomIoUCrop(Transform):
    """A random part in which the middle of a box lies, one of them overlapping enough (https://arxiv.org/abs/1512.02325).

    Args:
        min_scale, max_scale: between which shares of the sides the part has.
        min_aspect_ratio, max_aspect_ratio: between which ratios of width to height.
        sampler_options: intersections over unions of which one is drawn, to be reached; 1 and more: the whole picture.
        trials: how often to try with one of them before another one is drawn.

    Boxes whose middle is outside become zeros, which `SanitizeBoundingBoxes` leaves out. The boxes are read: a barrier.
    """

    shows = ("min_scale", "max_scale", "min_aspect_ratio", "max_aspect_ratio", "options", "trials")

    def __init__(
        self, min_scale: float = 0.3, max_scale: float = 1.0, min_aspect_ratio: float = 0.5,
        max_aspect_ratio: float = 2.0, sampler_options: list[float] | None = None, trials: int = 40,
    ) -> None:  # fmt: skip
        super().__init__()
        self.min_scale = min_scale
        self.max_scale = max_scale
        self.min_aspect_ratio = min_aspect_ratio
        self.max_aspect_ratio = max_aspect_ratio
        self.options = sampler_options or [0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0]
        self.trials = trials

    def check_inputs(self, flat_inputs: list) -> None:
        """TypeError unless there are a picture and boxes."""
        which = [x for x, c in zip(flat_inputs, chosen(flat_inputs), strict=True) if c]
        has_picture = any(not isinstance(x, BoundingBoxes | Mask) for x in which)
        if not has_picture or not any(isinstance(x, BoundingBoxes) for x in flat_inputs):
            raise TypeError(
                f"{type(self).__name__}() requires input sample to contain tensor or PIL images "
                "and bounding boxes. Sample can also contain masks."
            )

    def _part(self, height: int, width: int) -> tuple[int, int, int, int] | None:
        """(left, top, width, height) of a part, or None where it is none."""
        share = self.min_scale + (self.max_scale - self.min_scale) * draws.uniforms(2)
        w, h = int((width * share)[0]), int((height * share)[1])
        if not self.min_aspect_ratio <= w / h <= self.max_aspect_ratio:
            return None
        at = draws.uniforms(2)
        return (int(((width - w) * at)[0]), int(((height - h) * at)[1]), w, h) if w and h else None

    def make_params(self, flat_inputs: list) -> tuple | None:
        """(left, top, width, height, which boxes are inside), or None for the whole picture."""
        height, width = size_of_all(flat_inputs)
        boxes = next(x for x in flat_inputs if isinstance(x, BoundingBoxes))
        x1, y1, x2, y2 = F.convert_bounding_box_format(boxes, new_format="XYXY").detach().cpu().numpy().T
        x, y = (x1 + x2) * np.float32(0.5), (y1 + y2) * np.float32(0.5)
        while True:
            least = self.options[draws.integer(0, len(self.options))]
            if least >= 1.0:
                return None
            for _ in range(self.trials):
                part = self._part(height, width)
                if part is None:
                    continue
                left, top, w, h = part
                right, bottom = left + w, top + h
                inside = (left < x) & (x < right) & (top < y) & (y < bottom)
                if not inside.any():
                    continue
                common = np.clip(np.minimum(x2, right) - np.maximum(x1, left), 0, None) * np.clip(
                    np.minimum(y2, bottom) - np.maximum(y1, top), 0, None
                )
                overlap = common / ((x2 - x1) * (y2 - y1) + w * h - common)
                if overlap[inside].max() >= least:
                    return *part, inside

    def transform(self, inpt: Any, params: Any) -> Any:
        """The part."""
        if params is None:
            return inpt
        left, top, width, height, inside = params
        made = F.crop(inpt, top, left, height, width)
        return wrap(kept(made, inside), like=made) if isinstance(made, BoundingBoxes) else made


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
