"""Data sets of pictures, read from the files that their authors published, with torchvision's names."""

from torchlike.vision.datasets import utils as utils
from torchlike.vision.datasets.base import StandardTransform as StandardTransform
from torchlike.vision.datasets.base import VisionDataset as VisionDataset
from torchlike.vision.datasets.cifar import *  # noqa: F403
from torchlike.vision.datasets.folder import *  # noqa: F403
from torchlike.vision.datasets.made import *  # noqa: F403
from torchlike.vision.datasets.mnist import *  # noqa: F403
from torchlike.vision.datasets.svhn import *  # noqa: F403
