"""Pictures of a batch mixed with one another, and their labels with them: MixUp and CutMix."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torchlike as torch
from torchlike.nn.functional import one_hot
from torchlike.tensor import Tensor
from torchlike.utils._pytree import tree_flatten, tree_unflatten
from torchlike.vision.pillow import is_picture
from torchlike.vision.transforms import draws
from torchlike.vision.transforms.v2.transform import Transform, chosen, size_of_all
from torchlike.vision.tv_tensors import BoundingBoxes, Mask

__all__ = ["CutMix", "MixUp"]


def _labels_by_place(inputs: Any) -> Any:
    """The labels of a sample: what comes second, or the entry of a mapping (there) whose key says so."""
    if isinstance(inputs, tuple | list):
        inputs = inputs[1]
    if type(inputs) is Tensor:
        return inputs
    if not isinstance(inputs, Mapping):
        raise ValueError(
            "When using the default labels_getter, the input passed to forward must be a dictionary or a two-tuple "
            f"whose second item is a dictionary or a tensor, but got {inputs} instead."
        )
    keys = [k for k in inputs if k.lower() == "labels"] or [k for k in inputs if "label" in k.lower()]
    if not keys:
        raise ValueError(
            "Could not infer where the labels are in the sample. Try passing a callable as the labels_getter parameter?"
            "If there are no labels in the sample by design, pass labels_getter=None."
        )
    return inputs[keys[0]]


def labels_getter_of(given: Any) -> Callable[[Any], Any]:
    """A function from a sample to its labels, of what an argument `labels_getter` may be."""
    if given == "default":
        return _labels_by_place
    if callable(given):
        return given
    if given is None:
        return lambda _: None
    raise ValueError(f"labels_getter should either be 'default', a callable, or None, but got {given}.")


class _Mixing(Transform):
    """Neighbours in a batch (N, C, H, W) mixed by a share drawn from a Beta distribution.

    Parameters are (share of the labels, what `mixed` needs).
    """

    def __init__(self, *, alpha: float = 1.0, num_classes: int | None = None, labels_getter: Any = "default") -> None:
        super().__init__()
        self.alpha = float(alpha)
        self._beta = torch.distributions.Beta(torch.tensor([self.alpha]), torch.tensor([self.alpha]))
        self.num_classes = num_classes
        self._labels_getter = labels_getter_of(labels_getter)

    def __repr__(self) -> str:
        classes = "" if self.num_classes is None else f", num_classes={self.num_classes}"
        return f"{type(self).__name__}(alpha={self.alpha}{classes})"

    def mixed(self, inpt: Any, parameters: Any) -> Any:
        """A batch of pictures, each mixed with the one before it."""
        raise NotImplementedError(f"{type(self).__name__} is missing mixed")

    def _check_labels(self, labels: Any) -> None:
        if not isinstance(labels, Tensor):
            raise ValueError(f"The labels must be a tensor, but got {type(labels)} instead.")
        if labels.ndim not in (1, 2):
            raise ValueError(
                "labels should be index based with shape (batch_size,) or probability based with shape (batch_size, "
                f"num_classes), but got a tensor of shape {labels.shape} instead."
            )
        if labels.ndim == 2 and self.num_classes is not None and labels.shape[-1] != self.num_classes:
            raise ValueError(
                "When passing 2D labels, the number of elements in last dimension must match num_classes: "
                f"{labels.shape[-1]} != {self.num_classes}. You can Leave num_classes to None."
            )
        if labels.ndim == 1 and self.num_classes is None:
            raise ValueError("num_classes must be passed if the labels are index-based (1D)")

    def _mixed_labels(self, labels: Tensor, share: float) -> Tensor:
        if labels.ndim == 1 and self.num_classes is not None:  # which is checked
            labels = one_hot(labels, num_classes=self.num_classes)
        labels = labels if labels.is_floating_point() else labels.float()
        return labels.roll(1, 0).mul_(1.0 - share).add_(labels.mul(share))

    def forward(self, *inputs: Any) -> Any:
        """The nest, its batch of pictures mixed and its labels (N, num_classes) with it."""
        nest = inputs if len(inputs) > 1 else inputs[0]
        leaves, spec = tree_flatten(nest)
        if any(is_picture(x) or isinstance(x, BoundingBoxes | Mask) for x in leaves):
            raise ValueError(
                f"{type(self).__name__}() does not support PIL images, bounding boxes, keypoints and masks."
            )
        labels = self._labels_getter(nest)
        self._check_labels(labels)
        pictures = chosen(leaves)
        share, parameters = self.make_params([x for x, c in zip(leaves, pictures, strict=True) if c])
        for i, x in enumerate(leaves):
            if x is labels:
                leaves[i] = self._mixed_labels(x, share)
            elif pictures[i]:
                if x.ndim != 4:
                    raise ValueError(f"Expected a batched input with 4 dims, but got {x.ndim} dimensions instead.")
                if len(x) != len(labels):
                    raise ValueError(
                        "The batch size of the image or video does not match the batch size of the labels: "
                        f"{len(x)} != {len(labels)}."
                    )
                leaves[i] = self.mixed(x, parameters)
        return tree_unflatten(leaves, spec)


class MixUp(_Mixing):
    """Each picture of a batch and its label blended with the one before (https://arxiv.org/abs/1710.09412).

    Args:
        alpha: of the Beta distribution from which the share of the picture itself is drawn, one for the batch.
        num_classes: how many there are; needed where labels are numbers of classes (N,).
        labels_getter: from what is passed to its labels; by default the second of a pair, or an entry named so.

    Labels become shares (N, num_classes). Shuffle before: neighbours are mixed.

    >>> import torchlike as torch
    >>> from torchlike.vision.transforms import v2
    >>> x, y = v2.MixUp(num_classes=5)(torch.zeros(2, 3, 4, 4), torch.tensor([1, 4]))
    >>> x.shape, y.shape, y.sum(1).tolist()
    (torch.Size([2, 3, 4, 4]), torch.Size([2, 5]), [1.0, 1.0])
    """

    def make_params(self, flat_inputs: list) -> tuple:
        """The share of the picture itself."""
        share = float(self._beta.sample(()))
        return share, share

    def mixed(self, inpt: Any, parameters: float) -> Any:
        """The blended pictures."""
        made = inpt.roll(1, 0).mul_(1.0 - parameters).add_(inpt.mul(parameters))
        made.__class__ = type(inpt)
        return made


class CutMix(_Mixing):
    """A rectangle of each picture taken from the one before, labels by areas (https://arxiv.org/abs/1905.04899).

    See `MixUp` for the arguments.
    """

    def make_params(self, flat_inputs: list) -> tuple:
        """The share of the picture itself, and the rectangle (left, top, right, bottom)."""
        share = float(self._beta.sample(()))
        height, width = size_of_all(flat_inputs)
        x, y = draws.integer(0, width), draws.integer(0, height)
        half = 0.5 * math.sqrt(1.0 - share)
        across, down = int(half * width), int(half * height)
        left, top = max(x - across, 0), max(y - down, 0)
        right, bottom = min(x + across, width), min(y + down, height)
        return float(1.0 - (right - left) * (bottom - top) / (width * height)), (left, top, right, bottom)

    def mixed(self, inpt: Any, parameters: tuple) -> Any:
        """The pictures with the rectangle in them."""
        left, top, right, bottom = parameters
        made = inpt.clone()
        made[..., top:bottom, left:right] = inpt.roll(1, 0)[..., top:bottom, left:right]
        return made
