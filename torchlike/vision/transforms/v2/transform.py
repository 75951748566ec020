"""What a transform of version 2 is: one draw of parameters for all pictures, masks and boxes in a nest."""

from __future__ import annotations

from typing import Any

from torchlike.tensor import Tensor
from torchlike.utils._pytree import tree_flatten, tree_unflatten
from torchlike.vision.pillow import is_picture
from torchlike.vision.transforms.base import Transform as _Transform
from torchlike.vision.transforms.subjects import get_dimensions
from torchlike.vision.tv_tensors import BoundingBoxes, Image, Mask, TVTensor


class Transform(_Transform):
    """The base of transforms of version 2: yours defines `make_params(flat_inputs)` and `transform(inpt, params)`."""

    reads_size = False  # whether the parameters depend on it, so that all pictures must have the same

    def check_inputs(self, flat_inputs: list) -> None:
        """Raises where something in the nest cannot be transformed."""

    def make_params(self, flat_inputs: list) -> Any:
        """The random parameters, given what is transformed."""
        if self.reads_size:
            size_of_all(flat_inputs)
        whole = [x for x in flat_inputs if not isinstance(x, BoundingBoxes | Mask)]
        return self.draw((whole or flat_inputs)[0]) if flat_inputs else None

    def transform(self, inpt: Any, params: Any) -> Any:
        """One picture, mask or set of boxes transformed."""
        return self.apply_to(inpt, params)

    def forward(self, *inputs: Any) -> Any:
        """The nest, its pictures transformed; several arguments come back as a tuple."""
        leaves, spec = tree_flatten(inputs if len(inputs) > 1 else inputs[0])
        self.check_inputs(leaves)
        which = chosen(leaves)
        if any(which):
            params = self.make_params([x for x, c in zip(leaves, which, strict=True) if c])
            leaves = [self.transform(x, params) if c else x for x, c in zip(leaves, which, strict=True)]
        return tree_unflatten(leaves, spec)


def chosen(leaves: list) -> list[bool]:
    """Which leaves are transformed: Pillow images and `tv_tensors`, and where no picture is among them the first plain
    tensor."""
    is_plain = [type(x) is Tensor or (isinstance(x, Tensor) and not isinstance(x, TVTensor)) for x in leaves]
    found = [is_picture(x) or isinstance(x, TVTensor) for x in leaves]
    if any(is_plain) and not any(is_picture(x) or isinstance(x, Image) for x in leaves):
        found[is_plain.index(True)] = True
    return found


def size_of_all(leaves: list) -> tuple[int, int]:
    """The one height and width of all pictures, masks and boxes; ValueError if there are several."""
    sizes = {tuple(get_dimensions(x)[1:]) for x in leaves}
    if not sizes:
        raise TypeError("No image, video, mask, bounding box of keypoint was found in the sample")
    if len(sizes) > 1:
        shown = ", ".join(map(str, sorted(sizes)))
        raise ValueError(f"Found multiple HxW dimensions in the sample: {shown}")
    return sizes.pop()  # type: ignore[return-value]
