"""Calls of torchvision's ops and utils to be compared: each a function of the package and torch that gives tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tests import vision_kit as kit


def boxes(torch: Any, n: int, salt: int, size: float = 20.0) -> Any:
    """`n` boxes inside a square."""
    u = kit.numbers((n, 4), salt) + 0.5
    low, high = u[:, :2] * size * 0.6, u[:, 2:] * size * 0.4 + 0.5
    return torch.from_numpy(np.concatenate([low, low + high], 1).astype(np.float32))


def scores(torch: Any, n: int) -> Any:
    return torch.from_numpy(kit.numbers((n,), 9))


def maps(torch: Any) -> Any:
    return torch.from_numpy(kit.numbers((2, 3, 8, 9), 4))


def rows(torch: Any) -> Any:
    numbers = torch.from_numpy(np.array([[0], [1], [1], [0]], np.float32))
    return torch.cat([numbers, boxes(torch, 4, 6)], 1)


def _gradient(call: Callable) -> Callable:
    """The output and the gradient towards the feature maps."""

    def both(v: Any, torch: Any) -> list:
        x = maps(torch).requires_grad_()
        out = call(v, torch, x)
        out.backward(torch.from_numpy(kit.numbers(tuple(out.shape), 8)))
        return [out.detach(), x.grad]

    return both


def _seeded(call: Callable) -> Callable:
    def drawn(v: Any, torch: Any) -> Any:
        torch.manual_seed(4)
        return [call(v, torch), torch.rand(1)]

    return drawn


def _filled(make: Callable, shape: tuple) -> Callable:
    def applied(v: Any, torch: Any) -> Any:
        return kit.fill(torch, make(v, torch))(torch.from_numpy(kit.numbers(shape, 5))).detach()

    return applied


CALLS: dict[str, Callable] = {
    "nms": lambda v, torch: v.ops.nms(boxes(torch, 30, 1), scores(torch, 30), 0.3),
    "batched_nms": lambda v, torch: v.ops.batched_nms(
        boxes(torch, 30, 1), scores(torch, 30), torch.arange(30) % 3, 0.3
    ),
    "box_area": lambda v, torch: v.ops.box_area(boxes(torch, 5, 2)),
    "box_iou": lambda v, torch: v.ops.box_iou(boxes(torch, 5, 2), boxes(torch, 4, 3)),
    "generalized_box_iou": lambda v, torch: v.ops.generalized_box_iou(boxes(torch, 5, 2), boxes(torch, 4, 3)),
    "distance_box_iou": lambda v, torch: v.ops.distance_box_iou(boxes(torch, 5, 2), boxes(torch, 4, 3)),
    "complete_box_iou": lambda v, torch: v.ops.complete_box_iou(boxes(torch, 5, 2), boxes(torch, 4, 3)),
    "clip_boxes_to_image": lambda v, torch: v.ops.clip_boxes_to_image(boxes(torch, 5, 2) - 3, (9, 11)),
    "remove_small_boxes": lambda v, torch: v.ops.remove_small_boxes(boxes(torch, 9, 2), 4.0),
    **{
        f"box_convert {a} {b}": lambda v, torch, a=a, b=b: v.ops.box_convert(boxes(torch, 3, 2), a, b)
        for a in ("xyxy", "xywh", "cxcywh") for b in ("xyxy", "xywh", "cxcywh")
    },
    "masks_to_boxes": lambda v, torch: v.ops.masks_to_boxes(maps(torch)[0] > 0.4),
    "roi_align": _gradient(lambda v, torch, x: v.ops.roi_align(x, rows(torch), (3, 2), 0.4, 2)),
    "roi_align adaptive": _gradient(lambda v, torch, x: v.ops.roi_align(x, rows(torch), 3, 0.5, -1, True)),
    "roi_align list": _gradient(
        lambda v, torch, x: v.ops.roi_align(x, [boxes(torch, 1, 6), boxes(torch, 2, 7)], 2, 0.7)
    ),
    "roi_pool": _gradient(lambda v, torch, x: v.ops.roi_pool(x, rows(torch), (3, 2), 0.4)),
    "sigmoid_focal_loss": lambda v, torch: v.ops.sigmoid_focal_loss(
        scores(torch, 6) * 4, (scores(torch, 6) > 0).float(), reduction="mean"
    ),
    "stochastic_depth row": _seeded(lambda v, torch: v.ops.stochastic_depth(maps(torch), 0.4, "row")),
    "stochastic_depth batch": _seeded(lambda v, torch: v.ops.StochasticDepth(0.4, "batch")(maps(torch))),
    "drop_block2d": _seeded(lambda v, torch: v.ops.DropBlock2d(0.3, 3)(maps(torch))),
    "FrozenBatchNorm2d": _filled(lambda v, torch: v.ops.FrozenBatchNorm2d(3), (2, 3, 4, 4)),
    "Conv2dNormActivation": _filled(
        lambda v, torch: v.ops.Conv2dNormActivation(3, 4, (3, 5), dilation=2, activation_layer=torch.nn.SiLU),
        (1, 3, 7, 6),
    ),
    "SqueezeExcitation": _filled(lambda v, torch: v.ops.SqueezeExcitation(4, 2), (2, 4, 3, 3)),
    "MLP": _filled(lambda v, torch: v.ops.MLP(4, [5, 3], torch.nn.LayerNorm, torch.nn.GELU, dropout=0.1), (2, 4)),
    "make_grid": lambda v, torch: v.utils.make_grid(torch.from_numpy(kit.numbers((5, 3, 4, 3), 1)), 3, pad_value=0.2),
    "make_grid normalized": lambda v, torch: v.utils.make_grid(
        torch.from_numpy(kit.numbers((3, 1, 4, 3), 1)), 2, 1, normalize=True, scale_each=True
    ),
    "make_grid range": lambda v, torch: v.utils.make_grid(
        torch.from_numpy(kit.numbers((3, 1, 4, 3), 1)), normalize=True, value_range=(-0.2, 0.3)
    ),
    "draw_bounding_boxes": lambda v, torch: v.utils.draw_bounding_boxes(
        _canvas(torch), boxes(torch, 3, 2, 24.0), colors=["red", "#00ff80", (1, 2, 3)], width=2
    ),
    "draw_bounding_boxes filled": lambda v, torch: v.utils.draw_bounding_boxes(
        _canvas(torch), boxes(torch, 3, 2, 24.0), fill=True
    ),
    "draw_segmentation_masks": lambda v, torch: v.utils.draw_segmentation_masks(
        _canvas(torch), torch.from_numpy(kit.numbers((2, 24, 26), 3) > 0.1), 0.6, ["red", "blue"]
    ),
}  # fmt: skip


def _canvas(torch: Any) -> Any:
    return torch.from_numpy(np.ascontiguousarray(kit.picture(24, 26, 3, 2).transpose(2, 0, 1)))


def plain(x: Any) -> Iterator[np.ndarray]:
    """All arrays in an answer."""
    if isinstance(x, tuple | list):
        for part in x:
            yield from plain(part)
    else:
        yield x.numpy()
