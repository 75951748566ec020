"""torch.nn.functional: layers, activations and losses as functions.

Names that are operations as they stand are bound here from the table (facade.py). What is written out here, in
`layers.py` and in `losses.py` decides something first.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from torchlike.core.dtype import dtype as _dtype_class
from torchlike.core.random_bounds import check_known
from torchlike.drawing import draw
from torchlike.facade import call as _call
from torchlike.jit.annotations import BroadcastingList1, BroadcastingList2, BroadcastingList3  # noqa: F401
from torchlike.nn import native as _native  # noqa: F401  files torch's own names of what is here
from torchlike.nn.attending import *  # noqa: F403
from torchlike.nn.attending import _canonical_mask, _none_or_dtype  # noqa: F401  code made after PyTorch's calls them
from torchlike.nn.bags import *  # noqa: F403
from torchlike.nn.label_losses import *  # noqa: F403
from torchlike.nn.layers import *  # noqa: F403
from torchlike.nn.layers import written
from torchlike.nn.linear_loss import *  # noqa: F403
from torchlike.nn.losses import *  # noqa: F403
from torchlike.nn.pools import *  # noqa: F403
from torchlike.nn.resizing import *  # noqa: F403
from torchlike.nn.scaling import *  # noqa: F403
from torchlike.ops import activation as _activation
from torchlike.ops.checks import check
from torchlike.overrides import (  # noqa: F401  PyTorch has them here too
    handle_torch_function,
    has_torch_function,
    has_torch_function_unary,
    has_torch_function_variadic,
)
from torchlike.tensor import Tensor

if TYPE_CHECKING:
    from torchlike.nn.bound import *  # noqa: F403

# --- activations ------------------------------------------------------------------------------------------------------


def _maybe_in_place(body: Any) -> Callable:
    """An activation as a function whose last argument, `inplace`, writes the result into the input."""
    op, plain = body.op, _call(body.op)
    n = op.n_positional

    def fn(*args, inplace: bool = False, **kwargs):
        if len(args) > n:
            *args, inplace = args  # type: ignore[assignment]
        result = plain(*args, **kwargs)
        return written(args[0] if args else kwargs["input"], result) if inplace else result

    fn.__name__ = fn.__qualname__ = op.name
    fn.__doc__ = f"{body.__doc__}\n\n    With `inplace=True`, the last argument, the result is written into the input."
    return fn


relu = _maybe_in_place(_activation.relu)
relu6 = _maybe_in_place(_activation.relu6)
leaky_relu = _maybe_in_place(_activation.leaky_relu)
elu = _maybe_in_place(_activation.elu)
selu = _maybe_in_place(_activation.selu)
celu = _maybe_in_place(_activation.celu)
silu = _maybe_in_place(_activation.silu)
mish = _maybe_in_place(_activation.mish)
hardtanh = _maybe_in_place(_activation.hardtanh)
hardsigmoid = _maybe_in_place(_activation.hardsigmoid)
hardswish = _maybe_in_place(_activation.hardswish)
threshold = _maybe_in_place(_activation.threshold)


def sigmoid(input: Tensor) -> Tensor:
    """1 / (1 + exp(-x)), element by element."""
    return input.sigmoid()


def tanh(input: Tensor) -> Tensor:
    """The hyperbolic tangent, element by element."""
    return input.tanh()


def rrelu(
    input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Tensor:
    """x where positive, else slope · x, the slope drawn between `lower` and `upper` while training, else their mean."""
    check(lower <= upper, "Lower bound should be less than or equal to the upper bound")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    # PyTorch draws a slope for the negative elements only, in their order; that needs the values (a barrier)
    d = input.dtype.np
    check_known(d, {"float32", "float64", "bfloat16"}, "rrelu_with_noise_out_cpu")
    slopes = draw(
        "slopes", tuple(input.shape), input, float(lower), float(upper), dtype=np.promote_types(d, np.float32),
        device=input.device,
    )  # fmt: skip
    result = _rrelu(input, slopes)
    return written(input, result) if inplace else result


_rrelu = _call(_activation.rrelu.op)


def rrelu_(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False) -> Tensor:
    """`rrelu` in place."""
    return rrelu(input, lower, upper, training, inplace=True)


def _softmax_dim(name: str, ndim: int, stacklevel: int) -> int:
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=stacklevel + 1,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: _dtype_class | None = None
) -> Tensor:
    """exp(x) / sum of exp(x) along `dim`: positive numbers that add up to 1."""
    dim = _softmax_dim("softmax", input.dim(), _stacklevel) if dim is None else dim
    return input.softmax(dim) if dtype is None else input.softmax(dim, dtype=dtype)


def log_softmax(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: _dtype_class | None = None
) -> Tensor:
    """The logarithm of `softmax`, computed without overflow."""
    dim = _softmax_dim("log_softmax", input.dim(), _stacklevel) if dim is None else dim
    return input.log_softmax(dim) if dtype is None else input.log_softmax(dim, dtype=dtype)


def softmin(
    input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: _dtype_class | None = None
) -> Tensor:
    """`softmax` of -x."""
    dim = _softmax_dim("softmin", input.dim(), _stacklevel) if dim is None else dim
    return softmax(-input, dim, dtype=dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Tensor:
    """A sample of the Gumbel-Softmax distribution (https://arxiv.org/abs/1611.01144).

    With `hard` the sample is one-hot while its gradient is that of the soft one.
    """
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=2)
    shape = tuple(logits.shape)
    gumbels = -draw("exponential", shape, 1.0, dtype=logits.dtype.np, device=logits.device).log()
    soft = ((logits + gumbels) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.detach().max(dim, keepdim=True)[1]
    one_hot = soft.detach().new_zeros(shape).scatter_(dim, index, 1.0)
    return one_hot - soft.detach() + soft
