"""Transforms of version 2, which take a picture or any nest of pictures and other things.

    sample, label = v2.RandomHorizontalFlip()(picture, label)

All Pillow images and `tv_tensors` (images, masks, boxes) in the nest are transformed, with the same random parameters;
where there is no image, the first plain tensor is. Labels and everything else pass.
"""

from typing import Any

from torchlike.vision.transforms.augmentation import AutoAugmentPolicy as AutoAugmentPolicy
from torchlike.vision.transforms.modes import InterpolationMode as InterpolationMode
from torchlike.vision.transforms.v2 import functional as functional
from torchlike.vision.transforms.v2.channels import *  # noqa: F403
from torchlike.vision.transforms.v2.containers import *  # noqa: F403
from torchlike.vision.transforms.v2.conversion import *  # noqa: F403
from torchlike.vision.transforms.v2.detection import *  # noqa: F403
from torchlike.vision.transforms.v2.mixing import *  # noqa: F403
from torchlike.vision.transforms.v2.nested import *  # noqa: F403
from torchlike.vision.transforms.v2.sizes import *  # noqa: F403
from torchlike.vision.transforms.v2.transform import Transform as Transform

_MISSING = {
    "GaussianNoise": "add torch.randn_like(picture) times sigma in a Lambda",
    "JPEG": "encode and decode by vision.io.encode_jpeg and decode_jpeg in a Lambda",
    "LinearTransformation": "multiply the flattened picture by your matrix in a Lambda",
    "SanitizeKeyPoints": "keep points in a plain tensor and index it",
    "UniformTemporalSubsample": "index the frames with torch.linspace(0, T - 1, n).long()",
}


def __getattr__(name: str) -> Any:
    if name in _MISSING:
        raise NotImplementedError(f"v2.{name} is not there: {_MISSING[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
