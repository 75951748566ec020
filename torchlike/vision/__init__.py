"""Data sets, transforms, models and operations for images, under torchvision's names.

    import torchlike.vision as torchvision
    from torchlike.vision import datasets, models, transforms
"""

from torchlike.vision import datasets as datasets
from torchlike.vision import io as io
from torchlike.vision import models as models
from torchlike.vision import ops as ops
from torchlike.vision import transforms as transforms
from torchlike.vision import tv_tensors as tv_tensors
from torchlike.vision import utils as utils
