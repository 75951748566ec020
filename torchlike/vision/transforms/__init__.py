"""Transforms of Pillow images and tensors, with torchvision's names, numbers and random draws.

The same seed gives the same augmentation as torchvision: random parameters are drawn from the default generator in the
same order.
"""

from torchlike.vision.transforms import boxes as boxes
from torchlike.vision.transforms import functional as functional
from torchlike.vision.transforms.augmentation import *  # noqa: F403
from torchlike.vision.transforms.changing import *  # noqa: F403
from torchlike.vision.transforms.containers import *  # noqa: F403
from torchlike.vision.transforms.conversion import *  # noqa: F403
from torchlike.vision.transforms.cutting import *  # noqa: F403
from torchlike.vision.transforms.modes import InterpolationMode as InterpolationMode

from torchlike.vision.transforms import v2 as v2  # isort: skip  built on all of the above
