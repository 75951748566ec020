"""torch.nn: modules, layers, losses and containers, and under them functional, init and utils."""

from torchlike.nn import modules as modules
from torchlike.nn.modules import *  # noqa: F403
from torchlike.nn.modules import Module as Module

# isort: split
# after the layers, whose files have the names of these two: `from` would find those
import torchlike.nn.attention as attention  # noqa: F401
import torchlike.nn.utils as utils  # noqa: F401
from torchlike.nn import functional as functional
from torchlike.nn import init as init
from torchlike.nn import parallel as parallel
from torchlike.nn import quantized as quantized
from torchlike.nn.factory import factory_kwargs as factory_kwargs
from torchlike.nn.from_flax import from_flax as from_flax
from torchlike.nn.parallel import DataParallel as DataParallel
from torchlike.nn.parameter import Buffer as Buffer
from torchlike.nn.parameter import Parameter as Parameter
from torchlike.nn.parameter import UninitializedBuffer as UninitializedBuffer
from torchlike.nn.parameter import UninitializedParameter as UninitializedParameter
from torchlike.nn.to_flax import to_flax as to_flax
from torchlike.nn.to_flax import to_function as to_function
