"""torchlike: PyTorch's names and meaning on JAX. `import torchlike as torch`."""

import sys as _sys
from typing import TYPE_CHECKING as _TYPE_CHECKING

from torchlike import core as core
from torchlike import ops as ops
from torchlike.core import explain as explain
from torchlike.core.autograd import enable_grad as enable_grad
from torchlike.core.autograd import inference_mode as inference_mode
from torchlike.core.autograd import is_grad_enabled as is_grad_enabled
from torchlike.core.autograd import is_inference_mode_enabled as is_inference_mode_enabled
from torchlike.core.autograd import no_grad as no_grad
from torchlike.core.autograd import set_grad_enabled as set_grad_enabled
from torchlike.core.device import device as device
from torchlike.core.dtype import *  # noqa: F403
from torchlike.core.size import Size as Size
from torchlike.tensor import Tensor as Tensor
from torchlike.tensor import from_jax as from_jax

# isort: split
# what follows is built on Tensor and, when called, on the names bound below
from torchlike import autograd as autograd
from torchlike import cuda as cuda
from torchlike import fft as fft
from torchlike import indexing as indexing
from torchlike import linalg as linalg
from torchlike import nn as nn
from torchlike import optim as optim
from torchlike import return_types as return_types
from torchlike import serialization as serialization
from torchlike import signal as signal
from torchlike import special as special
from torchlike import utils as utils
from torchlike.compiler import compile as compile
from torchlike.creation import *  # noqa: F403
from torchlike.facade import bind_all as _bind_all
from torchlike.nn import functional as _functional
from torchlike.numeric_limits import finfo as finfo
from torchlike.numeric_limits import iinfo as iinfo
from torchlike.printing import set_printoptions as set_printoptions
from torchlike.random import *  # noqa: F403
from torchlike.serialization import load as load
from torchlike.serialization import save as save
from torchlike.utils import data as _data  # noqa: F401  torch.utils.data is there without an import

if _TYPE_CHECKING:
    from torchlike.bound import *  # noqa: F403

_bind_all(
    Tensor,
    {
        "torch": _sys.modules[__name__],
        "F": _functional,
        "linalg": linalg,
        "fft": fft,
        "special": special,
        "signal.windows": signal.windows,
    },
)
