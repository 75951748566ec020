"""torchlike: PyTorch's names and meaning on JAX. `import torchlike as torch`."""

import importlib as _importlib
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
from torchlike import accelerator as accelerator
from torchlike import amp as amp
from torchlike import autograd as autograd
from torchlike import backends as backends
from torchlike import cpu as cpu
from torchlike import cuda as cuda
from torchlike import fft as fft
from torchlike import func as func
from torchlike import indexing as indexing
from torchlike import linalg as linalg
from torchlike import masked as masked
from torchlike import masking as masking
from torchlike import mps as mps
from torchlike import mtia as mtia
from torchlike import nn as nn
from torchlike import optim as optim
from torchlike import random_fill as _random_fill  # noqa: F401  binds methods of Tensor
from torchlike import return_types as return_types
from torchlike import serialization as serialization
from torchlike import signal as signal
from torchlike import sparse as sparse
from torchlike import special as special
from torchlike import storage as storage
from torchlike import torch_version as torch_version
from torchlike import types as types
from torchlike import utils as utils
from torchlike import version as version
from torchlike import windows as windows
from torchlike import xpu as xpu
from torchlike.amp.autocast_mode import autocast as autocast
from torchlike.amp.autocast_mode import clear_autocast_cache as clear_autocast_cache
from torchlike.amp.autocast_mode import get_autocast_cpu_dtype as get_autocast_cpu_dtype
from torchlike.amp.autocast_mode import get_autocast_dtype as get_autocast_dtype
from torchlike.amp.autocast_mode import get_autocast_gpu_dtype as get_autocast_gpu_dtype
from torchlike.amp.autocast_mode import is_autocast_cache_enabled as is_autocast_cache_enabled
from torchlike.amp.autocast_mode import is_autocast_cpu_enabled as is_autocast_cpu_enabled
from torchlike.amp.autocast_mode import is_autocast_enabled as is_autocast_enabled
from torchlike.amp.autocast_mode import set_autocast_cache_enabled as set_autocast_cache_enabled
from torchlike.amp.autocast_mode import set_autocast_dtype as set_autocast_dtype
from torchlike.amp.autocast_mode import set_autocast_enabled as set_autocast_enabled
from torchlike.asking import *  # noqa: F403
from torchlike.autograd.anomaly_mode import is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled
from torchlike.autograd.anomaly_mode import is_anomaly_enabled as is_anomaly_enabled
from torchlike.compiled_names import *  # noqa: F403
from torchlike.compiler import compile as compile
from torchlike.creation import *  # noqa: F403
from torchlike.cuda.memory import OutOfMemoryError as OutOfMemoryError
from torchlike.facade import bind_all as _bind_all
from torchlike.from_data import *  # noqa: F403
from torchlike.func import vmap as vmap
from torchlike.legacy import *  # noqa: F403
from torchlike.nn import functional as _functional
from torchlike.numeric_limits import finfo as finfo
from torchlike.numeric_limits import iinfo as iinfo
from torchlike.placement import *  # noqa: F403
from torchlike.printing import set_printoptions as set_printoptions
from torchlike.random import *  # noqa: F403
from torchlike.ranges import *  # noqa: F403
from torchlike.serialization import load as load
from torchlike.serialization import save as save
from torchlike.settings import *  # noqa: F403
from torchlike.storage import NAMED as _NAMED
from torchlike.storage import TypedStorage as TypedStorage
from torchlike.storage import UntypedStorage as UntypedStorage
from torchlike.storage import is_storage as is_storage
from torchlike.stream import Event as Event
from torchlike.stream import Stream as Stream
from torchlike.torch_version import __version__ as __version__
from torchlike.utils import data as _data  # noqa: F401  torch.utils.data is there without an import

for _class in (Tensor, Size, device, dtype, finfo, iinfo, Generator, layout, memory_format):  # noqa: F405
    _class.__module__ = __name__  # `type(x)` shows where users find it

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

storage.bind(Tensor)
globals().update(_NAMED)

_LATE = frozenset({
    "_C", "_custom_ops", "_dynamo", "_higher_order_ops", "_inductor", "_prims_common", "_tensor", "_utils", "ao",
    "classes", "distributed", "distributions", "export", "futures", "fx", "hub", "jit", "library", "multiprocessing",
    "numa", "onnx", "overrides", "profiler", "quantization", "testing", "vision",
})  # fmt: skip
"""Modules that few scripts use: imported when they are asked for."""


def __getattr__(name: str):
    if name == "torch":
        return _sys.modules[__name__]
    if name in _LATE:
        return _importlib.import_module(f"torchlike.{name}")
    raise AttributeError(f"module 'torch' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})
