"""Instance normalisation, beside the batch normalisation with which it shares its state."""

from torchlike.nn.modules.batchnorm import InstanceNorm1d as InstanceNorm1d
from torchlike.nn.modules.batchnorm import InstanceNorm2d as InstanceNorm2d
from torchlike.nn.modules.batchnorm import InstanceNorm3d as InstanceNorm3d
