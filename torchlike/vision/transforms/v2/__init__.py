"""Transforms of version 2, which take a picture or any nest of pictures and other things.

    sample, label = v2.RandomHorizontalFlip()(picture, label)

All Pillow images in the nest are transformed, with the same random parameters; where there is none, the first tensor
is. Labels and everything else pass. Boxes, masks and videos (torchvision's `tv_tensors`) are not among it: transform
them yourself with what `make_params` of the transform gave.
"""

from torchlike.vision.transforms.augmentation import AutoAugmentPolicy as AutoAugmentPolicy
from torchlike.vision.transforms.modes import InterpolationMode as InterpolationMode
from torchlike.vision.transforms.v2 import functional as functional
from torchlike.vision.transforms.v2.containers import *  # noqa: F403
from torchlike.vision.transforms.v2.nested import *  # noqa: F403
