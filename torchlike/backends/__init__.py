"""torch.backends: the flags of PyTorch's own kernels.

XLA is the only backend here. Flags are kept, so that scripts may set and read them; those that mean something to XLA
(TF32 in products and convolutions) are honoured, and each module says which.
"""

from torchlike.backends import cpu as cpu
from torchlike.backends import cuda as cuda
from torchlike.backends import cudnn as cudnn
from torchlike.backends import mha as mha
from torchlike.backends import mkl as mkl
from torchlike.backends import mkldnn as mkldnn
from torchlike.backends import mps as mps
from torchlike.backends import nnpack as nnpack
from torchlike.backends import openmp as openmp
from torchlike.backends import opt_einsum as opt_einsum
from torchlike.backends import quantized as quantized
from torchlike.backends import xnnpack as xnnpack

fp32_precision = "none"
