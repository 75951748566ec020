"""Tensors that say what they are, so that transforms of version 2 know what to do with them: torchvision.tv_tensors.

    boxes = tv_tensors.BoundingBoxes([[2, 1, 8, 5]], format="XYXY", canvas_size=(12, 15))
    picture, boxes, mask = v2.RandomHorizontalFlip()(picture, boxes, tv_tensors.Mask(mask))

Operations on them give plain tensors; `clone`, `to`, `detach` and `requires_grad_` keep the kind, as transforms do.
"""

from __future__ import annotations

import enum
from typing import Any

import torchlike as torch
from torchlike.tensor import Tensor
from torchlike.vision.pillow import is_picture

__all__ = ["BoundingBoxFormat", "BoundingBoxes", "Image", "Mask", "TVTensor", "is_rotated_bounding_format", "wrap"]


class TVTensor(Tensor):
    """The base of all of them."""

    def __new__(cls, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool | None = None) -> Any:
        return of_kind(cls, _tensor(data, dtype, device, requires_grad))

    @classmethod
    def wrap(cls, tensor: Tensor, like: Any, **kwargs: Any) -> Any:
        """`tensor`, a plain one, as of this kind."""
        return tensor.as_subclass(cls)

    def _kept(self, made: Tensor) -> Any:
        if type(made) is Tensor:  # a new one
            made.__class__ = type(self)
            made.__dict__.update({name: v for name, v in self.__dict__.items() if not name.startswith("_")})
        return made

    def clone(self, *args: Any, **kwargs: Any) -> Any:
        """A copy of the same kind."""
        return self._kept(super().clone(*args, **kwargs))

    def detach(self) -> Any:
        """The same memory outside the graph, of the same kind."""
        return self._kept(super().detach())

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """`Tensor.to`, of the same kind."""
        return self._kept(super().to(*args, **kwargs))

    def _shown(self, **facts: Any) -> str:
        return f"{super().__repr__()[:-1]}, {', '.join(f'{name}={fact}' for name, fact in facts.items())})"


def _tensor(data: Any, dtype: Any, device: Any, requires_grad: bool | None) -> Tensor:
    """`data`, a Pillow image too, as a tensor; one that is given shares its memory."""
    if is_picture(data):
        from torchlike.vision.transforms.functional import pil_to_tensor

        data = pil_to_tensor(data)
    if requires_grad is None:
        requires_grad = isinstance(data, Tensor) and data.requires_grad
    return torch.as_tensor(data, dtype=dtype, device=device).requires_grad_(requires_grad)


def of_kind(kind: Any, tensor: Tensor, **facts: Any) -> Any:
    """The same memory under this kind."""
    made = tensor.as_subclass(kind)
    made.__dict__.update(facts)
    return made


class Image(TVTensor):
    """A picture (..., C, H, W); of (H, W) or a Pillow image too.

    >>> import torchlike as torch
    >>> from torchlike.vision import tv_tensors
    >>> tv_tensors.Image(torch.zeros(4, 5)).shape
    torch.Size([1, 4, 5])
    """

    def __new__(cls, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool | None = None) -> Any:
        tensor = _tensor(data, dtype, device, requires_grad)
        if tensor.ndim < 2:
            raise ValueError(f"Tensor must be 2D or higher, got {tensor.ndim}D tensor.")
        return of_kind(cls, tensor.unsqueeze(0) if tensor.ndim == 2 else tensor)

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return self._shown()


class Mask(TVTensor):
    """Which object, or what kind of thing, each pixel shows: (..., H, W). Never interpolated, never recoloured."""


class BoundingBoxFormat(enum.Enum):
    """What the four numbers of a box are. The rotated formats can be named; nothing works on them here."""

    XYXY = "XYXY"
    XYWH = "XYWH"
    CXCYWH = "CXCYWH"
    XYWHR = "XYWHR"
    CXCYWHR = "CXCYWHR"
    XYXYXYXY = "XYXYXYXY"


_ROTATED = ("XYWHR", "CXCYWHR", "XYXYXYXY")


def is_rotated_bounding_format(format: BoundingBoxFormat | str) -> bool:
    """Whether boxes of this format have an angle."""
    if isinstance(format, BoundingBoxFormat):
        format = format.value
    if not isinstance(format, str):
        raise ValueError(f"format should be str or BoundingBoxFormat, got {type(format)}")
    return format in _ROTATED


class BoundingBoxes(TVTensor):
    """Boxes (N, 4) in a picture of `canvas_size` (height, width).

    Args:
        format: "XYXY" (corners), "XYWH" (corner and size) or "CXCYWH" (centre and size).
        clamping_mode: "soft" or "hard": transforms cut boxes off at the border; None: they do not.

    NotImplementedError for rotated boxes: keep them as a plain tensor and transform them yourself.

    >>> from torchlike.vision import tv_tensors
    >>> from torchlike.vision.transforms import v2
    >>> boxes = tv_tensors.BoundingBoxes([[2, 1, 8, 5]], format="XYXY", canvas_size=(12, 15))
    >>> v2.functional.horizontal_flip(boxes).tolist()
    [[7, 1, 13, 5]]
    """

    format: BoundingBoxFormat
    canvas_size: tuple[int, int]
    clamping_mode: str | None

    def __new__(  # type: ignore[override]
        cls, data: Any, *, format: BoundingBoxFormat | str, canvas_size: tuple[int, int],
        clamping_mode: str | None = "soft", dtype: Any = None, device: Any = None, requires_grad: bool | None = None,
    ) -> Any:  # fmt: skip
        return cls._made(_tensor(data, dtype, device, requires_grad), format, canvas_size, clamping_mode)

    @classmethod
    def _made(cls, tensor: Tensor, format: Any, canvas_size: Any, clamping_mode: Any) -> Any:
        if tensor.ndim == 1:
            tensor = tensor.unsqueeze(0)
        elif tensor.ndim != 2:
            raise ValueError(f"Expected a 1D or 2D tensor, got {tensor.ndim}D")
        if clamping_mode not in (None, "hard", "soft"):
            raise ValueError(f"clamping_mode must be None, hard or soft, got {clamping_mode}.")
        kind = BoundingBoxFormat[format.upper()] if isinstance(format, str) else format
        if is_rotated_bounding_format(kind):
            raise NotImplementedError(
                f"BoundingBoxes(format={kind.value!r}): rotated boxes are not there; keep them in a plain tensor and "
                "transform their corners yourself, or take the boxes around them in format 'XYXY'"
            )
        return of_kind(cls, tensor, format=kind, canvas_size=tuple(canvas_size), clamping_mode=clamping_mode)

    @classmethod
    def wrap(cls, tensor: Tensor, like: Any, **kwargs: Any) -> Any:
        """`tensor` as boxes with the format, canvas size and clamping mode of `like`, or those that are given."""
        facts = {name: kwargs.get(name, getattr(like, name)) for name in ("format", "canvas_size", "clamping_mode")}
        return cls._made(tensor, **facts)

    def __repr__(self, *, tensor_contents: Any = None) -> str:  # type: ignore[override]
        return self._shown(format=self.format, canvas_size=self.canvas_size, clamping_mode=self.clamping_mode)


def wrap(wrappee: Tensor, *, like: Any, **kwargs: Any) -> Any:
    """A plain tensor as of the kind of `like`, with its format, canvas size and so on unless others are given.

    >>> import torchlike as torch
    >>> from torchlike.vision import tv_tensors
    >>> type(tv_tensors.wrap(torch.zeros(2, 2), like=tv_tensors.Mask(torch.ones(1, 1)))).__name__
    'Mask'
    """
    return type(like).wrap(wrappee, like, **kwargs)


def __getattr__(name: str) -> Any:
    ways = {
        "Video": "use Image, whose first dimensions may be frames (T, C, H, W)",
        "KeyPoints": "keep points in a plain tensor and transform them yourself",
        "set_return_type": "operations always give plain tensors; use wrap(result, like=...)",
    }
    if name in ways:
        raise NotImplementedError(f"tv_tensors.{name} is not there: {ways[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
