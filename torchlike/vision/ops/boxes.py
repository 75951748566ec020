"""Boxes: tensors (N, 4) of x1, y1, x2, y2 unless said otherwise."""

from __future__ import annotations

import numpy as np

import torchlike as torch
from torchlike.tensor import Tensor

__all__ = [
    "batched_nms", "box_area", "box_convert", "box_iou", "clip_boxes_to_image", "complete_box_iou", "distance_box_iou",
    "generalized_box_iou", "masks_to_boxes", "nms", "remove_small_boxes",
]  # fmt: skip


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """The indices of the boxes that stay, best score first (reads the values: a barrier).

    A box goes if one of a better score that stays overlaps it with an intersection over union above the threshold.

    >>> import torchlike as torch
    >>> from torchlike.vision.ops import nms
    >>> boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]])
    >>> nms(boxes, torch.tensor([0.5, 0.9, 0.1]), 0.5)
    tensor([1, 2])
    """
    if boxes.dim() != 2:
        raise RuntimeError(f"boxes should be a 2d tensor, got {boxes.dim()}D")
    if boxes.shape[1] != 4:
        raise RuntimeError(f"boxes should have 4 elements in dimension 1, got {boxes.shape[1]}")
    if scores.dim() != 1:
        raise RuntimeError(f"scores should be a 1d tensor, got {scores.dim()}D")
    if len(boxes) != len(scores):
        raise RuntimeError(
            "boxes and scores should have same number of elements in dimension 0, got "
            f"{len(boxes)} and {len(scores)}"
        )
    b, s = boxes.detach().cpu().numpy(), scores.detach().cpu().numpy()
    area = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    order = np.argsort(-s, kind="stable")
    kept = []
    while order.size:
        best, order = order[0], order[1:]
        kept.append(best)
        low, high = np.maximum(b[best, :2], b[order, :2]), np.minimum(b[best, 2:], b[order, 2:])
        common = np.maximum(high - low, 0).prod(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            overlap = common / (area[best] + area[order] - common)
        order = order[~(overlap > iou_threshold)]
    return torch.from_numpy(np.array(kept, np.int64)).to(boxes.device)


def batched_nms(boxes: Tensor, scores: Tensor, idxs: Tensor, iou_threshold: float) -> Tensor:
    """`nms` for each class in `idxs` by itself; the indices of all that stay, best score first."""
    if boxes.numel() == 0:
        return torch.empty((0,), dtype=torch.int64, device=boxes.device)
    numbers, values = idxs.detach().cpu().numpy(), scores.detach().cpu().numpy()
    kept = []
    for number in np.unique(numbers):
        at = np.flatnonzero(numbers == number)
        places = torch.from_numpy(at)
        kept.append(at[nms(boxes[places], scores[places], iou_threshold).cpu().numpy()])
    all_kept = np.sort(np.concatenate(kept))
    return torch.from_numpy(all_kept[np.argsort(-values[all_kept], kind="stable")]).to(boxes.device)


def _wide(boxes: Tensor) -> Tensor:
    """In a type in which a product does not overflow."""
    if boxes.is_floating_point():
        return boxes if boxes.dtype in (torch.float32, torch.float64) else boxes.float()
    return boxes if boxes.dtype in (torch.int32, torch.int64) else boxes.int()


def box_area(boxes: Tensor) -> Tensor:
    """The areas (N,)."""
    boxes = _wide(boxes)
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def _common(boxes1: Tensor, boxes2: Tensor) -> tuple[Tensor, Tensor]:
    """Intersections and unions (N, M)."""
    low = torch.max(boxes1[:, None, :2], boxes2[None, :, :2])
    high = torch.min(boxes1[:, None, 2:], boxes2[None, :, 2:])
    size = _wide(high - low).clamp(min=0)
    common = size[..., 0] * size[..., 1]
    return common, box_area(boxes1)[:, None] + box_area(boxes2) - common


def box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Intersection over union of every pair, (N, M)."""
    common, union = _common(boxes1, boxes2)
    return common / union


def _hull(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Width and height (N, M, 2) of the smallest box around every pair."""
    low = torch.min(boxes1[:, None, :2], boxes2[None, :, :2])
    high = torch.max(boxes1[:, None, 2:], boxes2[None, :, 2:])
    return _wide(high - low).clamp(min=0)


def generalized_box_iou(boxes1: Tensor, boxes2: Tensor) -> Tensor:
    """Intersection over union less the empty share of the box around both (https://arxiv.org/abs/1902.09630)."""
    common, union = _common(boxes1, boxes2)
    hull = _hull(boxes1, boxes2)
    area = hull[..., 0] * hull[..., 1]
    return common / union - (area - union) / area


def distance_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """Intersection over union less the centres' distance, squared, in diagonals (https://arxiv.org/abs/1911.08287)."""
    hull = _hull(boxes1, boxes2)
    diagonal = (hull**2).sum(-1) + eps
    centres1, centres2 = ((b[:, :2] + b[:, 2:]) / 2 for b in (boxes1, boxes2))
    return box_iou(boxes1, boxes2) - ((centres1[:, None] - centres2[None]) ** 2).sum(-1) / diagonal


def complete_box_iou(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> Tensor:
    """`distance_box_iou` less a term for different proportions (https://arxiv.org/abs/1911.08287)."""
    iou, distance = box_iou(boxes1, boxes2), distance_box_iou(boxes1, boxes2, eps)
    angles = [torch.atan((b[:, 2] - b[:, 0]) / (b[:, 3] - b[:, 1])) for b in (boxes1, boxes2)]
    v = (4 / torch.pi**2) * (angles[0][:, None] - angles[1][None]) ** 2
    with torch.no_grad():
        alpha = v / (1 - iou + v + eps)
    return distance - alpha * v


def clip_boxes_to_image(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """The boxes with what lies outside a picture of (height, width) cut off."""
    height, width = size
    x, y = boxes[..., 0::2].clamp(min=0, max=width), boxes[..., 1::2].clamp(min=0, max=height)
    return torch.stack((x, y), dim=boxes.dim()).reshape(boxes.shape)


def remove_small_boxes(boxes: Tensor, min_size: float) -> Tensor:
    """The indices of the boxes with both sides at least `min_size` long."""
    keep = (boxes[:, 2] - boxes[:, 0] >= min_size) & (boxes[:, 3] - boxes[:, 1] >= min_size)
    return torch.where(keep)[0]


_FORMATS = ("xyxy", "xywh", "cxcywh")


def box_convert(boxes: Tensor, in_fmt: str, out_fmt: str) -> Tensor:
    """Boxes in another format: xyxy (two corners), xywh (corner and size), cxcywh (centre and size).

    >>> import torchlike as torch
    >>> from torchlike.vision.ops import box_convert
    >>> box_convert(torch.tensor([[0.0, 0.0, 2.0, 4.0]]), "xyxy", "cxcywh")
    tensor([[1., 2., 2., 4.]])
    """
    if in_fmt not in _FORMATS or out_fmt not in _FORMATS:
        raise ValueError(f"Unsupported Bounding Box Conversions for given in_fmt {in_fmt} and out_fmt {out_fmt}")
    if in_fmt == out_fmt:
        return boxes.clone()
    first, second = boxes[..., :2], boxes[..., 2:]
    if in_fmt == "xywh":
        second = first + second
    elif in_fmt == "cxcywh":
        first, second = first - 0.5 * second, first + 0.5 * second
    if out_fmt == "xywh":
        second = second - first
    elif out_fmt == "cxcywh":
        first, second = (first + second) / 2, second - first
    return torch.cat([first, second], dim=-1)


def masks_to_boxes(masks: Tensor) -> Tensor:
    """The boxes (N, 4) around what is not zero in masks (N, H, W) (reads the values: a barrier)."""
    made = np.zeros((masks.shape[0], 4), np.float32)
    for i, mask in enumerate(masks.detach().cpu().numpy()):
        y, x = np.nonzero(mask)
        if not len(x):
            raise RuntimeError(f"mask {i} is empty, so there is no box around it")
        made[i] = x.min(), y.min(), x.max(), y.max()
    return torch.from_numpy(made).to(masks.device)
